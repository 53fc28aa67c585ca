"""Damaged files: a volume or a sentence, never anything else, and never more memory than the file can hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom.data
import pytest

from napari_medseg.core import MedsegError
from napari_medseg.io.dicom import find_dicom_series

SEEDS = (
    "CT_small.dcm",
    "MR_small_implicit.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_RLE.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "MR_small_jp2klossless.dcm",
    "SC_rgb_rle_2frame.dcm",
    "JPGExtended.dcm",
    "image_dfl.dcm",
    "examples_palette.dcm",
)


LENGTHS = (b"\xff\xff\xff\xff", bytes(4), b"\xff\xff\xff\x7f", b"\x00\x01\x00\x00")


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """Overwrite, drop, double or cut; the header, which is the smaller part, is hit most."""
    damaged = bytearray(data)
    header = min(len(data), 2500)
    for _ in range(int(rng.integers(1, 6))):
        at = int(rng.integers(132, header if rng.random() < 0.8 else len(damaged)))
        kind = rng.integers(5)
        if kind == 0:
            damaged[at : at + 1] = bytes([int(rng.integers(256))])
        elif kind == 1:
            damaged[at : at + 4] = LENGTHS[int(rng.integers(len(LENGTHS)))]
        elif kind == 2:
            del damaged[at : at + int(rng.integers(1, 20))]
        elif kind == 3:
            damaged[at:at] = damaged[at : at + int(rng.integers(1, 40))]
        else:
            del damaged[at:]
        if len(damaged) < 200:
            break
    return bytes(damaged)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", SEEDS)
def test_mutations_end_in_a_volume_or_a_sentence(name, tmp_path):
    data = (Path(pydicom.data.__file__).parent / "test_files" / name).read_bytes()
    rng = np.random.default_rng(len(data))
    path = tmp_path / "damaged.dcm"
    for _ in range(25):
        path.write_bytes(mutate(data, rng))
        series, problems = find_dicom_series(path)
        assert all(isinstance(problem, str) and problem.endswith(".") for problem in problems)
        for one in series:
            try:
                volume = one.load()
            except MedsegError:
                continue
            assert volume.array.shape[:3] == one.shape
            one.thumbnail(16)
