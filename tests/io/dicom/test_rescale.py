"""Real-world values: exact, in the smallest type."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.io.dicom import find_dicom_series
from napari_medseg.io.dicom.instance import PixelFormat
from napari_medseg.io.dicom.rescale import RangeExceeded, clean_bits, rescale_into


def load_only(folder):
    (series,), _ = find_dicom_series(folder)
    return series.load()


def test_unsigned_ct_with_intercept_is_int16(tmp_path, series_writer, stack):
    def rescale(ds, n):
        ds.RescaleIntercept = -1024

    series_writer(tmp_path, stack.astype(np.uint16), edit=rescale)
    volume = load_only(tmp_path)
    assert volume.array.dtype == np.int16
    assert volume.units == "HU"
    np.testing.assert_array_equal(volume.array, stack.T - 1024)


def test_ct_beyond_int16_is_wider_and_exact(tmp_path, series_writer, stack):
    wide = stack.astype(np.uint16)
    wide[3, 2, 1] = 60000

    def rescale(ds, n):
        ds.RescaleIntercept = -1024

    series_writer(tmp_path, wide, edit=rescale)
    volume = load_only(tmp_path)
    assert volume.array.dtype == np.int32
    np.testing.assert_array_equal(volume.array, wide.T.astype(np.int32) - 1024)


def test_slope_per_slice_is_float32(tmp_path, series_writer, stack):
    def rescale(ds, n):
        ds.RescaleSlope, ds.RescaleIntercept = f"{0.5 + n * 0.125}", "1.5"

    series_writer(tmp_path, stack, edit=rescale, modality="PT")
    volume = load_only(tmp_path)
    assert volume.array.dtype == np.float32
    slopes = 0.5 + 0.125 * np.arange(6)
    np.testing.assert_array_equal(volume.array, stack.T * slopes + 1.5)


def test_whole_slopes_stay_integers(tmp_path, series_writer, stack):
    def rescale(ds, n):
        ds.RescaleSlope, ds.RescaleIntercept = n + 1, -3

    series_writer(tmp_path, stack, edit=rescale)
    volume = load_only(tmp_path)
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array, stack.T * np.arange(1, 7) - 3)


def test_ct_without_rescale_is_as_stored_and_noted(tmp_path, series_writer, stack):
    def strip(ds, n):
        del ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType

    series_writer(tmp_path, stack, edit=strip)
    volume = load_only(tmp_path)
    assert volume.units == ""
    assert "Hounsfield" in volume.notes[0]
    np.testing.assert_array_equal(volume.array, stack.T)


@pytest.mark.parametrize(
    ("stored", "expected"),
    [(np.uint8, np.uint8), (np.int8, np.int16), (np.int16, np.int16), (np.uint16, np.uint16), (np.int32, np.int32)],
)
def test_smallest_type_without_rescale(tmp_path, series_writer, stack, stored, expected):
    series_writer(tmp_path, (stack % 100).astype(stored), modality="MR")
    volume = load_only(tmp_path)
    assert volume.array.dtype == expected
    np.testing.assert_array_equal(volume.array, (stack % 100).T)


def test_overlay_bits_are_removed_and_sign_extended(tmp_path, series_writer, stack):
    values = stack - 100

    def pack(ds, n):
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, 1
        ds.PixelData = ((values[n] & 0x0FFF) | 0x5000).astype("<u2").tobytes()

    series_writer(tmp_path, stack, edit=pack)
    np.testing.assert_array_equal(load_only(tmp_path).array, values.T)


def test_high_bit_above_the_value():
    raw = np.array([[0x1234, 0xFFF0]], np.uint16)
    clean_bits(raw, PixelFormat(1, 2, bits_stored=12, high_bit=15))
    assert raw.tolist() == [[0x123, 0xFFF]]


def test_value_that_does_not_fit_is_refused():
    with pytest.raises(RangeExceeded):
        rescale_into(np.zeros(1, np.int16), np.array([40000], np.uint16), 1.0, 0.0)


def test_in_place_wraps_exactly():
    memory = np.zeros(3, np.int16)
    raw = memory.view(np.uint16)
    raw[:] = [0, 33000, 33791]
    rescale_into(memory, raw, 1.0, -1024.0)
    assert memory.tolist() == [-1024, 31976, 32767]


def test_monochrome1_is_inverted_with_values_as_stored(tmp_path, slice_maker, slice_saver):
    pixels = np.arange(24, dtype=np.uint16).reshape(4, 6)
    ds = slice_maker(pixels, modality="DX", position=None)
    ds.PhotometricInterpretation = "MONOCHROME1"
    ds.BitsStored, ds.HighBit = 12, 11
    ds.WindowCenter, ds.WindowWidth = 12, 24
    slice_saver(ds, tmp_path / "dx")
    (series,), _ = find_dicom_series(tmp_path)
    volume = series.load()
    assert volume.inverted
    assert volume.array.dtype == np.int16
    np.testing.assert_array_equal(volume.array[:, :, 0], pixels.T)
    picture = series.thumbnail(6)
    assert picture[0, 0] > picture[-1, -1]


def test_windows_come_in_order_with_names(tmp_path, series_writer, stack):
    def add(ds, n):
        ds.WindowCenter, ds.WindowWidth = [40, -600, 5], [400, 1500, 0]
        ds.WindowCenterWidthExplanation = ["SOFT TISSUE", "LUNG", "NONSENSE"]

    series_writer(tmp_path, stack, edit=add)
    windows = load_only(tmp_path).windows
    assert [(w.centre, w.width, w.name) for w in windows] == [(40, 400, "Soft Tissue"), (-600, 1500, "Lung")]


def test_modality_lut_is_applied(tmp_path, slice_maker, slice_saver):
    from pydicom.dataset import Dataset

    table = Dataset()
    table.LUTDescriptor, table.ModalityLUTType = [4, 0, 16], "OD"
    table.add_new(0x00283006, "US", [0, 10, 200, 3000])
    ds = slice_maker(np.array([[0, 1], [2, 3]], np.uint16), modality="CR", position=None)
    ds.ModalityLUTSequence = [table]
    slice_saver(ds, tmp_path / "cr")
    assert load_only(tmp_path).array[:, :, 0].tolist() == [[0, 200], [10, 3000]]


def test_float_pixels(tmp_path, slice_maker, slice_saver):
    values = np.linspace(-1, 1, 24, dtype=np.float32).reshape(4, 6)
    ds = slice_maker(values, modality="MR")
    del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    ds.FloatPixelData = values.tobytes()
    slice_saver(ds, tmp_path / "mr")
    volume = load_only(tmp_path)
    assert volume.array.dtype == np.float32
    np.testing.assert_array_equal(volume.array[:, :, 0], values.T)
