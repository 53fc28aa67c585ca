"""Files made to break a reader: nested without end, elements of wrong kinds and lengths. A volume or a sentence."""

from __future__ import annotations

import struct
import tracemalloc

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from napari_medseg.core import MedsegError
from napari_medseg.io.dicom import find_dicom_series

SEQUENCE = struct.pack("<HH", 0x0008, 0x1140)
ITEM, END_OF_ITEM, END = (struct.pack("<HH", 0xFFFE, element) for element in (0xE000, 0xE00D, 0xE0DD))
UNDEFINED = b"\xff\xff\xff\xff"


def nested(depth: int, implicit: bool, *, defined: bool) -> bytes:
    kind = SEQUENCE + (b"" if implicit else b"SQ\0\0")
    if not defined:
        return (kind + UNDEFINED + ITEM + UNDEFINED) * depth + (END_OF_ITEM + bytes(4) + END + bytes(4)) * depth
    value = b""
    for _ in range(depth):
        item = ITEM + struct.pack("<I", len(value)) + value
        value = kind + struct.pack("<I", len(item)) + item
    return value


def put_before(path, tag: bytes, data: bytes) -> None:
    content = path.read_bytes()
    at = content.index(tag)
    path.write_bytes(content[:at] + data + content[at:])


def outcome(path):
    """Return the volume, or the sentence, with the memory that Python took for it."""
    tracemalloc.start()
    try:
        series, problems = find_dicom_series(path)
        assert all(path.name in problem and problem.endswith(".") for problem in problems)
        try:
            found = series[0].load() if series else problems[0]
        except MedsegError as error:
            assert path.name in error.message
            found = error.message
        return found, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("depth", [3, 17, 1000, 200_000])
@pytest.mark.parametrize("defined", [True, False], ids=["lengths", "delimiters"])
@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=lambda uid: uid.name[:8])
def test_nested_sequences(tmp_path, slice_maker, syntax, defined, depth):
    if defined and depth > 1000:
        depth = 2000
    ds = slice_maker(np.zeros((4, 4), np.int16))
    ds.file_meta.TransferSyntaxUID = syntax
    path = tmp_path / "deep.dcm"
    ds.save_as(path, enforce_file_format=True)
    put_before(
        path, struct.pack("<HH", 0x0010, 0x0010), nested(depth, syntax == ImplicitVRLittleEndian, defined=defined)
    )
    found, peak = outcome(path)
    if depth <= 17 or defined:
        assert found.array.shape == (4, 4, 1)
    assert peak < 64 * 2**20


REPLACED = {
    "rows of none": (0x00280010, "US", b"\0\0"),
    "rows of 65535": (0x00280010, "US", b"\xff\xff"),
    "rows of one byte": (0x00280010, "US", b"\x04"),
    "rows as text": (0x00280010, "LO", b"four"),
    "no bits": (0x00280100, "US", b"\0\0"),
    "sixty-five bits": (0x00280100, "US", b"\x41\0"),
    "more bits stored than allocated": (0x00280101, "US", b"\x40\0"),
    "high bit beyond": (0x00280102, "US", b"\xff\0"),
    "position without numbers": (0x00200032, "DS", b"a\\b\\c "),
    "position of two": (0x00200032, "DS", b"1\\2 "),
    "position without end": (0x00200032, "DS", b"inf\\nan\\1e400 "),
    "orientation of zeros": (0x00200037, "DS", b"0\\0\\0\\0\\0\\0 "),
    "spacing of zero": (0x00280030, "DS", b"0\\0 "),
    "spacing below zero": (0x00280030, "DS", b"-1\\-1 "),
    "slope without number": (0x00281053, "DS", b"one "),
    "slope without end": (0x00281053, "DS", b"1e300 "),
    "intercept without end": (0x00281052, "DS", b"-1e300"),
    "frames without end": (0x00280008, "IS", b"99999999"),
    "frames below zero": (0x00280008, "IS", b"-3"),
    "samples of none": (0x00280002, "US", b"\0\0"),
    "samples of three": (0x00280002, "US", b"\x03\0"),
    "palette without tables": (0x00280004, "CS", b"PALETTE COLOR "),
    "colours of an unknown kind": (0x00280004, "CS", b"CMYK"),
    "window of text": (0x00281050, "DS", b"wide"),
    "modality LUT of text": (0x00283000, "LO", b"none"),
    "character set of nowhere": (0x00080005, "CS", b"ISO_IR 999"),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("tag", "vr", "value"), REPLACED.values(), ids=REPLACED)
def test_element_that_lies(tmp_path, slice_maker, tag, vr, value):
    ds = slice_maker(np.arange(16, dtype=np.int16).reshape(4, 4))
    ds.WindowCenter, ds.WindowWidth = 40, 400
    path = tmp_path / "lying.dcm"
    ds.save_as(path, enforce_file_format=True)
    content = path.read_bytes()
    name = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    element = name + vr.encode() + struct.pack("<H", len(value)) + value
    at = content.find(name + ds[tag].VR.encode()) if tag in ds else -1
    if at >= 0:
        (length,) = struct.unpack_from("<H", content, at + 6)
        path.write_bytes(content[:at] + element + content[at + 8 + length :])
    else:
        later = min(e.tag for e in ds if e.tag > tag)
        put_before(path, struct.pack("<HH", later.group, later.element) + ds[later].VR.encode(), element)
    found, peak = outcome(path)
    assert isinstance(found, str) or found.array.size == 16
    assert peak < 16 * 2**20


def test_truncated_files_of_a_series_are_named_and_the_rest_opens(tmp_path, series_writer):
    stack = np.arange(30 * 16, dtype=np.int16).reshape(30, 4, 4)
    paths = series_writer(tmp_path / "ct", stack)
    for path in paths[3:6]:
        path.write_bytes(path.read_bytes()[:-10])
    paths[9].write_bytes(paths[9].read_bytes()[:200])
    (series,), problems = find_dicom_series(tmp_path)
    assert series.n_images == 26
    told = " ".join(problems)
    assert all(path.name in told for path in paths[3:6])
    volume = series.load()
    assert any("missing" in note for note in volume.notes)
