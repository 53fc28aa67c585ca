"""Compressed frames whatever the offset table says: absent, right, wrong; one or several fragments a frame."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import JPEGLSLossless, RLELossless

from napari_medseg.core import MedsegError
from napari_medseg.io.dicom.fragments import read_fragments
from napari_medseg.io.dicom.frames import read_frame
from napari_medseg.io.dicom.header import read_instance
from napari_medseg.io.dicom.sniff import read_head

FRAMES = np.random.default_rng(0).integers(0, 4096, (4, 9, 11)).astype(np.uint16)
STREAMS = [bytes(imagecodecs.jpegls_encode(frame)) for frame in FRAMES]
STREAMS = [stream + b"\0" * (len(stream) % 2) for stream in STREAMS]


def item(data: bytes) -> bytes:
    return b"\xfe\xff\x00\xe0" + struct.pack("<I", len(data)) + data


def halves(stream: bytes) -> list[bytes]:
    return [stream[:20], stream[20:]]


def write(path, make, value: bytes, syntax=JPEGLSLossless, n_frames=4):
    ds = make(FRAMES[0], modality="US", position=None)
    ds.file_meta.TransferSyntaxUID, ds.NumberOfFrames = syntax, n_frames
    ds.PixelData = value
    ds["PixelData"].is_undefined_length = True
    ds.save_as(path, enforce_file_format=True)
    return read_instance(path, read_head(path))


def check(instance):
    for n, frame in enumerate(FRAMES):
        np.testing.assert_array_equal(read_frame(instance, n), frame)


OFFSETS = np.cumsum([0] + [16 + len(stream) for stream in STREAMS])[:-1]
SPLIT = b"".join(item(part) for stream in STREAMS for part in halves(stream))

TABLES = {
    "absent": b"",
    "right": struct.pack("<4I", *OFFSETS),
    "not ascending": struct.pack("<4I", *OFFSETS[::-1]),
    "into the middle": struct.pack("<4I", *(OFFSETS + 3)),
    "beyond the file": struct.pack("<4I", 0, 10**6, 2 * 10**6, 0xFFFFFFF0),
    "too long": struct.pack("<5I", *OFFSETS, 99),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_fragments_find_their_frames_whatever_the_table_says(tmp_path, slice_maker, table):
    check(write(tmp_path / "us", slice_maker, item(table) + SPLIT))


@pytest.mark.parametrize("table", [True, False])
def test_one_fragment_a_frame(tmp_path, slice_maker, table):
    check(write(tmp_path / "us", slice_maker, encapsulate(STREAMS, has_bot=table)))


def test_extended_offset_table(tmp_path, slice_maker):
    value, offsets, lengths = encapsulate_extended(STREAMS)
    ds = slice_maker(FRAMES[0], modality="US", position=None)
    ds.file_meta.TransferSyntaxUID, ds.NumberOfFrames = JPEGLSLossless, 4
    ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = offsets, lengths
    ds.PixelData = value
    ds["PixelData"].is_undefined_length = True
    ds.save_as(tmp_path / "us", enforce_file_format=True)
    check(read_instance(tmp_path / "us", read_head(tmp_path / "us")))


def test_delimiter_may_be_missing_and_empty_fragments_are_passed_over(tmp_path, slice_maker):
    instance = write(tmp_path / "us", slice_maker, item(b"") + item(b"") + SPLIT)
    path = tmp_path / "us"
    path.write_bytes(path.read_bytes()[:-8])
    check(read_instance(path, read_head(path)))
    check(instance)


@pytest.mark.parametrize("missing", [300, 30])
def test_frames_before_the_cut_are_read_and_those_behind_it_named(tmp_path, slice_maker, missing):
    path = tmp_path / "short.dcm"
    write(path, slice_maker, encapsulate(STREAMS))
    path.write_bytes(path.read_bytes()[:-missing])
    instance = read_instance(path, read_head(path))
    np.testing.assert_array_equal(read_frame(instance, 0), FRAMES[0])
    with pytest.raises(MedsegError, match=r"short\.dcm is cut short"):
        read_frame(instance, 3)


def test_more_frames_promised_than_held(tmp_path, slice_maker):
    instance = write(tmp_path / "lying.dcm", slice_maker, encapsulate(STREAMS), n_frames=1000)
    np.testing.assert_array_equal(read_frame(instance, 3), FRAMES[3])
    with pytest.raises(MedsegError, match=r"lying\.dcm is cut short"):
        read_frame(instance, 4)


def test_fragments_that_cannot_be_shared_are_an_error(tmp_path, slice_maker):
    value = item(b"") + b"".join(item(bytes(20)) for _ in range(7))
    instance = write(tmp_path / "odd.dcm", slice_maker, value, RLELossless)
    with pytest.raises(ValueError, match="do not tell"):
        read_fragments(instance, 0)
    with pytest.raises(MedsegError, match=r"odd\.dcm"):
        read_frame(instance, 0)


def test_file_that_was_replaced_is_walked_again(tmp_path, slice_maker):
    instance = write(tmp_path / "us", slice_maker, encapsulate(STREAMS))
    check(instance)
    other = write(tmp_path / "us", slice_maker, item(b"") + SPLIT)
    check(other)
