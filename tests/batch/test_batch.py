"""A model over many images: counts, faults that stay with their image, and taking up where it ended."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_medseg.batch.cases import Case, common_root, find_cases
from napari_medseg.batch.record import COUNTS_FILE, RECORD_FILE, BatchRecord, read_record
from napari_medseg.batch.results import refresh, write_all_findings
from napari_medseg.batch.run import open_record, run_batch, still_to_do
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled, CancelToken
from napari_medseg.core.segmentation import Segmentation
from napari_medseg.core.study import Series
from napari_medseg.io import open_study, read_findings, read_segmentation, write_segmentation
from napari_medseg.models.card import ModelCard

Draw = Callable[[Path, int], Path]


def _cases(folder: Path) -> list[Case]:
    return find_cases(open_study(folder).series, folder)


def _run(folder: Path, out: Path, card: ModelCard, model: Any, **options: Any) -> BatchRecord:
    record = open_record(out, folder, card, overwrite=options.get("overwrite", False))
    run_batch(_cases(folder), record, card, model, **options)
    return record


def test_every_image_gets_a_label_file_and_a_count(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any
) -> None:
    out = tmp_path / "out"
    told: list[str] = []
    record = _run(pictures, out, card, squares, on_result=lambda result: told.append(result.image))
    assert told == ["clear.png", "one.png", "sub/two.png"]
    assert [(r.image, r.status, r.n_found, r.score) for r in record] == [
        ("clear.png", "done", 0, None),
        ("one.png", "done", 1, 0.875),
        ("sub/two.png", "done", 2, 0.875),
    ]
    labels = read_segmentation(out / "sub" / "two.png_squares.nii.gz")
    assert [(s.name, s.score) for s in labels.segments] == [("Lung opacity 1", 0.875), ("Lung opacity 2", 0.75)]
    assert int((labels.array == 2).sum()) == 100


def test_the_table_of_counts_tells_everything_in_words(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any
) -> None:
    (pictures / "z_cut.png").write_bytes((pictures / "one.png").read_bytes()[:60])
    _run(pictures, tmp_path / "out", card, squares)
    with (tmp_path / "out" / COUNTS_FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["image", "findings", "highest_score", "seconds", "status", "problem"]
    assert [(row["image"], row["findings"], row["highest_score"], row["status"]) for row in rows] == [
        ("clear.png", "0", "", "done"),
        ("one.png", "1", "0.875", "done"),
        ("sub/two.png", "2", "0.875", "done"),
        ("z_cut.png", "", "", "failed"),
    ]
    assert float(rows[1]["seconds"]) >= 0
    assert "z_cut.png" in rows[3]["problem"]


def test_a_bad_image_does_not_stop_the_others(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any, new_picture: Draw, caplog: pytest.LogCaptureFixture
) -> None:
    new_picture(pictures / "bug.png", 1)
    new_picture(pictures / "refused.png", 1)
    record = _run(pictures, tmp_path / "out", card, squares)
    status = {r.image: r.status for r in record}
    assert status == {
        "bug.png": "failed",
        "clear.png": "done",
        "one.png": "done",
        "refused.png": "failed",
        "sub/two.png": "done",
    }
    refused, bug = record.get("refused.png"), record.get("bug.png")
    assert refused is not None and refused.problem == "This image is upside down. Turn it."
    assert bug is not None and "Doe" not in bug.problem, "the words of a bug may hold anything"


def test_a_second_run_takes_only_what_is_left(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any, new_picture: Draw
) -> None:
    out = tmp_path / "out"
    _run(pictures, out, card, squares)
    squares.asked.clear()
    new_picture(pictures / "late.png", 2)
    record = _run(pictures, out, card, squares)
    assert squares.asked == ["late"]
    assert len(record) == 4
    squares.asked.clear()
    _run(pictures, out, card, squares, overwrite=True)
    assert squares.asked == ["clear", "late", "one", "two"]


def test_failures_are_tried_again(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any, new_picture: Draw
) -> None:
    bad = pictures / "cut.png"
    bad.write_bytes((pictures / "one.png").read_bytes()[:60])
    record = _run(pictures, tmp_path / "out", card, squares)
    assert record.get("cut.png").status == "failed"  # type: ignore[union-attr]
    new_picture(bad, 2)
    squares.asked.clear()
    record = _run(pictures, tmp_path / "out", card, squares)
    assert squares.asked == ["cut"]
    assert record.get("cut.png").n_found == 2  # type: ignore[union-attr]


def test_a_stopped_run_keeps_what_is_done(pictures: Path, tmp_path: Path, card: ModelCard, squares: Any) -> None:
    out = tmp_path / "out"
    squares.stop_at = 2
    with pytest.raises(Cancelled):
        _run(pictures, out, card, squares, cancel=CancelToken())
    assert [r.image for r in read_record(out)] == ["clear.png"]
    squares.stop_at = None
    squares.asked.clear()
    _run(pictures, out, card, squares)
    assert squares.asked == ["one", "two"]


def test_label_files_that_a_crash_left_out_of_the_record_are_found_again(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any
) -> None:
    out = tmp_path / "out"
    before = _run(pictures, out, card, squares)
    (out / RECORD_FILE).unlink()
    squares.asked.clear()
    after = _run(pictures, out, card, squares)
    assert squares.asked == []
    assert [(r.image, r.n_found, r.score) for r in after] == [(r.image, r.n_found, r.score) for r in before]


def test_labels_saved_by_hand_are_reviewed_and_never_overwritten(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any
) -> None:
    out = tmp_path / "out"
    _run(pictures, out, card, squares)
    path = out / "sub" / "two.png_squares.nii.gz"
    seen = read_segmentation(path)
    array = np.where(seen.array == 2, 0, seen.array)
    write_segmentation(replace(seen, array=array, segments=seen.segments[:1]), path)
    corrected = path.read_bytes()
    record = read_record(out)
    refresh(record)
    result = record.get("sub/two.png")
    assert result is not None and (result.status, result.n_found) == ("reviewed", 1)
    _run(pictures, out, card, squares, overwrite=True)
    assert path.read_bytes() == corrected


def test_images_of_another_kind_are_left_out_unread(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any
) -> None:
    class Unreadable:
        def load(self, on_progress: object, cancel: object) -> Any:
            pytest.fail("read a CT for a model of radiographs")

        def thumbnail(self, size: int) -> None:
            return None

    ct = Series(Unreadable(), pictures / "ct", uid="9", modality="CT", shape=(512, 512, 300), number=3)
    record = open_record(tmp_path / "out", pictures, card)
    cases = find_cases([ct], pictures)
    run_batch(cases, record, card, squares)
    (result,) = record
    assert (result.image, result.status) == ("ct", "unfit")
    assert "reads DX scans, and this one is CT" in result.problem


def test_results_of_another_model_or_other_images_are_not_mixed_in(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any, new_card: Callable[..., ModelCard]
) -> None:
    out = tmp_path / "out"
    _run(pictures, out, card, squares)
    with pytest.raises(MedsegError, match="results of Bright squares"):
        open_record(out, pictures, new_card(name="other"))
    with pytest.raises(MedsegError, match="other images"):
        open_record(out, tmp_path / "elsewhere", card)
    weights = {"file": "w.safetensors", "sha256": "1" * 64, "size_bytes": 1, "dtype": "float32"}
    with pytest.raises(MedsegError, match="another version"):
        open_record(out, pictures, new_card(weights=weights))
    assert len(open_record(out, pictures, new_card(weights=weights), overwrite=True)) == 3


def test_images_and_results_can_be_moved_together(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any
) -> None:
    _run(pictures, pictures / "results", card, squares)
    moved = pictures.rename(tmp_path / "moved")
    record = read_record(moved / "results")
    assert record.root == moved
    squares.asked.clear()
    _run(moved, moved / "results", card, squares)
    assert squares.asked == []


def test_label_maps_in_the_folder_are_no_images(pictures: Path, card: ModelCard, squares: Any) -> None:
    _run(pictures, pictures / "results", card, squares)
    assert [case.image for case in _cases(pictures)] == ["clear.png", "one.png", "sub/two.png"]


@pytest.mark.parametrize("style", ["rsna", "coco"])
def test_findings_of_all_images_in_one_file(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any, style: str
) -> None:
    record = _run(pictures, tmp_path / "out", card, squares)
    found = read_findings(write_all_findings(record, style))
    names = {"rsna": ["clear", "one", "sub/two"], "coco": ["clear.png", "one.png", "sub/two.png"]}[style]
    assert [(one.image, len(one.findings)) for one in found] == list(zip(names, (0, 1, 2), strict=True))
    second = found[2].findings[1]
    assert second.box == (20, 20, 30, 30)
    assert second.score == 0.75
    assert (second.mask is not None) == (style == "coco")


def test_progress_runs_over_all_images_and_never_back(
    pictures: Path, tmp_path: Path, card: ModelCard, squares: Any
) -> None:
    seen: list[tuple[int, int, str]] = []
    _run(pictures, tmp_path / "out", card, squares, on_progress=lambda *step: seen.append(step))
    assert [done for done, _, _ in seen] == sorted(done for done, _, _ in seen)
    assert {(total, label) for _, total, label in seen} == {(300, "Segmenting 3 images")}
    assert seen[-1][0] == 300


def test_names_are_paths_and_alike_ones_are_told_apart(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "ct"
    folder.mkdir(parents=True)

    def series(uid: str, number: int | None) -> Series:
        return Series(None, folder, uid=uid, number=number)  # type: ignore[arg-type]

    names = [case.image for case in find_cases([series("1", 3), series("2", 4), series("2#2", 4)], tmp_path)]
    assert names == ["a/ct/series-3", "a/ct/series-4", "a/ct/series-4-2"]
    alike = [case.image for case in find_cases([series("1", 3), series("5", 3)], tmp_path)]
    assert len(set(alike)) == 2
    assert [case.image for case in find_cases([series("5", 3), series("1", 3)], tmp_path)] == alike[::-1]


def test_the_root_of_files_is_the_folder_they_share(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "1.png", tmp_path / "b" / "2.png"]
    assert common_root(paths) == tmp_path
    assert common_root(paths[:1]) == tmp_path / "a"
    (tmp_path / "a").mkdir()
    assert common_root([tmp_path / "a"]) == tmp_path / "a"


def test_a_record_that_makes_no_sense_is_said(tmp_path: Path) -> None:
    (tmp_path / RECORD_FILE).write_text('{"model": 3}')
    with pytest.raises(MedsegError, match="cannot be read"):
        read_record(tmp_path)


def test_what_is_done_is_not_to_do(pictures: Path, tmp_path: Path, card: ModelCard, squares: Any) -> None:
    record = _run(pictures, tmp_path / "out", card, squares)
    assert still_to_do(_cases(pictures), record) == []
    (tmp_path / "out" / "one.png_squares.nii.gz").unlink()
    refresh(record)
    assert [case.image for case in still_to_do(_cases(pictures), record)] == ["one.png"]


def test_labels_keep_their_place(pictures: Path, tmp_path: Path, card: ModelCard, squares: Any) -> None:
    _run(pictures, tmp_path / "out", card, squares)
    volume = open_study(pictures / "one.png").series[0].load()
    labels: Segmentation = read_segmentation(tmp_path / "out" / "one.png_squares.nii.gz")
    assert labels.geometry.matches(volume.geometry)
