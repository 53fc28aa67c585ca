"""PET series: loaded in SUV where the headers tell enough, else in their unit, and the note tells why."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian, generate_uid

from napari_medseg import LoadOptions
from napari_medseg.io.dicom import find_dicom_series

AN_HOUR = 2.9212734924e-4
"""See test_suv."""


def as_fdg(ds, n=0):
    tracer = Dataset()
    tracer.RadiopharmaceuticalStartTime, tracer.RadionuclideTotalDose = "100000.00", "370000000"
    tracer.RadionuclideHalfLife = "6586.2"
    ds.RadiopharmaceuticalInformationSequence = Sequence([tracer])
    ds.PatientWeight, ds.Units, ds.DecayCorrection = "74", "BQML", "START"
    ds.CorrectedImage = ["DECY", "ATTN", "SCAT"]
    ds.SeriesDate = ds.AcquisitionDate = "20260302"
    ds.SeriesTime, ds.AcquisitionTime = "110000", f"11{3 * (5 - n):02d}00.000"
    ds.RescaleSlope, ds.RescaleIntercept = f"{1.5 + 0.25 * n}", "0"


def load(folder, suv=True):
    (series,), problems = find_dicom_series(folder)
    assert not problems
    return series.load(options=LoadOptions(suv=suv))


def test_slopes_of_each_slice_and_the_factor_of_the_series(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack, modality="PT", edit=as_fdg)
    volume = load(tmp_path)
    slopes = 1.5 + 0.25 * np.arange(6)
    assert volume.units == "SUVbw"
    assert volume.notes[-1] == "The values are standardised uptake values by body weight (SUVbw)."
    assert volume.array.dtype == np.float32
    np.testing.assert_allclose(volume.array, stack.T * slopes * AN_HOUR, rtol=1e-6)


def test_windows_of_the_header_are_in_suv_too(tmp_path, series_writer, stack):
    def with_window(ds, n):
        as_fdg(ds, n)
        ds.WindowCenter, ds.WindowWidth = 10000, 20000

    series_writer(tmp_path, stack, modality="PT", edit=with_window)
    windows = load(tmp_path).windows
    assert windows[0].limits == pytest.approx((0, 19999 * AN_HOUR), abs=1e-9)
    assert [window.name for window in windows[1:]] == ["SUV 0 to 5", "SUV 0 to 10"]


def test_activity_on_request(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack, modality="PT", edit=as_fdg)
    volume = load(tmp_path, suv=False)
    assert volume.units == "Bq/ml"
    assert volume.notes[-1] == "The values are activity in Bq/ml, not SUV: as asked for."
    np.testing.assert_allclose(volume.array, stack.T * (1.5 + 0.25 * np.arange(6)), rtol=1e-6)


@pytest.mark.parametrize("weight", [None, "", "0"])
def test_activity_where_the_weight_is_missing(tmp_path, series_writer, stack, weight):
    def without_weight(ds, n):
        as_fdg(ds, n)
        ds.PatientWeight = weight
        if weight is None:
            del ds.PatientWeight

    series_writer(tmp_path, stack, modality="PT", edit=without_weight)
    volume = load(tmp_path)
    assert volume.units == "Bq/ml"
    assert volume.notes[-1] == "The values are activity in Bq/ml, not SUV: the patient's weight is missing."


@pytest.mark.parametrize("implicit", [False, True])
def test_philips_counts_with_a_private_factor_of_each_slice(tmp_path, series_writer, stack, implicit):
    def philips(ds, n):
        as_fdg(ds, n)
        ds.Units = "CNTS"
        block = ds.private_block(0x7053, "Philips PET Private Group", create=True)
        block.add_new(0x00, "DS", f"0.00{n + 1}")
        if implicit:
            ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

    series_writer(tmp_path, stack, modality="PT", edit=philips)
    factors = (1.5 + 0.25 * np.arange(6)) * np.arange(1, 7) / 1000
    np.testing.assert_allclose(load(tmp_path).array, stack.T * factors, rtol=1e-6)


def test_frames_that_are_not_decay_corrected_have_factors_of_their_own(tmp_path, series_writer, stack):
    def uncorrected(ds, n):
        as_fdg(ds, n)
        ds.CorrectedImage, ds.DecayCorrection = ["ATTN"], "NONE"

    series_writer(tmp_path, stack, modality="PT", edit=uncorrected)
    minutes = 60 + 3 * (5 - np.arange(6))
    factors = (1.5 + 0.25 * np.arange(6)) * 74000 / (370e6 * 0.5 ** (minutes * 60 / 6586.2))
    np.testing.assert_allclose(load(tmp_path).array, stack.T * factors, rtol=1e-6)


def test_ge_series_processed_later(tmp_path, series_writer, stack):
    def processed(ds, n):
        as_fdg(ds, n)
        ds.SeriesDate = "20260305"
        ds.private_block(0x0009, "GEMS_PETD_01", create=True).add_new(0x0D, "DT", "20260302110000.00")

    series_writer(tmp_path, stack, modality="PT", edit=processed)
    slopes = 1.5 + 0.25 * np.arange(6)
    np.testing.assert_allclose(load(tmp_path).array, stack.T * slopes * AN_HOUR, rtol=1e-6)


def test_suv_already(tmp_path, series_writer, stack):
    def grams(ds, n):
        as_fdg(ds, n)
        ds.Units, ds.SUVType = "GML", "BW"

    series_writer(tmp_path, stack, modality="PT", edit=grams)
    volume = load(tmp_path)
    assert volume.units == "SUVbw"
    np.testing.assert_allclose(volume.array, stack.T * (1.5 + 0.25 * np.arange(6)), rtol=1e-6)


def test_header_without_any_of_it_is_loaded_as_it_is(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack, modality="PT")
    volume = load(tmp_path)
    assert volume.notes[-1] == "The values are as the scanner gave them, not SUV: their unit is not told."
    np.testing.assert_array_equal(volume.array, stack.T)


def test_other_modalities_do_not_care(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack)
    np.testing.assert_array_equal(load(tmp_path, suv=False).array, load(tmp_path).array)


def converted(tmp_path, series_writer, stack, edit):
    """Write a series, and the same one as one file converted by highdicom."""
    from highdicom.legacy import LegacyConvertedEnhancedPETImage

    def whole(ds, n):
        as_fdg(ds, n)
        ds.ContentDate, ds.ContentTime, ds.StudyTime = "20260302", "110000", "110000"
        ds.ImageType, ds.Manufacturer, ds.AcquisitionNumber = ["ORIGINAL", "PRIMARY"], "Nobody", 1
        edit(ds, n)

    paths = series_writer(tmp_path / "classic", stack, modality="PT", edit=whole)
    sources = [pydicom.dcmread(path) for path in paths]
    file = LegacyConvertedEnhancedPETImage(sources, generate_uid(), 9, generate_uid(), 1)
    (tmp_path / "converted").mkdir()
    file.save_as(tmp_path / "converted" / "all.dcm")
    return load(tmp_path / "classic"), load(tmp_path / "converted")


@pytest.mark.parametrize("later", [False, True])
def test_legacy_converted_is_in_suv_as_the_classic_series(tmp_path, series_writer, stack, later):
    def edit(ds, n):
        if later:  # the start of the scan is computed back from a frame
            ds.SeriesDate, ds.FrameReferenceTime, ds.ActualFrameDuration = (
                "20260305",
                f"{180000 * (5 - n) + 90}",
                180000,
            )

    classic, multi = converted(tmp_path, series_writer, stack, edit)
    assert classic.units == multi.units == "SUVbw"
    np.testing.assert_allclose(multi.array, classic.array, rtol=1e-6)


def test_converted_frames_that_are_not_decay_corrected_are_refused(tmp_path, series_writer, stack):
    def edit(ds, n):
        ds.CorrectedImage, ds.DecayCorrection = ["ATTN"], "NONE"

    classic, multi = converted(tmp_path, series_writer, stack, edit)
    assert (classic.units, multi.units) == ("SUVbw", "Bq/ml")
    assert "not corrected for decay" in multi.notes[-1]


def test_enhanced_pet_is_not_said_to_lack_a_unit(tmp_path, slice_maker, stack, enhanced_maker, enhanced_saver):
    heights = [[0.0, 0.0, 2.0 * n] for n in range(len(stack))]
    enhanced_saver(enhanced_maker(slice_maker(stack[0], modality="PT"), stack, heights), tmp_path / "enhanced")
    volume = load(tmp_path)
    np.testing.assert_array_equal(volume.array, stack.T)
    assert volume.notes[-1].endswith("not SUV: dose and times of enhanced PET images are not read.")
