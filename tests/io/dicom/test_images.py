"""Every frame of every file is an image: enhanced and legacy-converted objects, films, dose grids, tomograms."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from nibabel.nicom.dicomwrappers import MultiframeWrapper
from pydicom.dataset import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from napari_medseg.io.dicom import find_dicom_series

FRAMES = np.arange(4 * 5 * 7, dtype=np.int16).reshape(4, 5, 7)
HEIGHTS = [[-10.0, -20.0, 2.5 * n] for n in range(4)]


def load_only(path):
    (series,), problems = find_dicom_series(path)
    assert problems == []
    return series, series.load()


@pytest.mark.parametrize("undefined", [False, True])
@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless],
    ids=lambda uid: uid.name,
)
def test_enhanced_in_every_encoding(tmp_path, slice_maker, syntax, undefined, enhanced_maker, enhanced_saver):
    shuffled = [2, 0, 3, 1]
    ds = enhanced_maker(slice_maker(FRAMES[0]), FRAMES[shuffled], [HEIGHTS[n] for n in shuffled], spacing=(0.5, 0.25))
    if syntax == RLELossless:
        ds.compress(syntax)
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = FRAMES[shuffled].astype(">i2").tobytes()
    enhanced_saver(ds, tmp_path / "enhanced", undefined=undefined)
    series, volume = load_only(tmp_path)
    np.testing.assert_array_equal(volume.array, FRAMES.T)
    np.testing.assert_allclose(volume.geometry.spacing_mm, (0.25, 0.5, 2.5))
    np.testing.assert_allclose(volume.geometry.ijk_to_ras((0, 0, 3)), (10, 20, 7.5))
    assert (series.notes, series.n_images, series.path.name) == ((), 4, "enhanced")
    assert volume.source.files == (tmp_path / "enhanced",)


def test_rescale_and_window_of_every_frame(tmp_path, slice_maker, enhanced_maker, enhanced_saver, item):
    def edit(group, n):
        group.PixelValueTransformationSequence = item(RescaleSlope=n + 1, RescaleIntercept=-10 * n, RescaleType="US")
        group.FrameVOILUTSequence = item(WindowCenter=[10 * n, 7], WindowWidth=[100, 9])

    enhanced_saver(enhanced_maker(slice_maker(FRAMES[0], modality="MR"), FRAMES, HEIGHTS, edit=edit), tmp_path / "mr")
    _, volume = load_only(tmp_path)
    for n in range(4):
        np.testing.assert_array_equal(volume.array[:, :, n], FRAMES[n].T * (n + 1) - 10 * n)
    assert [(window.centre, window.width) for window in volume.windows] == [(20, 100), (7, 9)]


def test_window_and_rescale_under_the_names_of_classic_images_are_the_same(
    tmp_path, slice_maker, series_writer, enhanced_maker, enhanced_saver
):
    """An enhanced file and a classic series of the same images are one volume each, and equal."""
    series_writer(tmp_path / "classic", FRAMES, origin=HEIGHTS[0], step=(0, 0, 2.5), modality="MR")
    enhanced_saver(enhanced_maker(slice_maker(FRAMES[0], modality="MR"), FRAMES, HEIGHTS), tmp_path / "enhanced" / "mr")
    _, classic = load_only(tmp_path / "classic")
    _, enhanced = load_only(tmp_path / "enhanced")
    np.testing.assert_array_equal(classic.array, enhanced.array)
    assert classic.geometry.matches(enhanced.geometry)


def test_legacy_converted_by_highdicom(tmp_path, series_writer):
    from highdicom.legacy import LegacyConvertedEnhancedCTImage, LegacyConvertedEnhancedMRImage
    from pydicom.uid import generate_uid

    makers = {"CT": LegacyConvertedEnhancedCTImage, "MR": LegacyConvertedEnhancedMRImage}
    for modality, maker in makers.items():

        def edit(ds, n):
            ds.WindowCenter, ds.WindowWidth = 40, 400
            ds.AcquisitionDate, ds.AcquisitionTime, ds.ContentDate, ds.ContentTime = ("20260302", "120000") * 2
            ds.EchoTime, ds.ImageType, ds.AcquisitionNumber = 12.5, ["ORIGINAL", "PRIMARY", "AXIAL"], 1
            ds.StudyTime, ds.SeriesDate, ds.SeriesTime, ds.Manufacturer = "120000", "20260302", "120000", "Nobody"

        folder = tmp_path / modality
        paths = series_writer(folder, FRAMES, modality=modality, edit=edit, spacing=(0.5, 0.25))
        converted = maker(
            [pydicom.dcmread(path) for path in paths],
            generate_uid(),
            series_number=9,
            sop_instance_uid=generate_uid(),
            instance_number=1,
        )
        (tmp_path / f"{modality} converted").mkdir()
        converted.save_as(tmp_path / f"{modality} converted" / "all.dcm")
        _, classic = load_only(folder)
        series, volume = load_only(tmp_path / f"{modality} converted")
        np.testing.assert_array_equal(classic.array, volume.array)
        assert classic.geometry.matches(volume.geometry)
        assert series.notes == ()
        assert [window.limits for window in volume.windows] == [(-160, 239)]


def frames_of_two(kind, item):
    """Eight frames: four positions, each twice, told apart by one attribute of the functional groups."""

    def edit(group, n):
        second = n >= 4
        content = group.FrameContentSequence[0]
        content.InStackPositionNumber = n % 4 + 1
        content.DimensionIndexValues = [1, n % 4 + 1, 1 + second] if kind == "dimension" else [1, n % 4 + 1]
        if kind == "time":
            content.TemporalPositionIndex = 1 + second
        if kind == "echo":
            group.MREchoSequence = item(EffectiveEchoTime=30.0 if second else 10.0)
        if kind == "b-value":
            group.MRDiffusionSequence = item(DiffusionBValue=800.0 if second else 0.0)
        if kind == "trigger":
            group.CardiacSynchronizationSequence = item(NominalCardiacTriggerDelayTime=40.0 if second else 0.0)
        if kind == "type":
            kinds = ["ORIGINAL", "PRIMARY", "P" if second else "M", "NONE"]
            group.MRImageFrameTypeSequence = item(FrameType=kinds)
        if kind == "component":
            group.MRImageFrameTypeSequence = item(
                FrameType=["ORIGINAL", "PRIMARY", "A", "NONE"], ComplexImageComponent="PHASE" if second else "MAGNITUDE"
            )
        if kind == "stack":
            content.StackID = "2" if second else "1"

    return edit


@pytest.mark.parametrize(
    ("kind", "axis_note"),
    [
        ("time", ()),
        ("trigger", ()),
        ("b-value", ("Diffusion weighting of the volumes: b = 0, 800 s/mm².", "The fourth axis is b-value.")),
        ("dimension", ("The fourth axis is dimension 3.",)),
    ],
)
def test_frames_at_one_position_make_a_fourth_axis(
    tmp_path, slice_maker, kind, axis_note, enhanced_maker, enhanced_saver, item
):
    frames = np.concatenate([FRAMES, FRAMES + 500])
    template = slice_maker(FRAMES[0], modality="MR")
    enhanced_saver(enhanced_maker(template, frames, HEIGHTS * 2, edit=frames_of_two(kind, item)), tmp_path / "mr")
    series, volume = load_only(tmp_path)
    assert (series.shape, series.n_frames, series.notes) == ((7, 5, 4), 2, axis_note)
    np.testing.assert_array_equal(volume.frame(0), FRAMES.T)
    np.testing.assert_array_equal(volume.frame(1), FRAMES.T + 500)


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("echo", {"echo time 10 ms", "echo time 30 ms"}),
        ("type", {"M", "P"}),
        ("component", {"Magnitude", "Phase"}),
        ("stack", {"stack 1", "stack 2"}),
    ],
)
def test_frames_of_two_kinds_are_two_volumes(tmp_path, slice_maker, kind, labels, enhanced_maker, enhanced_saver, item):
    frames = np.concatenate([FRAMES, FRAMES + 500])
    template = slice_maker(FRAMES[0], modality="MR")
    enhanced_saver(enhanced_maker(template, frames, HEIGHTS * 2, edit=frames_of_two(kind, item)), tmp_path / "mr")
    found, problems = find_dicom_series(tmp_path)
    assert problems == []
    assert {series.description.removeprefix("Thorax 1.0, ") for series in found} == labels
    assert len({series.uid for series in found}) == 2
    sums = sorted(int(series.load().array.astype(int).sum()) for series in found)
    assert sums == [int(FRAMES.sum()), int((FRAMES + 500).astype(int).sum())]


def test_one_file_for_each_time_point(tmp_path, slice_maker, enhanced_maker, enhanced_saver):
    for t in (1, 0):

        def edit(group, n, t=t):
            group.FrameContentSequence[0].FrameAcquisitionDateTime = f"2026030212000{2 * t}.5"

        template = slice_maker(FRAMES[0], modality="PT", number=t + 1)
        enhanced_saver(enhanced_maker(template, FRAMES + 500 * t, HEIGHTS, edit=edit), tmp_path / f"pt{1 - t}")
    series, volume = load_only(tmp_path)
    assert (series.n_frames, series.n_images, volume.time_step_s) == (2, 8, 2.0)
    assert len(volume.source.files) == 2
    np.testing.assert_array_equal(volume.frame(1), FRAMES.T + 500)


def test_one_file_for_each_time_point_of_slices_with_a_time_each(tmp_path, slice_maker, enhanced_maker, enhanced_saver):
    """As Siemens writes echo-planar series: every slice its own time, and nothing but numbers tells the volumes."""
    for t in range(3):

        def edit(group, n, t=t):
            content = group.FrameContentSequence[0]
            content.FrameAcquisitionDateTime, content.FrameAcquisitionNumber = f"2026030212000{t}.{n}", 1

        template = slice_maker(FRAMES[0], modality="MR", number=t + 1)
        enhanced_saver(enhanced_maker(template, FRAMES + 500 * t, HEIGHTS, edit=edit), tmp_path / f"mr{2 - t}")
    series, volume = load_only(tmp_path)
    assert (series.n_frames, series.notes, volume.time_step_s) == (3, (), 1.0)
    for t in range(3):
        np.testing.assert_array_equal(volume.frame(t), FRAMES.T + 500 * t)


def test_parallel_stacks_are_volumes_apart(tmp_path, slice_maker, enhanced_maker, enhanced_saver):
    """As of three discs of a spine: one orientation, and gaps between the stacks."""

    def edit(group, n):
        group.FrameContentSequence[0].StackID = str(n // 2 + 1)

    heights = [[0, 0, z] for z in (0.0, 2.0, 30.0, 32.0)]
    enhanced_saver(enhanced_maker(slice_maker(FRAMES[0]), FRAMES, heights, edit=edit), tmp_path / "ct")
    found, _ = find_dicom_series(tmp_path)
    assert {(one.description, one.shape) for one in found} == {
        ("Thorax 1.0, stack 1", (7, 5, 2)),
        ("Thorax 1.0, stack 2", (7, 5, 2)),
    }


def test_same_enhanced_file_twice_is_used_once(tmp_path, slice_maker, enhanced_maker, enhanced_saver):
    path = enhanced_saver(enhanced_maker(slice_maker(FRAMES[0]), FRAMES, HEIGHTS), tmp_path / "a")
    (tmp_path / "b").write_bytes(path.read_bytes())
    series, _ = load_only(tmp_path)
    assert series.notes == ("4 images are stored twice; one of each is used.",)


@pytest.mark.parametrize("promised", [3, 5, 2_000_000_000])
def test_lying_number_of_frames_is_refused(tmp_path, slice_maker, promised, enhanced_maker, enhanced_saver):
    ds = enhanced_maker(slice_maker(FRAMES[0]), FRAMES, HEIGHTS)
    ds.NumberOfFrames = promised
    enhanced_saver(ds, tmp_path / "liar")
    series, problems = find_dicom_series(tmp_path)
    assert series == []
    assert len(problems) == 1
    assert "liar" in problems[0]


def test_missing_frame_leaves_its_room(tmp_path, slice_maker, enhanced_maker, enhanced_saver):
    kept = [0, 1, 3]
    ds = enhanced_maker(slice_maker(FRAMES[0]), FRAMES[kept], [HEIGHTS[n] for n in kept])
    enhanced_saver(ds, tmp_path / "ct")
    series, volume = load_only(tmp_path)
    assert series.notes == ("1 slice is missing and left empty: number 3 of 4 along the normal.",)
    np.testing.assert_array_equal(volume.array[:, :, kept], FRAMES.T[:, :, kept])


def test_philips_file_of_nibabel_is_placed_as_nibabel_places_it(tmp_path):
    packed = Path(nibabel.__file__).parent / "nicom" / "tests" / "data" / "philips_mprage.dcm.gz"
    if not packed.exists():
        pytest.skip("nibabel came without its test files")
    path = tmp_path / "philips.dcm"
    path.write_bytes(gzip.decompress(packed.read_bytes()))
    (series,), problems = find_dicom_series(path)
    assert problems == []
    assert (series.shape, series.notes) == ((256, 256, 176), ())
    theirs = MultiframeWrapper(pydicom.dcmread(path)).affine  # (row, column, frame) → LPS mm
    corners = np.array(list(itertools.product((0, 255), (0, 255), (0, 175))))
    expected = corners @ theirs[:3, :3].T + theirs[:3, 3]
    ours = series.loader.placement.geometry.ijk_to_ras(corners[:, [1, 0, 2]]) * (-1, -1, 1)
    backwards = ours.reshape(4, 2, 3)[:, ::-1].reshape(8, 3)
    assert min(np.abs(expected - found).max() for found in (ours, backwards)) < 1e-2  # rounded in the file


def film(slice_maker, frames, **values):
    ds = slice_maker(frames[0], modality="US", position=None)
    ds.NumberOfFrames, ds.PixelData = len(frames), frames.tobytes() + b"\0" * (frames.nbytes % 2)
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


@pytest.mark.parametrize(
    ("values", "step_s", "note"),
    [
        ({"FrameTime": "40"}, 0.04, ()),
        ({"FrameTimeVector": [0, 20, 20], "FrameIncrementPointer": 0x00181065}, 0.02, ()),
        ({"FrameTimeVector": [0, 20, 90]}, None, ("The frames do not follow one another at even times.",)),
        ({}, None, ()),
    ],
)
def test_frames_of_a_film_follow_in_time(tmp_path, slice_maker, slice_saver, values, step_s, note):
    frames = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    slice_saver(film(slice_maker, frames, **values), tmp_path / "us")
    series, volume = load_only(tmp_path)
    assert (volume.fourth_axis, volume.time_step_s, series.notes[: len(note)]) == ("time", step_s, note)
    np.testing.assert_array_equal(volume.array[:, :, 0], frames.transpose(2, 1, 0))
    assert series.thumbnail(8) is not None


def region(item, *, kind=1, units=3, delta=(0.01, 0.02)):
    (one,) = item(
        RegionSpatialFormat=kind,
        RegionDataType=1,
        RegionFlags=0,
        PhysicalUnitsXDirection=units,
        PhysicalUnitsYDirection=units,
        PhysicalDeltaX=delta[0],
        PhysicalDeltaY=delta[1],
    )
    return one


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_regions_of_ultrasound_tell_the_spacing(tmp_path, slice_maker, slice_saver, item, syntax):
    frames = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    ds = film(slice_maker, frames, FrameTime="40")
    ds.file_meta.TransferSyntaxUID = syntax
    del ds.PixelSpacing
    curve = region(item, kind=3, units=4, delta=(0.5, 0.5))
    ds.SequenceOfUltrasoundRegions = [region(item, delta=(0.01, -0.02)), curve, region(item)]
    slice_saver(ds, tmp_path / "us")
    series, volume = load_only(tmp_path)
    assert volume.geometry.spacing_mm[:2] == pytest.approx((0.1, 0.2))
    assert volume.spacing_known
    assert any("ultrasound picture" in note for note in series.notes)
    ds.SequenceOfUltrasoundRegions.append(region(item, delta=(0.03, 0.03)))
    slice_saver(ds, tmp_path / "us")
    assert not load_only(tmp_path)[1].spacing_known


def test_ultrasound_volume_lies_in_the_frame_of_its_probe(tmp_path, slice_maker, enhanced_maker, enhanced_saver, item):
    def edit(group, n):
        del group.PlanePositionSequence
        group.PlanePositionVolumeSequence = item(ImagePositionVolume=[float(x) for x in HEIGHTS[n]])
        group.PlaneOrientationVolumeSequence = item(ImageOrientationVolume=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0])

    ds = enhanced_maker(slice_maker(FRAMES[0], modality="CT"), FRAMES, HEIGHTS, edit=edit)
    ds.Modality, ds.SOPClassUID = "US", "1.2.840.10008.5.1.4.1.1.6.2"
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    enhanced_saver(ds, tmp_path / "us")
    series, volume = load_only(tmp_path)
    np.testing.assert_array_equal(volume.array, FRAMES.T)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras((0, 0, 3)), (10, 20, 7.5))
    assert series.notes == ("The images lie in the frame of the ultrasound probe, not in that of the patient.",)


def test_frames_of_an_enhanced_film_tell_their_own_times(tmp_path, slice_maker, enhanced_maker, enhanced_saver):
    """As Enhanced XA: no FrameTime for all, a FrameAcquisitionDateTime for each."""

    def edit(group, n):
        del group.PlanePositionSequence
        group.FrameContentSequence[0].FrameAcquisitionDateTime = f"20260302120000.{n * 125:03d}"

    ds = enhanced_maker(slice_maker(FRAMES[0], modality="XA"), FRAMES, HEIGHTS, edit=edit)
    del ds.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    enhanced_saver(ds, tmp_path / "xa")
    series, volume = load_only(tmp_path)
    assert (series.n_frames, series.fourth_axis, volume.time_step_s) == (4, "time", 0.125)
    np.testing.assert_array_equal(volume.frame(2), FRAMES[2].T[:, :, None])


def test_films_of_one_series_stand_alone(tmp_path, slice_maker, slice_saver):
    frames = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    for n in range(2):
        slice_saver(film(slice_maker, frames + n, FrameTime="40"), tmp_path / f"us{n}")
    found, _ = find_dicom_series(tmp_path)
    assert [series.n_frames for series in found] == [3, 3]


def test_dose_lies_where_its_offsets_tell(tmp_path, slice_maker, slice_saver):
    frames = np.arange(4 * 5 * 7, dtype=np.uint32).reshape(4, 5, 7)
    ds = slice_maker(frames[0], modality="RTDOSE", position=(-10, -20, 30))
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.481.2"
    ds.NumberOfFrames, ds.PixelData = 4, frames.tobytes()
    ds.DoseGridScaling, ds.DoseUnits, ds.GridFrameOffsetVector = "0.25", "GY", [0, -3, -6, -9]
    slice_saver(ds, tmp_path / "dose")
    _, volume = load_only(tmp_path)
    np.testing.assert_allclose(volume.array, frames[::-1].T * 0.25)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras((0, 0, 0)), (10, 20, 21))
    assert (volume.units, volume.geometry.spacing_mm[2]) == ("Gy", 3.0)


@pytest.mark.parametrize("spacing", [4.0, -4.0])
def test_tomogram_of_nuclear_medicine_with_gates(tmp_path, slice_maker, slice_saver, spacing):
    frames = np.arange(6 * 4 * 5, dtype=np.uint16).reshape(6, 4, 5)
    ds = slice_maker(frames[0], modality="NM", position=None)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    ds.NumberOfFrames, ds.PixelData, ds.SpacingBetweenSlices = 6, frames.tobytes(), str(spacing)
    detector = Dataset()
    detector.ImagePositionPatient, detector.ImageOrientationPatient = [-10, -20, 30], [1, 0, 0, 0, 1, 0]
    ds.DetectorInformationSequence = [detector]
    ds.SliceVector = [1, 2, 3, 1, 2, 3]
    slice_saver(ds, tmp_path / "nm")
    series, volume = load_only(tmp_path)
    assert (series.shape, series.n_frames) == ((5, 4, 3), 2)
    order = [0, 1, 2] if spacing > 0 else [2, 1, 0]
    np.testing.assert_array_equal(volume.frame(1), frames[3:][order].T)
    np.testing.assert_allclose(volume.geometry.ijk_to_ras((0, 0, order[0])), (10, 20, 30))


def test_frames_without_a_meaning_are_numbered(tmp_path, slice_maker, slice_saver):
    frames = np.arange(3 * 4 * 5, dtype=np.uint16).reshape(3, 4, 5)
    ds = slice_maker(frames[0], modality="NM", position=None)
    ds.NumberOfFrames, ds.PixelData = 3, frames.tobytes()
    slice_saver(ds, tmp_path / "nm")
    series, volume = load_only(tmp_path)
    assert series.notes[-1] == "The fourth axis is frame number."
    np.testing.assert_array_equal(volume.array[:, :, 0], frames.transpose(2, 1, 0))
