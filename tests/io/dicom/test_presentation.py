"""How to look at an image: windows, VOI tables, padding. None of it changes a voxel."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.pixels import apply_windowing
from pydicom.uid import ImplicitVRLittleEndian

from napari_medseg.core import Window
from napari_medseg.io.dicom import find_dicom_series
from napari_medseg.plugin.display import contrast_limits, contrast_range


def load_only(folder):
    (series,), problems = find_dicom_series(folder)
    assert not problems
    return series.load()


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT"])
@pytest.mark.parametrize(("centre", "width"), [(40, 400), (40.5, 11), (100, 2), (50, 1)])
def test_limits_are_those_of_the_standard(function, centre, width):
    """All is black up to the lower and white from the upper limit, as pydicom's own windowing has it."""
    ds = Dataset()
    ds.PhotometricInterpretation, ds.BitsStored, ds.PixelRepresentation = "MONOCHROME2", 16, 1
    ds.WindowCenter, ds.WindowWidth, ds.VOILUTFunction = centre, width, function
    values = np.arange(-300, 500)
    shown = apply_windowing(values.astype(np.int16), ds)
    low, high = Window(centre, width, function=function).limits
    assert low < high
    assert (shown[values <= low] == shown.min()).all()
    assert (shown[values >= high] == shown.max()).all()
    between = (values > low) & (values < high)
    assert ((shown[between] > shown.min()) & (shown[between] < shown.max())).all()


@pytest.mark.parametrize(
    ("told", "width", "limits"),
    [
        (None, 400, (-160, 239)),
        ("LINEAR", 400, (-160, 239)),
        ("LINEAR_EXACT", 400, (-160, 240)),
        ("SIGMOID", 400, (-160, 240)),
        ("NONSENSE", 400, (-160, 239)),
        ("LINEAR", 0.5, (39.75, 40.25)),
    ],
)
def test_function_of_the_header(tmp_path, slice_maker, slice_saver, told, width, limits):
    ds = slice_maker(np.zeros((4, 4), np.int16))
    ds.WindowCenter, ds.WindowWidth = 40, width
    if told:
        ds.VOILUTFunction = told
    slice_saver(ds, tmp_path / "ct")
    assert load_only(tmp_path).windows[0].limits == limits


def voi_item(table, first, name):
    item = Dataset()
    item.LUTDescriptor, item.LUTExplanation = [len(table), first, 12], name
    item.add_new(0x00283006, "US", [int(value) for value in table])
    return item


def test_voi_tables_become_windows(tmp_path, slice_maker, slice_saver):
    steep = np.clip((np.arange(1000) - 400) * 4095 / 200, 0, 4095)
    step = np.where(np.arange(100) < 50, 0, 4095)
    ds = slice_maker(np.arange(64, dtype=np.uint16).reshape(8, 8), modality="DX", position=None)
    ds.VOILUTSequence = [voi_item(steep, 100, "NORMAL"), voi_item(step, 0, ""), voi_item([7] * 9, 0, "FLAT")]
    slice_saver(ds, tmp_path / "dx")
    normal, edge = load_only(tmp_path).windows
    assert normal.name == "Normal"
    assert normal.limits == pytest.approx((500, 700), abs=5)
    assert (edge.name, edge.limits) == ("Table", (49, 50))


def test_windows_come_before_tables_and_broken_tables_are_no_error(tmp_path, slice_maker, slice_saver):
    ds = slice_maker(np.zeros((4, 4), np.uint16), modality="DX", position=None)
    item = voi_item([1, 2, 3], 0, "X")
    item.LUTDescriptor = [400, 0, 12]
    ds.VOILUTSequence = [item]
    slice_saver(ds, tmp_path / "dx")
    assert load_only(tmp_path).windows == ()
    ds.VOILUTSequence = [voi_item(range(100), 0, "X")]
    ds.WindowCenter, ds.WindowWidth = 40, 400
    slice_saver(ds, tmp_path / "dx")
    assert [window.centre for window in load_only(tmp_path).windows] == [40]


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("limit", [None, -1990])
def test_padding_stays_in_the_voxels_and_out_of_the_contrast(tmp_path, series_writer, stack, implicit, limit):
    padded = stack.copy()
    padded[:, :2] = -2000

    def pad(ds, n):
        ds.RescaleIntercept = -1024
        ds.add_new(0x00280120, "SS", -2000)
        if limit is not None:
            ds.add_new(0x00280121, "SS", limit)
        if implicit:
            ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

    series_writer(tmp_path, padded, edit=pad)
    volume = load_only(tmp_path)
    np.testing.assert_array_equal(volume.array, padded.T - 1024)
    assert volume.padding == (-3024, -3024 if limit is None else limit - 1024)
    assert contrast_limits(volume)[0] >= stack.min() - 1024
    assert contrast_range(volume)[0] >= stack.min() - 1024


def test_padding_is_signed_as_the_pixels_are_whatever_its_element_says(tmp_path, slice_maker, slice_saver):
    ds = slice_maker(np.full((4, 4), 63536, np.uint16), modality="CR", position=None)
    ds.add_new(0x00280120, "SS", -2000)
    slice_saver(ds, tmp_path / "cr")
    volume = load_only(tmp_path)
    assert volume.padding == (63536, 63536)
    assert contrast_limits(volume)  # all is padding: limits all the same


def test_scaled_window_shows_scaled_values_alike():
    window = Window(100, 50, "x", "LINEAR")
    assert window.scaled(0.001).limits == pytest.approx((0.075, 0.124))


@pytest.mark.parametrize("converted", [False, True])
def test_padding_of_multiframe_images(tmp_path, slice_maker, stack, enhanced_maker, enhanced_saver, item, converted):
    padded = stack.copy()
    padded[:, :2] = -2000
    heights = [[0.0, 0.0, 2.0 * n] for n in range(len(stack))]
    ds = enhanced_maker(slice_maker(stack[0]), padded, heights)
    values = {"PixelPaddingValue": -2000, "PixelPaddingRangeLimit": -1990}
    if converted:
        shared = ds.SharedFunctionalGroupsSequence[0]
        shared.UnassignedSharedConvertedAttributesSequence = item(**values)
    else:
        ds.update(item(**values)[0])
    enhanced_saver(ds, tmp_path / "enhanced")
    volume = load_only(tmp_path)
    np.testing.assert_array_equal(volume.array, padded.T)
    assert volume.padding == (-2000, -1990)
    assert contrast_limits(volume)[0] >= stack.min()
