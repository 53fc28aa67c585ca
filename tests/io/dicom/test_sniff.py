from __future__ import annotations

import io

import numpy as np
import pytest
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from napari_medseg.io.dicom import is_dicom
from napari_medseg.io.dicom.sniff import looks_like_dicom


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_data_set_without_preamble_is_recognised(slice_maker, syntax):
    ds = slice_maker(np.zeros((4, 4), np.int16))
    del ds.file_meta
    buffer = io.BytesIO()
    dcmwrite(buffer, ds, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=syntax != ExplicitVRBigEndian)
    assert looks_like_dicom(buffer.getvalue()[:512])


def test_file_with_preamble_is_recognised_without_extension(tmp_path, series_writer, stack):
    (path, *_) = series_writer(tmp_path, stack)
    assert path.suffix == ""
    assert is_dicom(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"DICM",
        b"hello, world\n" * 60,
        b"\x5c\x01\x00\x00" + b"\0" * 344,
        b"\x08\x00",
        bytes(range(256)) * 3,
        b"\0" * 600,
    ],
    ids=["empty", "magic alone", "text", "nifti", "two bytes", "ramp", "zeros"],
)
def test_other_files_are_not(tmp_path, content):
    path = tmp_path / "file.dcm"
    path.write_bytes(content)
    assert not is_dicom(path)


def test_folder_and_missing_file_are_not(tmp_path):
    assert not is_dicom(tmp_path)
    assert not is_dicom(tmp_path / "nothing")
