"""Damaged multi-frame files and mosaics: a volume or a sentence, as for plain images (see test_damage)."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from napari_medseg.core import MedsegError
from napari_medseg.io.dicom import find_dicom_series

LENGTHS = (b"\xff\xff\xff\xff", bytes(4), b"\xff\xff\xff\x7f", b"\x00\x01\x00\x00", b"\x08\x00\x00\x00")


def mutate(data: bytes, rng: np.random.Generator, header: int) -> bytes:
    """Overwrite, drop, double or cut, mostly in the header."""
    damaged = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at = int(rng.integers(132, header if rng.random() < 0.95 else len(damaged)))
        kind = rng.integers(6)
        if kind <= 1:
            damaged[at : at + 1] = bytes([int(rng.integers(256))])
        elif kind == 2:
            damaged[at : at + 4] = LENGTHS[int(rng.integers(len(LENGTHS)))]
        elif kind == 3:
            del damaged[at : at + int(rng.integers(1, 20))]
        elif kind == 4:
            damaged[at:at] = damaged[at : at + int(rng.integers(1, 40))]
        else:
            del damaged[at:]
        if len(damaged) < 200:
            break
    return bytes(damaged)


@pytest.fixture
def seeds(tmp_path, slice_maker, slice_saver, enhanced_maker, enhanced_saver, item):
    """Return files of every kind, and how long the header of each is."""
    frames = np.arange(6 * 8 * 8, dtype=np.int16).reshape(6, 8, 8)
    positions = [[0, 0, 2.0 * (n % 3)] for n in range(6)]

    def weigh(group, n):
        group.MRDiffusionSequence = item(
            DiffusionBValue=700.0 * (n // 3),
            DiffusionGradientDirectionSequence=item(DiffusionGradientOrientation=[1.0, 0.0, 0.0]),
        )

    folder = tmp_path / "seeds"
    found = []
    for undefined in (False, True):
        ds = enhanced_maker(slice_maker(frames[0], modality="MR"), frames, positions, edit=weigh)
        found.append(enhanced_saver(ds, folder / f"enhanced{undefined}", undefined=undefined))
    film = slice_maker(frames[0], modality="US", position=None)
    film.NumberOfFrames, film.PixelData, film.FrameTimeVector = 6, frames.tobytes(), [0, 10, 10, 10, 10, 10]
    found.append(slice_saver(film, folder / "film"))
    dose = slice_maker(frames[0], modality="RTDOSE")
    dose.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.2"
    dose.NumberOfFrames, dose.PixelData, dose.GridFrameOffsetVector = 6, frames.tobytes(), [0, 1, 2, 3, 4, 5]
    dose.DoseGridScaling = "0.5"
    found.append(slice_saver(dose, folder / "dose"))
    return [path.read_bytes() for path in found]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("seed", range(4))
def test_mutations_end_in_a_volume_or_a_sentence(tmp_path, seeds, seed):
    data = seeds[seed]
    rng = np.random.default_rng(seed)
    path = tmp_path / "damaged.dcm"
    loaded = 0
    for _ in range(60):
        path.write_bytes(mutate(data, rng, len(data) - 6 * 8 * 8 * 2))
        tracemalloc.start()
        series, problems = find_dicom_series(path)
        assert all(isinstance(problem, str) and problem.endswith(".") for problem in problems)
        for one in series:
            try:
                volume = one.load()
            except MedsegError:
                continue
            loaded += 1
            assert volume.array.shape[:3] == one.shape
            one.thumbnail(16)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 20e6  # a file of a few kilobytes asks for no more than pydicom itself does
    assert loaded > 3
