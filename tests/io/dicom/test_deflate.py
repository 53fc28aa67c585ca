"""Deflated files: read piece by piece, and never more than is asked for."""

from __future__ import annotations

import tracemalloc
import zlib

import numpy as np
import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian

from napari_medseg.core import MedsegError
from napari_medseg.io.dicom import deflate, find_dicom_series
from napari_medseg.io.dicom.deflate import end_of_meta, inflate, inflate_range


@pytest.fixture
def deflated(tmp_path, slice_maker):
    ds = slice_maker(np.zeros((2048, 2048), np.int16))
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ds.save_as(tmp_path / "ct.dcm", enforce_file_format=True)
    return tmp_path / "ct.dcm"


def test_a_range_is_the_part_of_the_whole(deflated):
    whole = inflate(deflated)
    for start, end in ((0, 10), (300, 3_000_000), (len(whole) - 5, len(whole) + 5)):
        assert inflate_range(deflated, start, end) == whole[start:end]


def test_listing_keeps_the_header_alone(deflated):
    find_dicom_series(deflated)  # imports
    tracemalloc.start()
    try:
        (series,), problems = find_dicom_series(deflated)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert not problems
    assert series.shape == (2048, 2048, 1)
    assert peak < 5 * 2**20
    assert not series.load().array.any()


def test_bomb_is_named_and_takes_no_memory(deflated, monkeypatch):
    data = deflated.read_bytes()
    header = inflate(deflated)[:-20]
    packer = zlib.compressobj(wbits=-15)
    bomb = packer.compress(header) + packer.compress(bytes(64 * 2**20)) + packer.flush()
    path = deflated.with_name("bomb.dcm")
    path.write_bytes(data[: end_of_meta(data[:144])] + bomb)
    monkeypatch.setattr(deflate, "MAX_INFLATED_BYTES", 16 * 2**20)
    tracemalloc.start()
    try:
        series, problems = find_dicom_series(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (series, problems) == ([], ["bomb.dcm unpacks to more than 16 MB."])
    assert peak < 8 * 2**20


def test_stream_cut_short_names_the_file(deflated):
    data = deflated.read_bytes()
    deflated.write_bytes(data[: len(data) // 2])
    series, problems = find_dicom_series(deflated)
    if not series:
        assert "ct.dcm" in problems[0]
        return
    with pytest.raises(MedsegError, match=r"ct\.dcm"):
        series[0].load()
