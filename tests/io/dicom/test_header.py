"""What a header means is the same whether a sibling's header was read before or not."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from pathlib import Path

import pydicom.data
import pytest

from napari_medseg.core import MedsegError
from napari_medseg.io.dicom import header, header_layout
from napari_medseg.io.dicom.attributes import WANTED
from napari_medseg.io.dicom.elements import HeaderElements
from napari_medseg.io.dicom.file_header import UNREADABLE, read_elements
from napari_medseg.io.dicom.sniff import looks_like_dicom, read_head

FILES = [
    path
    for path in sorted(Path(pydicom.data.__file__).parent.rglob("*"))
    if path.is_file() and looks_like_dicom(read_head(path))
]
OTHER_VALUES = (b"7", b"1\\2\\3", b"\x07\x00", b"20260302120000", b"120000.5", b"1.2.3.7", b"nonsense", b"")


@pytest.fixture(autouse=True)
def _alone(monkeypatch):
    monkeypatch.setattr(header, "_siblings", {})


def outcome(elements: HeaderElements, path: Path):
    try:
        return header.instance_from(elements, path)
    except (MedsegError, *UNREADABLE) as error:
        return type(error)


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_any_element_may_differ_between_siblings(path):
    try:
        elements = read_elements(path, read_head(path))
    except UNREADABLE:
        return
    if elements.pixels is None:
        return
    for tag in sorted(WANTED):
        told = elements.values.get(tag, (None, b""))[0]
        for value in OTHER_VALUES:
            other = dataclasses.replace(elements, values={**elements.values, tag: (told, value)}, alike=())
            header._siblings.clear()
            expected = outcome(other, Path("b"))
            header._siblings.clear()
            outcome(dataclasses.replace(elements, alike=()), Path("a"))
            assert outcome(other, Path("b")) == expected, hex(tag)
    pixels = dataclasses.replace(elements.pixels, offset=7, available=3)
    other = dataclasses.replace(elements, pixels=pixels)
    header._siblings.clear()
    expected = outcome(other, Path("b"))
    outcome(elements, Path("a"))
    assert outcome(other, Path("b")) == expected


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "rtdose.dcm"])
def test_any_byte_may_differ_between_headers_that_are_laid_out_alike(monkeypatch, name):
    monkeypatch.setattr(header_layout, "_layouts", OrderedDict())
    path = next(path for path in FILES if path.name == name)
    data = path.read_bytes()
    n_alike = 0
    elements = read_elements(path, data, len(data))
    assert elements.pixels is not None
    for place in range(132, elements.pixels.offset, 3):
        damaged = data[:place] + bytes([data[place] ^ 0x07]) + data[place + 1 :]
        header_layout._layouts.clear()
        header._siblings.clear()
        expected = damaged_outcome(path, damaged)
        header_layout._layouts.clear()
        header._siblings.clear()
        for whole in (data, data):  # walked, then known
            outcome(read_elements(path, whole, len(whole)), path)
        n_alike += header_layout.find_layout(damaged, len(damaged)) is not None
        assert damaged_outcome(path, damaged) == expected, place
    assert n_alike > 100


def damaged_outcome(path: Path, data: bytes):
    try:
        return outcome(read_elements(path, data, len(data)), path)
    except (MedsegError, *UNREADABLE) as error:
        return type(error)


def test_only_so_many_siblings_are_kept():
    path = next(path for path in FILES if path.name == "CT_small.dcm")
    elements = read_elements(path, read_head(path))
    for number in range(3 * header._SIBLINGS_KEPT):
        values = {**elements.values, 0x0020000E: ("UI", f"1.2.{number}".encode())}
        other = dataclasses.replace(elements, values=values, alike=())
        assert header.instance_from(other, path).series_uid == f"1.2.{number}"
    assert len(header._siblings) == header._SIBLINGS_KEPT
