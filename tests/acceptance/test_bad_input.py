"""Every kind of bad input, through the public door and the command line: one sentence, a hint, nothing written."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nibabel as nib
import numpy as np
import pydicom
import pytest

import napari_medseg as ms

if TYPE_CHECKING:
    from collections.abc import Callable

    Maker = Callable[[Path, Path], Path]


def empty_folder(folder: Path, samples: Path) -> Path:
    path = folder / "empty"
    path.mkdir()
    return path


def folder_without_scans(folder: Path, samples: Path) -> Path:
    path = folder / "papers"
    path.mkdir()
    (path / "notes.txt").write_text("nothing to see")
    (path / "table.csv").write_text("a,b\n1,2\n")
    return path


def no_such_path(folder: Path, samples: Path) -> Path:
    return folder / "nowhere.nii.gz"


def text_renamed(folder: Path, samples: Path) -> Path:
    path = folder / "letter.nii.gz"
    path.write_text("Dear colleague, " * 100)
    return path


def text_renamed_uncompressed(folder: Path, samples: Path) -> Path:
    path = folder / "letter.nii"
    path.write_text("Dear colleague, " * 100)
    return path


def empty_file(folder: Path, samples: Path) -> Path:
    path = folder / "empty.nii.gz"
    path.touch()
    return path


def truncated_gzip(folder: Path, samples: Path) -> Path:
    path = folder / "cut.nii.gz"
    whole = (samples / "mr_head" / "t1_head.nii.gz").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def damaged_gzip(folder: Path, samples: Path) -> Path:
    path = folder / "damaged.nii.gz"
    whole = bytearray((samples / "mr_head" / "t1_head.nii.gz").read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 64] = bytes(64)
    path.write_bytes(whole)
    return path


def _header_that_promises(shape: tuple[int, ...]) -> nib.Nifti1Header:
    header = nib.Nifti1Header()
    header.set_data_dtype(np.int16)
    header["dim"] = [len(shape), *shape, *[1] * (7 - len(shape))]
    header["vox_offset"] = 352
    header["magic"] = b"n+1"
    header.set_sform(np.eye(4), 1)
    return header


def more_voxels_than_the_file(folder: Path, samples: Path) -> Path:
    path = folder / "short.nii"
    path.write_bytes(_header_that_promises((100, 100, 100)).binaryblock + bytes(4) + bytes(1000))
    return path


def more_voxels_than_memory(folder: Path, samples: Path) -> Path:
    path = folder / "huge.nii.gz"
    path.write_bytes(gzip.compress(_header_that_promises((32000, 32000, 32000)).binaryblock + bytes(4) + bytes(1000)))
    return path


def five_real_axes(folder: Path, samples: Path) -> Path:
    path = folder / "five.nii"
    nib.save(nib.Nifti1Image(np.zeros((4, 4, 4, 2, 3), np.int16), np.eye(4)), path)
    return path


def seven_real_axes(folder: Path, samples: Path) -> Path:
    path = folder / "seven.nii"
    nib.save(nib.Nifti1Image(np.zeros((2, 2, 2, 2, 2, 2, 2), np.int16), np.eye(4)), path)
    return path


def no_axes(folder: Path, samples: Path) -> Path:
    path = folder / "none.nii"
    header = _header_that_promises((1,))
    header["dim"] = [0, 1, 1, 1, 1, 1, 1, 1]
    path.write_bytes(header.binaryblock + bytes(4) + bytes(1000))
    return path


def dicom_without_pixels(folder: Path, samples: Path) -> Path:
    data = pydicom.dcmread(samples / "chest_radiograph" / "simulated_chest_pa.dcm")
    del data.PixelData
    path = folder / "no_pixels.dcm"
    data.save_as(path)
    return path


def truncated_dicom(folder: Path, samples: Path) -> Path:
    path = folder / "cut.dcm"
    whole = (samples / "chest_radiograph" / "simulated_chest_pa.dcm").read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    return path


def dicom_with_lying_size(folder: Path, samples: Path) -> Path:
    data = pydicom.dcmread(samples / "chest_radiograph" / "simulated_chest_pa.dcm")
    data.Rows = 60000
    data.Columns = 60000
    path = folder / "lying.dcm"
    data.save_as(path)
    return path


MAKERS: list[Maker] = [
    empty_folder,
    folder_without_scans,
    no_such_path,
    text_renamed,
    text_renamed_uncompressed,
    empty_file,
    truncated_gzip,
    damaged_gzip,
    more_voxels_than_the_file,
    more_voxels_than_memory,
    five_real_axes,
    seven_real_axes,
    no_axes,
    dicom_without_pixels,
    truncated_dicom,
    dicom_with_lying_size,
]


@pytest.mark.parametrize("make", MAKERS, ids=lambda make: make.__name__)
def test_bad_input_ends_in_a_sentence_and_a_hint(make: Maker, tmp_path: Path, sample_data: Path) -> None:
    path = make(tmp_path, sample_data)
    with pytest.raises(ms.MedsegError) as caught:
        ms.read_volume(path)
    error = caught.value
    assert error.message.rstrip().endswith("."), error.message
    assert "\n" not in str(error)
    assert error.hint, f"no hint: {error.message}"
    assert "Traceback" not in str(error)


@pytest.mark.parametrize(
    "make", [text_renamed, truncated_gzip, empty_folder, dicom_with_lying_size], ids=lambda m: m.__name__
)
def test_the_command_line_says_it_in_one_line_and_writes_nothing(
    make: Maker, tmp_path: Path, sample_data: Path
) -> None:
    path = make(tmp_path, sample_data)
    out = tmp_path / "out"
    out.mkdir()
    run = subprocess.run(
        [sys.executable, "-m", "napari_medseg", "convert", str(path), str(out / "a.nii.gz")],
        capture_output=True,
        text=True,
        timeout=120,
        env=os.environ | {"NO_COLOR": "1"},
        check=False,
    )
    assert run.returncode == 1, run.stderr
    assert "Traceback" not in run.stderr
    assert len(run.stderr.strip().splitlines()) == 1, run.stderr
    assert list(out.iterdir()) == []


def test_a_nan_affine_is_reported_and_not_guessed_in_silence(tmp_path: Path) -> None:
    header = _header_that_promises((3, 4, 5))
    header["srow_x"] = np.nan
    path = tmp_path / "nan.nii"
    path.write_bytes(header.binaryblock + bytes(4) + bytes(3 * 4 * 5 * 2))
    try:
        volume = ms.read_volume(path)
    except ms.MedsegError as error:
        assert error.hint
    else:
        assert volume.notes, "a broken affine must be told"
        assert np.isfinite(volume.geometry.affine).all()
