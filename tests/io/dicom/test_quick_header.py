"""The quick walk answers as pydicom does, or not at all."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from napari_medseg.io.dicom import header_layout
from napari_medseg.io.dicom.attributes import SEQUENCES_READ
from napari_medseg.io.dicom.elements import HeaderElements
from napari_medseg.io.dicom.file_header import UNREADABLE, read_elements, read_with_pydicom
from napari_medseg.io.dicom.quick_header import NotPlain, walk_header
from napari_medseg.io.dicom.sniff import looks_like_dicom, read_head

PYDICOM_FILES = Path(pydicom.data.__file__).parent


def facts(elements: HeaderElements) -> dict:
    """All that is read; pydicom pads texts otherwise, and names a representation also for empty values.

    Of sequences only the presence counts: pydicom has taken them apart (see test_functional_groups for their items).
    """
    read = {tag: (vr, b"" if tag in SEQUENCES_READ else value) for tag, (vr, value) in elements.values.items()}
    values = {tag: (vr if value else None, value.rstrip(b" ")) for tag, (vr, value) in read.items()}
    return {**dataclasses.asdict(dataclasses.replace(elements, alike=())), "values": values}


def all_files_of_pydicom() -> list[Path]:
    return [path for path in sorted(PYDICOM_FILES.rglob("*")) if path.is_file() and looks_like_dicom(read_head(path))]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", all_files_of_pydicom(), ids=lambda path: path.name)
def test_same_answer_as_pydicom(path):
    head = read_head(path)
    try:
        expected = read_with_pydicom(path, head)
    except UNREADABLE:
        with pytest.raises(UNREADABLE):
            read_elements(path, head)
        return
    assert facts(read_elements(path, head)) == facts(expected)


def quick(path: Path) -> dict:
    data = path.read_bytes()
    return facts(walk_header(data, len(data)))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize("undefined", [False, True])
def test_nested_sequences_are_passed_over(tmp_path, slice_maker, slice_saver, syntax, undefined):
    ds = slice_maker(np.arange(20, dtype=np.int16).reshape(4, 5))
    ds.file_meta.TransferSyntaxUID = syntax
    inner, outer = Dataset(), Dataset()
    inner.Rows, inner.PatientName = 999, "Not^This"
    outer.ReferencedImageSequence = [inner, inner]
    outer.Columns = 999
    ds.ReferencedStudySequence = [outer, outer]
    for item in (ds, outer):
        for element in item:
            if element.VR == "SQ":
                element.is_undefined_length = undefined
                for part in element.value:
                    part.is_undefined_length_sequence_item = undefined
    path = slice_saver(ds, tmp_path / "x")
    head = read_head(path)
    assert quick(path) == facts(read_with_pydicom(path, head))


def test_pixels_behind_a_long_header(tmp_path, slice_maker, slice_saver):
    ds = slice_maker(np.arange(20, dtype=np.int16).reshape(4, 5))
    ds.add_new(0x00091010, "OB", bytes(100_000))
    path = slice_saver(ds, tmp_path / "x")
    head = read_head(path)
    with pytest.raises(IndexError):
        walk_header(head, path.stat().st_size)
    assert facts(read_elements(path, head)) == facts(read_with_pydicom(path, head))


def test_any_cut_is_answered_alike(tmp_path, slice_maker, slice_saver):
    """Wherever the file ends, the walk finds nothing that pydicom does not find."""
    whole = slice_saver(slice_maker(np.arange(20, dtype=np.int16).reshape(4, 5)), tmp_path / "x").read_bytes()
    for end in range(150, len(whole), 7):
        try:
            found = walk_header(whole[:end], end)
        except (NotPlain, IndexError):
            continue
        cut = tmp_path / "cut"
        cut.write_bytes(whole[:end])
        expected = read_with_pydicom(cut, whole[:512])
        assert facts(found) == facts(expected)


def test_descending_elements_are_left_to_pydicom(tmp_path, slice_maker, slice_saver):
    path = slice_saver(slice_maker(np.zeros((4, 4), np.int16)), tmp_path / "x")
    whole = path.read_bytes()
    at = whole.index(b"\x28\x00\x10\x00US")
    path.write_bytes(whole[:at] + whole[at + 10 : at + 20] + whole[at : at + 10] + whole[at + 20 :])
    with pytest.raises(NotPlain):
        quick(path)


def changed(whole: bytes, at: int, by: int) -> bytes:
    return whole[:at] + bytes([(whole[at] + by) % 256]) + whole[at + 1 :]


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_a_header_laid_out_like_the_one_before_is_answered_as_if_it_were_the_first(
    slice_maker, slice_saver, tmp_path, monkeypatch, syntax
):
    """Every byte of a header changed in turn, after the unchanged one was walked."""
    ds = slice_maker(np.arange(20, dtype=np.int16).reshape(4, 5))
    ds.file_meta.TransferSyntaxUID = syntax
    item = Dataset()
    item.PatientName = "Not^This"
    ds.ReferencedImageSequence = [item]
    ds["ReferencedImageSequence"].is_undefined_length = True
    whole = slice_saver(ds, tmp_path / "x").read_bytes()
    n_alike = 0
    for at in range(128, len(whole) - 40):
        data = changed(whole, at, 1)
        monkeypatch.setattr(header_layout, "_layouts", OrderedDict())
        try:
            first = facts(walk_header(data, len(data)))
        except (NotPlain, IndexError) as error:
            first = type(error)
        monkeypatch.setattr(header_layout, "_layouts", OrderedDict())
        walk_header(whole, len(whole))
        n_alike += header_layout.find_layout(data, len(data)) is not None
        try:
            second = facts(walk_header(data, len(data)))
        except (NotPlain, IndexError) as error:
            second = type(error)
        assert second == first
    assert n_alike > 200  # those with other values


def test_a_shorter_file_laid_out_alike_is_not_taken_for_a_whole_one(slice_maker, slice_saver, tmp_path):
    whole = slice_saver(slice_maker(np.arange(20, dtype=np.int16).reshape(4, 5)), tmp_path / "x").read_bytes()
    found = walk_header(whole, len(whole))
    for end in range(140, len(whole), 5):
        try:
            cut = walk_header(whole[:end], end)
        except (NotPlain, IndexError):
            continue
        if cut.pixels is not None:
            assert cut.values == found.values
            assert cut.pixels.available == end - cut.pixels.offset


def test_long_sequences_are_not_kept_for_comparison(slice_maker, slice_saver, tmp_path, monkeypatch):
    monkeypatch.setattr(header_layout, "_layouts", OrderedDict())
    ds = slice_maker(np.arange(20, dtype=np.int16).reshape(4, 5))
    item = Dataset()
    item.ImageComments = "x" * 40_000
    ds.ReferencedImageSequence = [item]
    ds["ReferencedImageSequence"].is_undefined_length = True
    whole = slice_saver(ds, tmp_path / "x").read_bytes()
    assert walk_header(whole, len(whole)).pixels is not None
    assert not header_layout._layouts
