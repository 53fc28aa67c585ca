"""DICOM SEG of others, read onto the grid of its scan; and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

import napari_medseg as ms
from napari_medseg.io.dicom.seg.colours import lab_to_hex


def saved(seg: Any, path: Path) -> Path:
    seg.save_as(path)
    return path


@pytest.fixture
def planes(labels: Any) -> Any:
    return np.ascontiguousarray(labels.transpose(2, 1, 0))


@pytest.mark.parametrize("given", [True, False])
@pytest.mark.parametrize("sparse", [True, False])
@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP", "FRACTIONAL"])
def test_highdicom_files(
    seg_maker: Any,
    headers: Any,
    planes: Any,
    labels: Any,
    scan: Any,
    tmp_path: Path,
    kind: str,
    sparse: bool,
    given: bool,
) -> None:
    path = saved(seg_maker(headers, planes, kind=kind, omit_empty_frames=sparse), tmp_path / "theirs.dcm")
    back = ms.read_segmentation(path, volume=scan if given else None)
    np.testing.assert_array_equal(back.array, labels)
    assert back.geometry == scan.geometry and back.source == scan.source
    assert [(s.label, s.name, s.code) for s in back.segments] == [(1, "Part 1", None), (2, "Part 2", None)]
    assert any("one half" in note for note in back.notes) == (kind == "FRACTIONAL")


def test_compressed_label_maps(seg_maker: Any, headers: Any, planes: Any, labels: Any, tmp_path: Path) -> None:
    from pydicom.uid import JPEGLSLossless, RLELossless

    for uid in (RLELossless, JPEGLSLossless):
        seg = seg_maker(headers, planes, kind="LABELMAP", transfer_syntax_uid=uid)
        back = ms.read_segmentation(saved(seg, tmp_path / f"{uid}.dcm"))
        np.testing.assert_array_equal(back.array, labels)


def test_fractions_count_from_one_half(seg_maker: Any, headers: Any, scan: Any, tmp_path: Path) -> None:
    fractions = np.zeros((6, 5, 7, 1))
    fractions[2, 1, :, 0] = np.linspace(0, 1, 7)
    seg = seg_maker(headers, fractions, 1, "FRACTIONAL", max_fractional_value=200)
    back = ms.read_segmentation(saved(seg, tmp_path / "theirs.dcm"))
    assert np.argwhere(back.array).tolist() == [[i, 1, 2] for i in (3, 4, 5, 6)]


def test_overlap_is_told(seg_maker: Any, headers: Any, scan: Any, tmp_path: Path) -> None:
    both = np.zeros((6, 5, 7, 2), np.uint8)
    both[1, 1, 1:5, 0], both[1, 1, 3:6, 1] = 1, 1
    back = ms.read_segmentation(saved(seg_maker(headers, both), tmp_path / "theirs.dcm"))
    assert back.array[:, 1, 1].tolist() == [0, 1, 1, 2, 2, 2, 0]
    assert any("overlap in 2 voxels" in note for note in back.notes)


def test_overlapping_segments_are_kept_apart(seg_maker: Any, headers: Any, scan: Any, tmp_path: Path) -> None:
    from napari_medseg.io.dicom.seg import read_dicom_segs, write_dicom_seg

    random = np.random.default_rng(1)
    masks = (random.random((6, 5, 7, 4)) > 0.5).astype(np.uint8)
    masks[..., 3] = (masks[..., :3].sum(axis=-1) == 0) & (random.random((6, 5, 7)) > 0.5)
    path = saved(seg_maker(headers, masks, 4), tmp_path / "theirs.dcm")
    parts = read_dicom_segs(path)
    assert [[s.label for s in part.segments] for part in parts] == [[1, 4], [2], [3]]
    for part in parts:
        assert part.geometry == scan.geometry and part.source == scan.source
        for segment in part.segments:
            np.testing.assert_array_equal(
                part.array.transpose(2, 1, 0) == segment.label, masks[..., segment.label - 1] == 1
            )
    again = read_dicom_segs(write_dicom_seg(parts, tmp_path / "ours.dcm"))
    for one, other in zip(parts, again, strict=True):
        np.testing.assert_array_equal(one.array, other.array)
        assert one.segments == other.segments


def test_frames_in_any_order(seg_maker: Any, headers: Any, planes: Any, labels: Any, tmp_path: Path) -> None:
    def turn_round(seg: Any) -> None:
        pixels = np.unpackbits(np.frombuffer(seg.PixelData, np.uint8), bitorder="little")
        n = int(seg.NumberOfFrames)
        frames = pixels[: n * 35].reshape(n, 35)[::-1]
        packed = np.packbits(frames.reshape(-1), bitorder="little").tobytes()
        seg.PixelData = packed + b"\0" * (len(packed) % 2)
        groups = list(seg.PerFrameFunctionalGroupsSequence)
        seg.PerFrameFunctionalGroupsSequence = groups[::-1]

    seg = seg_maker(headers, planes, edit=turn_round)
    np.testing.assert_array_equal(ms.read_segmentation(saved(seg, tmp_path / "theirs.dcm")).array, labels)


def test_another_grid_is_refused(
    seg_maker: Any, headers: Any, planes: Any, scan: Any, tmp_path: Path, series_writer: Any, stack: Any
) -> None:
    path = saved(seg_maker(headers, planes), tmp_path / "theirs.dcm")
    for name, options in {
        "half a voxel": {"origin": (-9.5, -20.0, 30.0)},
        "other pixels": {"spacing": (1.1, 1.0)},
        "turned": {"row": (0.8, 0.6, 0.0), "column": (-0.6, 0.8, 0.0)},
        "elsewhere": {"origin": (-6.0, -20.0, 30.0)},
    }.items():
        uids = ("1.2.3.1", "1.2.3.2", "1.2.3.4")  # another frame of reference
        series_writer(tmp_path / name, stack, uids=uids, **options)
        with pytest.raises(ms.MedsegError, match=r"theirs\.dcm does not lie on the voxels of this image"):
            ms.read_segmentation(path, volume=ms.read_volume(tmp_path / name))


@pytest.mark.parametrize(
    "options",
    [
        {"origin": (-9.75, -20.0, 30.0)},
        {"spacing": (0.37, 0.61), "origin": (-12.0, -21.0, 29.0), "step": (0.0, 0.0, 0.9)},
        {"row": (0.8, 0.6, 0.0), "column": (-0.6, 0.8, 0.0), "step": (0.0, 0.0, 1.0)},
        {"origin": (-6.0, -20.0, 30.0)},
        {"row": (0.0, 0.0, 1.0), "column": (0.0, 1.0, 0.0), "step": (-1.5, 0.0, 0.0), "origin": (-3.0, -20.0, 30.0)},
    ],
)
def test_another_grid_of_the_same_frame_of_reference(
    seg_maker: Any,
    headers: Any,
    planes: Any,
    labels: Any,
    scan: Any,
    tmp_path: Path,
    series_writer: Any,
    options: Any,
) -> None:
    path = saved(seg_maker(headers, planes), tmp_path / "theirs.dcm")
    series_writer(tmp_path / "other", np.zeros((12, 24, 26), np.int16), **options)
    other = ms.read_volume(tmp_path / "other")
    back = ms.read_segmentation(path, volume=other)
    assert back.geometry == other.geometry and any("another grid" in note for note in back.notes)
    # Every voxel has the label of the nearest voxel, unless its centre lies between two of them.
    index = np.argwhere(np.ones(other.spatial_shape))
    there = scan.geometry.ras_to_ijk(other.geometry.ijk_to_ras(index))
    clear = (np.abs(there - np.floor(there) - 0.5) > 1e-4).all(axis=1)
    near = np.floor(there + 0.5).astype(int)
    inside = ((near >= 0) & (near < labels.shape)).all(axis=1)
    expected = np.where(inside, labels[tuple(np.clip(near, 0, np.array(labels.shape) - 1).T)], 0)
    np.testing.assert_array_equal(back.array[tuple(index.T)][clear], expected[clear])
    assert clear.sum() > 1000 and back.array.any()


def test_wholly_outside(
    seg_maker: Any, headers: Any, planes: Any, tmp_path: Path, series_writer: Any, stack: Any
) -> None:
    path = saved(seg_maker(headers, planes), tmp_path / "theirs.dcm")
    series_writer(tmp_path / "far", stack, origin=(200.0, 0.0, 0.0))
    with pytest.raises(ms.MedsegError, match=r"theirs\.dcm does not lie .* wholly outside"):
        ms.read_segmentation(path, volume=ms.read_volume(tmp_path / "far"))


def test_the_images_beside_it_have_another_grid(
    seg_maker: Any, headers: Any, planes: Any, folder: Path, series_writer: Any, stack: Any
) -> None:
    """As where a tool resampled the scan, and referred to its images all the same."""
    path = saved(seg_maker(headers, planes), folder.parent / "theirs.dcm")
    for file in folder.iterdir():
        file.unlink()
    series_writer(folder, np.zeros((12, 5, 7), np.int16), step=(0.0, 0.0, 1.0))
    back = ms.read_segmentation(path)
    assert back.geometry == ms.read_volume(folder).geometry and any("another grid" in note for note in back.notes)


def test_a_part_of_the_scan_and_no_scan(seg_maker: Any, headers: Any, planes: Any, labels: Any, tmp_path: Path) -> None:
    path = saved(seg_maker(headers, planes, omit_empty_frames=True), tmp_path / "theirs.dcm")
    (tmp_path / "away").mkdir()
    alone = ms.read_segmentation(path.rename(tmp_path / "away" / "theirs.dcm"))
    filled = np.flatnonzero(labels.any(axis=(0, 1)))
    np.testing.assert_array_equal(alone.array, labels[..., filled[0] : filled[-1] + 1])
    with pytest.raises(ms.MedsegError, match="none are known"):
        ms.write_segmentation(alone, tmp_path / "again.dcm")
    ms.write_segmentation(alone, tmp_path / "again.nii.gz")


def test_a_study_lists_it(seg_maker: Any, headers: Any, planes: Any, labels: Any, folder: Path) -> None:
    saved(seg_maker(headers, planes), folder / "theirs.dcm")
    study = ms.open_study(folder)
    assert [(one.kind, one.modality) for one in study.series] == [("image", "CT"), ("segmentation", "SEG")]
    assert study.problems == []
    np.testing.assert_array_equal(study.series[1].load().array, labels)
    assert ms.read_volume(folder).modality == "CT"


def drop(keyword: str) -> Any:
    return lambda ds: delattr(ds, keyword)


def no_segment(ds: Any) -> None:
    del ds.PerFrameFunctionalGroupsSequence[0].SegmentIdentificationSequence


def not_finite(ds: Any) -> None:
    ds.PerFrameFunctionalGroupsSequence[1].PlanePositionSequence[0].ImagePositionPatient = ["1", "1e999", "0"]


def far_away(ds: Any) -> None:
    ds.PerFrameFunctionalGroupsSequence[0].PlanePositionSequence[0].ImagePositionPatient = [-10, -20, 4e6]


def more(keyword: str, value: Any) -> Any:
    return lambda ds: setattr(ds, keyword, value)


@pytest.mark.parametrize(
    "break_it",
    [
        drop("SegmentationType"),
        drop("PerFrameFunctionalGroupsSequence"),
        drop("SharedFunctionalGroupsSequence"),
        drop("PixelData"),
        no_segment,
        not_finite,
        far_away,
        more("NumberOfFrames", 2_000_000_000),
        more("Rows", 60_000),
        more("SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"),
    ],
)
def test_malformed_files_are_named(seg_maker: Any, headers: Any, planes: Any, tmp_path: Path, break_it: Any) -> None:
    (tmp_path / "away").mkdir()
    path = saved(seg_maker(headers, planes), tmp_path / "away" / "theirs.dcm")
    ds = pydicom.dcmread(path)
    break_it(ds)
    ds.save_as(path)
    with pytest.raises(ms.MedsegError, match=r"theirs\.dcm") as caught:
        ms.read_segmentation(path)
    assert caught.value.hint and "Doe" not in str(caught.value) and "SECRET" not in str(caught.value)


def test_files_cut_anywhere(seg_maker: Any, headers: Any, planes: Any, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    whole = saved(seg_maker(headers, planes), tmp_path / "theirs.dcm").read_bytes()
    path = tmp_path / "away" / "theirs.dcm"
    for length in range(200, len(whole) - 8, len(whole) // 15):
        path.write_bytes(whole[:length])
        with pytest.raises(ms.MedsegError, match=r"theirs\.dcm"):
            ms.read_segmentation(path)


def test_random_damage_ends_in_a_sentence(seg_maker: Any, headers: Any, planes: Any, tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    whole = saved(seg_maker(headers, planes), tmp_path / "theirs.dcm").read_bytes()
    path = tmp_path / "away" / "theirs.dcm"
    random = np.random.default_rng(5)
    for _ in range(40):
        damaged = np.frombuffer(whole, np.uint8).copy()
        places = random.integers(140, len(whole), random.integers(1, 8))
        damaged[places] = random.integers(0, 256, len(places))
        path.write_bytes(damaged.tobytes())
        try:
            ms.read_segmentation(path)
        except ms.MedsegError as error:
            assert "theirs.dcm" in error.message


def test_an_image_is_no_segmentation(headers: Any, scan: Any) -> None:
    with pytest.raises(ms.MedsegError, match="not a segmentation"):
        ms.read_segmentation(scan.source.files[0])


def test_colours_are_those_of_highdicom() -> None:
    from highdicom.color import CIELabColor

    for colour in ("#000000", "#ffffff", "#12ab34", "#fe0180", "#0072b2", "#f0e442", "#010203"):
        assert lab_to_hex(*CIELabColor.from_string(colour).value) == colour


def test_files_that_pydicom_and_highdicom_bring() -> None:
    """Every SEG at hand is read, or refused in a sentence."""
    import highdicom
    from pydicom.data import get_testdata_files

    places = [Path(name) for name in get_testdata_files("*seg*.dcm")]
    places += list(Path(highdicom.__file__).parents[1].glob("**/seg_image*.dcm"))
    for path in places:
        try:
            assert ms.read_segmentation(path).array.ndim == 3
        except ms.MedsegError as error:
            assert path.name in error.message
