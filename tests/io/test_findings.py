"""Findings between segmentations, COCO's JSON and RSNA's tables, against pycocotools."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import napari_medseg as ms
from napari_medseg.core.boxes import box_from_pixels, box_to_pixels
from napari_medseg.io import Finding, ImageFindings, findings_of, read_findings, segmentation_of, write_findings
from napari_medseg.io.findings_coco import write_coco
from napari_medseg.io.findings_rsna import rsna_id, write_rsna_boxes
from napari_medseg.io.findings_runs import RunLengths, runs_of_polygons

coco_masks = pytest.importorskip("pycocotools.mask")

ROWS, COLUMNS = 40, 60
OPACITY = ms.Code("46621007", "SCT", "Atelectasis")


@pytest.fixture
def volume(tmp_path: Path) -> ms.Volume:
    """A radiograph of 60 columns and 40 rows."""
    Image.fromarray(np.zeros((ROWS, COLUMNS), np.uint8)).save(tmp_path / "chest 1.png")
    return ms.read_volume(tmp_path / "chest 1.png")


@pytest.fixture
def segmentation(volume: ms.Volume) -> ms.Segmentation:
    """A blob with score and box, one drawn by hand without either, a box that lost its pixels, and an empty name."""
    array = np.zeros(volume.spatial_shape, np.uint8)
    i, j = np.indices((COLUMNS, ROWS))
    array[(i - 20) ** 2 + (j - 15) ** 2 < 60, 0] = 1
    array[45:50, 0:9, 0] = 2
    segments = [
        ms.Segment(1, "Opacity", OPACITY, score=0.8125, box=box_from_pixels((12.25, 7.5, 28.75, 23.0))),
        ms.Segment(2, "Nodule"),
        ms.Segment(3, "Opacity", OPACITY, score=0.25, box=box_from_pixels((50.0, 30.0, 70.0, 38.5))),
        ms.Segment(4, "Nothing"),
    ]
    return ms.Segmentation.from_array(array, volume, segments, model="some-model")


def coco_of(path: Path) -> Any:
    """The file as pycocotools sees it."""
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def random_masks() -> list[Any]:
    rng = np.random.default_rng(7)
    masks = [rng.random((rows, columns)) < density for rows, columns, density in [(1, 1, 1), (1, 7, 0.5), (9, 1, 0.5)]]
    masks += [np.zeros((5, 6), bool), np.ones((5, 6), bool), rng.random((300, 200)) < 0.5, rng.random((50, 70)) < 0.02]
    i, j = np.indices((700, 900))
    masks.append((i - 350) ** 2 / 4 + (j - 500) ** 2 < 150**2)  # differences of runs beyond 10 bits, both signs
    return masks


@pytest.mark.parametrize("mask", random_masks(), ids=lambda mask: f"{mask.shape}")
def test_run_lengths_are_those_of_pycocotools(mask: Any) -> None:
    theirs = coco_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    runs = RunLengths.from_mask(mask)
    assert runs.to_text() == theirs["counts"].decode()
    assert runs.area == int(coco_masks.area(theirs)) == mask.sum()
    np.testing.assert_array_equal(RunLengths.from_text(*mask.shape, theirs["counts"].decode()).to_mask(), mask)
    np.testing.assert_array_equal(coco_masks.decode({"size": list(mask.shape), "counts": runs.to_text()}), mask)


@pytest.mark.parametrize("text", ["", "0", "zzz", "P", "\x00", "é", "oooooooooooooo", "_" * 40])
def test_text_that_is_no_run_lengths_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"run|mask"):
        RunLengths.from_text(4, 5, text)


def test_sizes_beyond_any_radiograph_are_refused() -> None:
    for rows, columns in ((0, 4), (-3, 4), (1 << 20, 1 << 20)):
        with pytest.raises(ValueError, match="cannot have"):
            RunLengths(rows, columns, np.array([rows * columns]))
        with pytest.raises(ValueError, match="cannot have"):
            runs_of_polygons(rows, columns, [])
    with pytest.raises(ValueError, match="do not fill"):
        RunLengths(2, 2, np.array([1 << 62, 1 << 62, 1 << 62, 1 << 62, 4]))


def test_polygons_are_filled_where_pixel_centres_lie_inside() -> None:
    square = runs_of_polygons(6, 8, [[2, 1, 5, 1, 5, 4, 2, 4]]).to_mask()
    expected = np.zeros((6, 8), bool)
    expected[1:4, 2:5] = True
    np.testing.assert_array_equal(square, expected)
    outside = runs_of_polygons(6, 8, [[-3, -2, 20, -2, 20, 3, -3, 3]]).to_mask()
    assert outside[:3].all() and not outside[3:].any()
    both = runs_of_polygons(6, 8, [[0, 0, 4, 0, 4, 4, 0, 4], [2, 2, 6, 2, 6, 6, 2, 6]])
    assert both.area == 16 + 16 - 4  # several polygons of one finding are joined
    for bad in ([1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7], [1, 2, 3, 4, 5, float("nan")]):
        with pytest.raises(ValueError, match="polygon"):
            runs_of_polygons(6, 8, [bad])


def test_polygons_are_about_those_of_pycocotools() -> None:
    rng = np.random.default_rng(8)
    for _ in range(20):
        angles = np.sort(rng.uniform(0, 2 * np.pi, 12))
        radii = rng.uniform(30, 90, 12)
        points = np.column_stack([130 + radii * np.cos(angles), 110 + radii * np.sin(angles)])
        polygon = points.ravel().tolist()
        ours = runs_of_polygons(220, 260, [polygon]).to_mask()
        theirs = coco_masks.decode(coco_masks.merge(coco_masks.frPyObjects([polygon], 220, 260))).astype(bool)
        assert (ours ^ theirs).sum() < 0.03 * theirs.sum()
        x, y = points.T
        area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
        assert abs(ours.sum() - area) < 0.01 * area


def test_voxel_boxes_and_pixel_edges_differ_by_half_a_pixel(volume: ms.Volume) -> None:
    whole = box_from_pixels((0, 0, COLUMNS, ROWS))
    assert whole == (-0.5, -0.5, -0.5, COLUMNS - 0.5, ROWS - 0.5, 0.5)
    assert box_to_pixels(whole) == (0, 0, COLUMNS, ROWS)
    middle = volume.geometry.ijk_to_ras(np.add(whole[:3], whole[3:]) / 2)
    corners = volume.geometry.ijk_to_ras([[0, 0, 0], [COLUMNS - 1, ROWS - 1, 0]])
    np.testing.assert_allclose(middle, corners.mean(axis=0))


def test_segments_become_findings(segmentation: ms.Segmentation) -> None:
    found = findings_of(segmentation)
    assert (found.image, found.size, len(found.findings)) == ("chest 1.png", (COLUMNS, ROWS), 3)
    blob, nodule, edge = found.findings
    assert (blob.name, blob.box, blob.score, blob.code) == ("Opacity", (12.25, 7.5, 28.75, 23.0), 0.8125, OPACITY)
    assert blob.mask is not None
    np.testing.assert_array_equal(blob.mask.to_mask(), segmentation.array[:, :, 0].T == 1)
    assert (nodule.box, nodule.score) == ((45.0, 0.0, 50.0, 9.0), None)  # of its pixels
    assert edge.mask is None and edge.box == (50.0, 30.0, COLUMNS, 38.5)  # cut at the edge of the image
    assert findings_of(segmentation, "b/c.png").image == "b/c.png"


def test_pixels_that_someone_painted_out_of_the_box_give_the_box(segmentation: ms.Segmentation) -> None:
    painted = segmentation.array.copy()
    painted[12:31, 7:9, 0] = 1  # a pixel to the left is within the rounding of the box; two to the right are not
    found = findings_of(dataclasses.replace(segmentation, array=painted)).findings[0]
    assert found.box == (12.0, 7.0, 31.0, 23.0) and found.score == 0.8125
    painted[29:, :, 0][painted[29:, :, 0] == 1] = 0
    assert findings_of(dataclasses.replace(segmentation, array=painted)).findings[0].box == (12.25, 7.5, 28.75, 23.0)


def test_findings_come_from_one_slice_with_a_name(labels: ms.Segmentation, volume: ms.Volume) -> None:
    with pytest.raises(ms.MedsegError, match="several slices"):
        findings_of(labels)
    nameless = ms.Segmentation(np.zeros(volume.spatial_shape, np.uint8), volume.geometry)
    with pytest.raises(ms.MedsegError, match="no file name"):
        findings_of(nameless)


def test_coco_is_read_by_pycocotools(segmentation: ms.Segmentation, tmp_path: Path) -> None:
    path = write_findings([findings_of(segmentation), ImageFindings("empty.png", (), (9, 8))], tmp_path / "out.json")
    coco = coco_of(path)
    assert [(i["id"], i["file_name"], i["width"], i["height"]) for i in coco.loadImgs([1, 2])] == [
        (1, "chest 1.png", COLUMNS, ROWS),
        (2, "empty.png", 9, 8),
    ]
    assert {c["id"]: c["name"] for c in coco.loadCats(coco.getCatIds())} == {1: "Atelectasis", 2: "Nodule"}
    blob, nodule, edge = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
    np.testing.assert_array_equal(coco.annToMask(blob), segmentation.array[:, :, 0].T == 1)
    np.testing.assert_array_equal(coco.annToMask(nodule), segmentation.array[:, :, 0].T == 2)
    assert list(coco_masks.toBbox(nodule["segmentation"])) == nodule["bbox"] == [45, 0, 5, 9]
    assert (blob["bbox"], blob["score"]) == ([12.25, 7.5, 16.5, 15.5], 0.8125)
    assert blob["area"] == (segmentation.array == 1).sum() and "score" not in nodule
    assert "segmentation" not in edge and edge["area"] == 10 * 8.5
    assert coco.getAnnIds(imgIds=[2]) == []


def test_pycocotools_evaluates_our_annotations_as_results(segmentation: ms.Segmentation, tmp_path: Path) -> None:
    from pycocotools.cocoeval import COCOeval

    found = findings_of(segmentation)
    scored = [Finding(f.name, f.box, 0.5, f.mask, f.code) for f in found.findings if f.mask is not None]
    truth = coco_of(write_findings([found], tmp_path / "truth.json"))
    results = json.loads(
        write_findings([ImageFindings("a", tuple(scored), found.size)], tmp_path / "r.json").read_text()
    )
    with contextlib.redirect_stdout(io.StringIO()):
        for kind in ("bbox", "segm"):
            for annotation in truth.dataset["annotations"]:
                annotation.setdefault("segmentation", [[50, 30, 60, 30, 60, 38, 50, 38]])
            evaluation = COCOeval(truth, truth.loadRes(results["annotations"]), kind)
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
            assert evaluation.stats[8] == pytest.approx((0.5 + 1) / 2)  # recall: one of two opacities, the nodule


def test_findings_survive_coco(segmentation: ms.Segmentation, tmp_path: Path, volume: ms.Volume) -> None:
    found = findings_of(segmentation)
    (again,) = read_findings(write_findings([found], tmp_path / "out.json"))
    assert (again.image, again.size) == (found.image, found.size)
    for one, other in zip(found.findings, again.findings, strict=True):
        assert (one.box, one.score, one.code) == (other.box, other.score, other.code)
        assert (one.mask is None) == (other.mask is None)
        if one.mask is not None and other.mask is not None:
            np.testing.assert_array_equal(one.mask.counts, other.mask.counts)
    back = segmentation_of(again, volume)
    np.testing.assert_array_equal(back.array == 1, segmentation.array == 1)
    np.testing.assert_array_equal(back.array == 2, segmentation.array == 2)
    assert back.segments[0].box == segmentation.segments[0].box and back.segments[0].score == 0.8125
    assert not back.spacing_known and back.geometry == volume.geometry
    assert back.notes == ("1 of the findings have no outline: their boxes are filled.",)


def test_categories_keep_the_numbers_that_are_asked_for(segmentation: ms.Segmentation, tmp_path: Path) -> None:
    write_coco([findings_of(segmentation)], tmp_path / "out.json", ["Nodule", "Unused"])
    document = json.loads((tmp_path / "out.json").read_text())
    assert [(c["id"], c["name"]) for c in document["categories"]] == [(1, "Nodule"), (2, "Unused"), (3, "Atelectasis")]
    assert [a["category_id"] for a in document["annotations"]] == [3, 1, 3]


def test_coco_of_others_is_read(tmp_path: Path) -> None:
    mask = np.zeros((8, 9), np.uint8)
    mask[2:5, 3:6] = 1
    text = coco_masks.encode(np.asfortranarray(mask))["counts"].decode()
    plain = [2 + 3 * 8, 3, 5, 3, 5, 3, 72 - (2 + 24 + 3 + 5 + 3 + 5 + 3)]
    base = {"image_id": 7, "category_id": "op", "bbox": [3, 2, 3, 3]}
    document = {
        "images": [{"id": 7, "file_name": "x/y.jpg", "width": 9, "height": 8}],
        "categories": [{"id": "op", "name": "Opacity"}],
        "annotations": [
            base | {"segmentation": {"size": [8, 9], "counts": text}},
            base | {"segmentation": {"size": [8, 9], "counts": plain}},
            base | {"segmentation": [[3, 2, 6, 2, 6, 5, 3, 5]], "score": 0.5},
            base | {"segmentation": []},
            base | {"iscrowd": 1},
        ],
    }
    (tmp_path / "a.json").write_text(json.dumps(document), encoding="utf-8-sig")
    (found,) = read_findings(tmp_path / "a.json")
    assert (found.image, found.size, len(found.findings)) == ("x/y.jpg", (9, 8), 5)
    for finding in found.findings[:3]:
        assert finding.mask is not None
        np.testing.assert_array_equal(finding.mask.to_mask(), mask)
    assert found.findings[3].mask is None and [f.score for f in found.findings] == [None, None, 0.5, None, None]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"image_id": 8}, "'?8'?.* is missing or unknown|8 is missing"),
        ({"category_id": 2}, "missing or unknown"),
        ({"category_id": None}, "number"),
        ({"bbox": [3, 2, 0, 3]}, "width and height"),
        ({"bbox": [3, 2, -1, 3]}, "width and height"),
        ({"bbox": [3, 2, float("nan"), 3]}, "finite"),
        ({"bbox": [3, 2, 3]}, "makes no sense"),
        ({"bbox": None}, "makes no sense"),
        ({"score": "high"}, "makes no sense"),
        ({"segmentation": {"size": [9, 9], "counts": "0"}}, "its mask has 9 × 9 pixels"),
        ({"segmentation": {"size": [8, 9], "counts": "0"}}, "do not fill"),
        ({"segmentation": {"size": [8, 9], "counts": [1e30]}}, "makes no sense"),
        ({"segmentation": {"size": [8, 9], "counts": [10**30]}}, "makes no sense"),
        ({"segmentation": [[1, 2]]}, "three points"),
        ({"segmentation": 5}, "makes no sense"),
    ],
)
def test_bad_annotations_are_named(tmp_path: Path, change: dict[str, Any], match: str) -> None:
    good = {"image_id": 7, "category_id": 1, "bbox": [3, 2, 3, 3]}
    document = {
        "images": [{"id": 7, "file_name": "y.jpg", "width": 9, "height": 8}],
        "categories": [{"id": 1, "name": "Opacity"}],
        "annotations": [good, good | change],
    }
    (tmp_path / "a.json").write_text(json.dumps(document))
    with pytest.raises(ms.MedsegError, match=match) as caught:
        read_findings(tmp_path / "a.json")
    assert caught.value.message.startswith("Annotation 2 of a.json makes no sense") and caught.value.hint


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "{}", '{"images": 5}', '{"images": [{}]}', "[" * 100000, "\xff"])
def test_other_json_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="latin-1")
    with pytest.raises(ms.MedsegError, match=r"a\.json is"):
        read_findings(tmp_path / "a.json")


def test_rsna_predictions(segmentation: ms.Segmentation, tmp_path: Path) -> None:
    path = write_findings([ImageFindings("none.dcm"), findings_of(segmentation)], tmp_path / "submission.csv")
    assert path.read_text() == (
        "patientId,PredictionString\nnone,\nchest 1,1 45 0 5 9 0.8125 12.25 7.5 16.5 15.5 0.25 50 30 10 8.5\n"
    )
    none, found = read_findings(path)
    assert (none.image, none.findings, found.image) == ("none", (), "chest 1")
    assert [f.score for f in found.findings] == [1.0, 0.8125, 0.25]
    assert found.findings[1].box == (12.25, 7.5, 28.75, 23.0) and found.findings[1].name == "Lung opacity"


def test_rsna_boxes(segmentation: ms.Segmentation, tmp_path: Path) -> None:
    path = write_rsna_boxes([findings_of(segmentation, "p1"), ImageFindings("p2")], tmp_path / "labels.csv")
    rows = list(csv.reader(path.open()))
    assert rows[0] == ["patientId", "x", "y", "width", "height", "Target"]
    assert rows[1] == ["p1", "12.25", "7.5", "16.5", "15.5", "1"] and rows[-1] == ["p2", "", "", "", "", "0"]
    drawn, none = read_findings(path)
    assert [f.box for f in drawn.findings] == [f.box for f in findings_of(segmentation).findings]
    assert {f.score for f in drawn.findings} == {None} and none.findings == ()


def test_boxes_of_rsna_are_filled_on_their_image(volume: ms.Volume, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("patientId,PredictionString\nx,0.9 10 5 20 10 0.3 25.4 -4 100 12\n")
    (found,) = read_findings(tmp_path / "a.csv")
    segmentation = segmentation_of(found, volume)
    assert [(s.label, s.score) for s in segmentation.segments] == [(1, 0.9), (2, 0.3)]
    picture = segmentation.array[:, :, 0].T
    assert (picture[5:15, 10:30] == 1).all() and (picture == 1).sum() == 200  # the surer one lies on top
    assert (picture[:5, 25:] == 2).all() and not picture[:5, :25].any()
    assert len(segmentation.notes) == 2


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.png", "a"), ("b/c.JPEG", "b/c"), ("1.2.840.5", "1.2.840.5"), ("1.2.dcm", "1.2"), ("x.nii.gz", "x")],
)
def test_rsna_names_have_no_suffix(name: str, expected: str) -> None:
    assert rsna_id(name) == expected


@pytest.mark.parametrize(
    ("lines", "match"),
    [
        ("patientId,PredictionString\na,0.5 1 2 3\n", "Line 2 .* five numbers"),
        ("patientId,PredictionString\na,0.5 1 2 3 x\n", "Line 2 .* no number"),
        ("patientId,PredictionString\na,0.5 1 2 0 4\n", "Line 2 .* width"),
        ("patientId,PredictionString\na,nan 1 2 3 4\n", "Line 2 .* score"),
        ("patientId,PredictionString\na,\na,\n", "Line 3 .* before"),
        ("patientId,PredictionString\n,0.5 1 2 3 4\n", "Line 2 .* no name"),
        ("patientId,PredictionString\na\n", "Line 2 .* column is missing"),
        ("patientId,x,y,width,height,Target\na,1,2,3,4,1\na,,,,,0\n", "Line 3 .* otherwise"),
        ("patientId,x,y,width,height,Target\na,1,2,3,4,0\n", "Line 2 .* there is a box"),
        ("patientId,x,y,width,height,Target\na,1,2,3,4,2\n", "Line 2 .* neither"),
        ("patientId,x,y,width,height,Target\na,,,,,1\n", "Line 2 .* no number"),
        ("image,label\na,1\n", "has not the columns"),
        ("", "has not the columns"),
    ],
)
def test_bad_tables_are_named_by_line(tmp_path: Path, lines: str, match: str) -> None:
    (tmp_path / "a.csv").write_text(lines)
    with pytest.raises(ms.MedsegError, match=match) as caught:
        read_findings(tmp_path / "a.csv")
    assert "a.csv" in caught.value.message and caught.value.hint


def test_tables_that_are_no_text(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b"patientId,PredictionString\n\xff\xfe,\n")
    with pytest.raises(ms.MedsegError, match="no table"):
        read_findings(tmp_path / "a.csv")


def test_names_are_told_apart(tmp_path: Path) -> None:
    size = (4, 5)
    for suffix in (".json", ".csv"):
        with pytest.raises(ms.MedsegError, match="Two images are called"):
            write_findings(
                [ImageFindings("a.png", (), size), ImageFindings("a.png", (), size)], tmp_path / f"x{suffix}"
            )
    with pytest.raises(ms.MedsegError, match="Two images are called a"):
        write_findings([ImageFindings("a.png"), ImageFindings("a.dcm")], tmp_path / "x.csv")
    with pytest.raises(ms.MedsegError, match="size of a is unknown"):
        write_findings([ImageFindings("a")], tmp_path / "x.json")
    assert not list(tmp_path.iterdir())


def test_findings_of_another_image_are_refused(volume: ms.Volume, scan: Path) -> None:
    with pytest.raises(ms.MedsegError, match="an image of 9 × 8 pixels; this one has 60 × 40"):
        segmentation_of(ImageFindings("a", (), (9, 8)), volume)
    mask = RunLengths.from_mask(np.ones((3, 3), bool))
    with pytest.raises(ms.MedsegError, match="an image of 3 × 3"):
        segmentation_of(ImageFindings("a", (Finding("x", (0, 0, 3, 3), mask=mask),)), volume)
    with pytest.raises(ms.MedsegError, match="a radiograph"):
        segmentation_of(ImageFindings("a"), ms.read_volume(scan))
    assert not segmentation_of(ImageFindings("a"), volume).array.any()


@pytest.mark.parametrize("name", ["a.xml", "a"])
def test_other_suffixes_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    with pytest.raises(ms.MedsegError, match="cannot be saved"):
        write_findings([], tmp_path / name)
    with pytest.raises(ms.MedsegError, match="no file of findings"):
        read_findings(tmp_path / name)


def test_no_patient_is_named(tmp_path: Path, sample_data: Path) -> None:
    import pydicom

    (file,) = sorted((sample_data / "chest_radiograph").glob("*.dcm"))
    header = pydicom.dcmread(file)
    header.PatientName, header.PatientID = "Doe^Jane", "HOSPITAL-4711"
    header.save_as(tmp_path / "IM0001.dcm")
    volume = ms.read_volume(tmp_path / "IM0001.dcm")
    labels = np.zeros(volume.spatial_shape, np.uint8)
    labels[5:20, 5:20] = 1
    found = findings_of(ms.Segmentation.from_array(labels, volume, [ms.Segment(1, "Opacity", score=0.5)]))
    for suffix in (".json", ".csv"):
        text = write_findings([found], tmp_path / f"out{suffix}").read_text()
        assert "IM0001" in text
        assert not any(secret in text for secret in ("Doe", "Jane", "4711", str(header.StudyInstanceUID)))


@pytest.mark.data
def test_the_boxes_of_the_shared_set_survive(shared_data: Path, tmp_path: Path) -> None:
    rows = list(csv.DictReader((shared_data / "cxr_pneumonia" / "boxes.csv").open()))
    images: dict[str, list[Finding]] = {}
    for row in rows:
        x, y, width, height = (float(row[name]) for name in ("x", "y", "width", "height"))
        images.setdefault(row["image"], []).append(Finding("Lung opacity", (x, y, x + width, y + height)))
    found = [ImageFindings(name, tuple(boxes), (512, 512)) for name, boxes in images.items()]
    coco = read_findings(write_findings(found, tmp_path / "a.json"))
    assert [(i.image, [f.box for f in i.findings]) for i in coco] == [
        (i.image, [f.box for f in i.findings]) for i in found
    ]
    assert len(coco_of(tmp_path / "a.json").getAnnIds()) == 190
    table = read_findings(write_rsna_boxes(found, tmp_path / "a.csv"))
    assert [[f.box for f in i.findings] for i in table] == [[f.box for f in i.findings] for i in found]
