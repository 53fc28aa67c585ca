"""Lookup tables: modality LUT, palettes of 8 and 16 bits, segmented palettes; never more than their descriptor."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_color_lut, apply_modality_lut

from napari_medseg.core import MedsegError
from napari_medseg.io.dicom.frames import read_frame
from napari_medseg.io.dicom.header import read_instance
from napari_medseg.io.dicom.lut import expand_segments
from napari_medseg.io.dicom.sniff import read_head


def read(path):
    return read_frame(read_instance(path, read_head(path)))


def with_palette(ds, tables, bits, first=0, *, segmented=False, n=None):
    ds.PhotometricInterpretation = "PALETTE COLOR"
    for name, table in zip(("Red", "Green", "Blue"), tables, strict=True):
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [n or len(table), first, bits])
        prefix = "Segmented" if segmented else ""
        dtype = "<u2" if bits > 8 else "u1"
        setattr(ds, f"{prefix}{name}PaletteColorLookupTableData", np.asarray(table).astype(dtype).tobytes())
    return ds


@pytest.mark.parametrize("first", [0, 3])
def test_palette_of_16_bits_keeps_its_upper_byte(tmp_path, slice_maker, slice_saver, first):
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    rng = np.random.default_rng(0)
    ds = with_palette(slice_maker(pixels, modality="US", position=None), rng.integers(0, 65536, (3, 16)), 16, first)
    slice_saver(ds, tmp_path / "us")
    expected = apply_color_lut(pixels, pydicom.dcmread(tmp_path / "us")) >> 8
    np.testing.assert_array_equal(read(tmp_path / "us"), expected)


def test_palette_of_8_bits(tmp_path, slice_maker, slice_saver):
    pixels = np.arange(24, dtype=np.uint16).reshape(4, 6)
    tables = np.random.default_rng(0).integers(0, 256, (3, 24))
    slice_saver(with_palette(slice_maker(pixels, modality="US", position=None), tables, 8), tmp_path / "us")
    np.testing.assert_array_equal(read(tmp_path / "us"), tables.T[pixels])


def test_palette_that_says_16_bits_and_fills_8(tmp_path, slice_maker, slice_saver):
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    tables = np.random.default_rng(0).integers(0, 256, (3, 16))
    slice_saver(with_palette(slice_maker(pixels, modality="US", position=None), tables, 16), tmp_path / "us")
    np.testing.assert_array_equal(read(tmp_path / "us"), tables.T[pixels])


def test_segmented_palette(tmp_path, slice_maker, slice_saver):
    pixels = np.arange(24, dtype=np.uint8).reshape(4, 6)
    segments = [0, 2, 1000, 2000, 1, 10, 65000, 0, 1, 5, 1, 11, 5]
    ds = with_palette(slice_maker(pixels, modality="US", position=None), [segments] * 3, 16, segmented=True, n=24)
    slice_saver(ds, tmp_path / "us")
    expected = apply_color_lut(pixels, pydicom.dcmread(tmp_path / "us")) >> 8
    np.testing.assert_array_equal(read(tmp_path / "us"), expected)


def test_indirect_segment_copies_by_its_offset_in_bytes():
    words = np.array([0, 1, 7, 0, 2, 10, 20, 1, 2, 40, 2, 2, 6, 0])  # the copy starts at the second segment
    assert expand_segments(words, 9, 2).tolist() == [7, 10, 20, 30, 40, 10, 20, 30, 40]


@pytest.mark.parametrize(
    "words",
    [[1, 5, 9], [2, 1, 0, 0], [0, 1, 5, 7, 1, 1], [0, 2, 1, 2], [0, 1, 5, 2, 9, 6, 0, 2, 9, 0, 0], []],
    ids=["begins with a line", "begins with a copy", "unknown", "short", "copies a copy", "empty"],
)
def test_segments_without_sense_are_refused(words):
    with pytest.raises(ValueError, match="palette"):
        expand_segments(np.array(words, int), 64, 2)


def test_segments_never_exceed_their_descriptor():
    bomb = np.array([0, 1, 1] + [1, 65535, 2, 1, 65535, 3] * 1000)
    assert len(expand_segments(bomb, 300, 2)) == 300


def test_modality_table_of_signed_values(tmp_path, slice_maker, slice_saver):
    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [5, -2, 16], "OD"
    table.add_new(0x00283006, "US", [9, 8, 7, 6, 50000])
    pixels = np.array([[-30, -2, -1], [0, 2, 30]], np.int16)
    ds = slice_maker(pixels, modality="CR", position=None)
    ds.ModalityLUTSequence = [table]
    slice_saver(ds, tmp_path / "cr")
    found = read(tmp_path / "cr")
    assert found.tolist() == [[9, 9, 8], [7, 50000, 50000]]
    np.testing.assert_array_equal(found, apply_modality_lut(pixels, pydicom.dcmread(tmp_path / "cr")))


@pytest.mark.parametrize("what", ["no table", "short", "no descriptor"])
def test_broken_table_names_the_file(tmp_path, slice_maker, slice_saver, what):
    table = Dataset()
    table.LUTDescriptor = [5, 0, 16]
    table.add_new(0x00283006, "US", [9, 8, 7])
    if what == "no descriptor":
        del table.LUTDescriptor
    ds = slice_maker(np.zeros((2, 2), np.uint16), modality="CR", position=None)
    ds.ModalityLUTSequence = [] if what == "no table" else [table]
    slice_saver(ds, tmp_path / "bad.dcm")
    with pytest.raises(MedsegError, match=r"bad\.dcm"):
        read(tmp_path / "bad.dcm")
