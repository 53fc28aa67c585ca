"""Overlay planes as labels: packed and embedded, placed by their origin, over one image and over a series."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.uid import ExplicitVRBigEndian

import napari_medseg as ms

SHIPPED = Path(pydicom.data.__file__).parent / "test_files" / "examples_overlay.dcm"


def draw(ds, mask, group=0x6000, origin=(1, 1), name=""):
    rows, columns = mask.shape
    bits = np.packbits(mask.ravel(), bitorder="little").tobytes()
    for element, vr, value in (
        (0x0010, "US", rows),
        (0x0011, "US", columns),
        (0x0040, "CS", "G"),
        (0x0050, "SS", list(origin)),
        (0x0100, "US", 1),
        (0x0102, "US", 0),
        (0x1500, "LO", name),
        (0x3000, "OW", bits + b"\0" * (len(bits) % 2)),
    ):
        ds.add_new((group, element), vr, value)


def some_mask(seed, shape=(5, 7)):
    return np.random.default_rng(seed).random(shape) > 0.5


def test_shipped_overlay_is_that_of_pydicom():
    labels = ms.read_segmentation(SHIPPED)
    dataset = pydicom.dcmread(SHIPPED)
    groups = [group for group in range(0x6000, 0x6020, 2) if (group, 0x3000) in dataset]
    expected = np.zeros(labels.array.shape[:2], int)
    for n, group in enumerate(groups, start=1):
        expected[dataset.overlay_array(group).T.astype(bool)] = n
    np.testing.assert_array_equal(labels.array[:, :, 0], expected)
    assert labels.geometry.matches(ms.read_volume(SHIPPED).geometry)


def test_note_tells_of_drawings():
    assert any("overlays" in note for note in ms.read_volume(SHIPPED).notes)


def test_drawings_over_a_series(tmp_path, series_writer, stack):
    masks = [some_mask(n) for n in range(6)]

    def with_drawing(ds, n):
        if n != 2:
            draw(ds, masks[n], name="lesion")
        draw(ds, np.zeros((5, 7), bool), 0x6002)

    paths = series_writer(tmp_path, stack, edit=with_drawing)
    volume = ms.read_volume(tmp_path)
    labels = ms.read_segmentation(paths[0], volume=volume)
    masks[2][:] = False
    np.testing.assert_array_equal(labels.array, np.array(masks).T.astype(np.uint8))
    assert [segment.name for segment in labels.segments] == ["lesion", "Overlay 2"]
    assert labels.geometry.matches(volume.geometry)
    np.testing.assert_array_equal(volume.array, stack.T)
    assert ms.read_segmentation(paths[0]).array.shape == (7, 5, 1)


@pytest.mark.parametrize("origin", [(1, 1), (3, 2), (-1, -2), (90, 90)])
def test_origin_places_and_cuts(tmp_path, slice_maker, slice_saver, origin):
    mask = some_mask(9, (4, 6))
    ds = slice_maker(np.zeros((5, 7), np.int16))
    draw(ds, mask, origin=origin)
    slice_saver(ds, tmp_path / "ct")
    canvas = np.zeros((200, 200), bool)
    canvas[49 + origin[0] : 53 + origin[0], 49 + origin[1] : 55 + origin[1]] = mask
    expected = canvas[50:55, 50:57]
    np.testing.assert_array_equal(ms.read_segmentation(tmp_path / "ct").array[:, :, 0].T, expected)


def test_drawing_in_a_high_bit_is_read_and_does_not_spoil_voxels(tmp_path, slice_maker, slice_saver):
    values, mask = np.arange(35).reshape(5, 7) - 17, some_mask(4)
    ds = slice_maker(values.astype(np.int16), modality="MR")
    ds.BitsStored, ds.HighBit = 12, 11
    ds.PixelData = ((values & 0x0FFF) | (mask.astype(int) << 14)).astype("<u2").tobytes()
    draw(ds, mask)
    ds[0x6000, 0x0100].value, ds[0x6000, 0x0102].value = 16, 14
    del ds[0x6000, 0x3000]
    slice_saver(ds, tmp_path / "mr")
    np.testing.assert_array_equal(ms.read_volume(tmp_path / "mr").array[:, :, 0].T, values)
    np.testing.assert_array_equal(ms.read_segmentation(tmp_path / "mr").array[:, :, 0].T, mask)


def test_big_endian_drawing_stands_in_swapped_words(tmp_path, slice_maker):
    mask = some_mask(5)
    ds = slice_maker(np.zeros((5, 7), np.int16))
    draw(ds, mask)
    data = np.frombuffer(ds[0x6000, 0x3000].value, "<u2").astype(">u2").tobytes()
    ds[0x6000, 0x3000].value = data
    ds.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    ds.save_as(tmp_path / "ct", enforce_file_format=True)
    np.testing.assert_array_equal(ms.read_segmentation(tmp_path / "ct").array[:, :, 0].T, mask)


def test_drawing_cut_short_names_the_file_and_the_image_loads(tmp_path, slice_maker, slice_saver):
    ds = slice_maker(np.zeros((5, 7), np.int16))
    draw(ds, some_mask(1))
    ds[0x6000, 0x0010].value = 60000
    slice_saver(ds, tmp_path / "bad.dcm")
    assert ms.read_volume(tmp_path / "bad.dcm").array.shape == (7, 5, 1)
    with pytest.raises(ms.MedsegError, match=r"bad\.dcm"):
        ms.read_segmentation(tmp_path / "bad.dcm")
