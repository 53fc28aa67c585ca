"""The page and the tables that come of a comparison."""

from __future__ import annotations

import csv
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from napari_medseg.core import Geometry
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled
from napari_medseg.measure import patient_interval
from napari_medseg.training.data import read_image
from napari_medseg.training.data.pixels import ImagePixels
from napari_medseg.training.report import (
    REPORT_FILES,
    Comparison,
    DataFile,
    check_report_folder,
    measure_model,
    measure_models,
    paired_differences,
    summarise,
    write_report,
)
from napari_medseg.training.report.examples import choose_cases
from napari_medseg.training.report.figure import axis_range, axis_ticks
from napari_medseg.training.report.views import CaseView

BOTH = ("right lung", "left lung")
FOUND = {10: [(4.0, 8.0, 20.0, 28.0, 0.9)], 11: [(4.0, 8.0, 20.0, 18.0, 0.8)], 13: [(0.0, 0.0, 8.0, 8.0, 0.7)]}


class Page(HTMLParser):
    """What a page asks for, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href", "action")]
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def comparison(make_model, fields, lungs: DataFile) -> Comparison:
    """Two models, one of which fails in a case."""
    whole = make_model("fields", BOTH, fields(), trained_on=("The set of chest fields (fields, chest)",))
    partial = make_model("partial", BOTH, fields(fails=(5,)), trained_on=("Other films",))
    return measure_models([whole, partial], lungs, measure=measure_model)


def test_the_page_is_whole_and_needs_nothing_else(comparison: Comparison, tmp_path: Path) -> None:
    write_report(comparison, tmp_path / "report")
    assert sorted(path.name for path in (tmp_path / "report").iterdir()) == sorted(REPORT_FILES)
    text = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "iframe", "img"} & set(page.tags)
    assert page.links and all(link.startswith("data:image/jpeg;base64,") for link in page.links)
    assert "url(" not in text and "@import" not in text
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(svg)


def test_names_are_shown_as_they_are_and_patients_not_at_all(comparison: Comparison, tmp_path: Path) -> None:
    write_report(comparison, tmp_path / "report")
    page = Page((tmp_path / "report" / "report.html").read_text(encoding="utf-8"))
    assert "2 models on Chest & fields" in page.text
    assert "Best case: film<0>" in page.text
    assert "film<5>, partial: It is too dark." in page.text.replace("\n", " ")
    for name in REPORT_FILES:
        assert "SECRET" not in (tmp_path / "report" / name).read_text(encoding="utf-8")


def test_a_report_for_others_tells_nothing_of_the_images(
    comparison: Comparison, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def page(*, with_images: bool) -> str:
        write_report(comparison, tmp_path, with_images=with_images)
        return (tmp_path / "report.html").read_text(encoding="utf-8")

    def inverted(path: Path) -> ImagePixels:
        image = read_image(path)
        return replace(image, array=255 - image.array)

    own, shared = page(with_images=True), page(with_images=False)
    monkeypatch.setattr("napari_medseg.training.report.examples.read_image", inverted)
    assert page(with_images=True) != own
    assert page(with_images=False) == shared != own


def test_training_data_are_told(comparison: Comparison, tmp_path: Path) -> None:
    write_report(comparison, tmp_path / "report")
    page = Page((tmp_path / "report" / "report.html").read_text(encoding="utf-8"))
    assert "fields: Its card names these data as training data" in page.text
    assert "may have been trained on these very cases" in page.text
    assert "partial: Its card names as training data: Other films." in page.text


def test_tables_hold_every_value(comparison: Comparison, tmp_path: Path) -> None:
    measured = write_report(comparison, tmp_path / "report")
    with (tmp_path / "report" / "measures.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    for one in measured:
        (row,) = [r for r in rows if (r["model"], r["class"], r["measure"]) == (one.model, one.class_name, one.measure)]
        given = [float(row[column]) for column in ("value", "ci_low", "ci_high")]
        assert given == pytest.approx([one.value, one.low, one.high], rel=1e-5)
        assert row["unit"] == ("px" if one.measure == "HD95" else "")
    assert {r["measure"] for r in rows if not r["class"]} == {
        "seconds per case",
        "peak memory",
        "parameters",
        "file size",
    }
    with (tmp_path / "report" / "cases.csv").open(newline="") as file:
        cases = list(csv.DictReader(file))
    assert len(cases) == 2 * 6 + 2 * 5 + 1
    for row in cases:
        (model,) = [m for m in comparison.models if m.card.name == row["model"]]
        (case,) = [c for c in model.cases if c.name == row["case"]]
        if row["problem"]:
            assert row["dice"] == ""
        else:
            assert float(row["dice"]) == pytest.approx(case.agreement[row["class"]].dice, rel=1e-5)
            assert float(row["hd95"]) == pytest.approx(case.agreement[row["class"]].hd95, rel=1e-5)


def test_intervals_resample_patients(comparison: Comparison) -> None:
    (dice,) = [
        m for m in summarise(comparison) if (m.model, m.measure, m.class_name) == ("fields", "Dice", "right lung")
    ]
    cases = comparison.models[0].cases[:5]
    patients = [case.patient for case in cases]
    assert patients == ["SECRET0", "SECRET0", "SECRET1", "SECRET1", "SECRET4"]
    values = [case.agreement["right lung"].dice for case in cases]
    assert (dice.low, dice.high) == patient_interval(values, patients)


def test_differences_are_paired(make_model, fields, lungs: DataFile) -> None:
    """The second model knows one field of two by its wrong name, so it is worse in every case."""
    same = make_model("same", BOTH, fields())
    other = make_model("other", BOTH, fields(swapped=True))
    both = measure_models([other, same], lungs, measure=measure_model)
    ((name, (value, low, high)),) = paired_differences(both).items()
    assert name == "other"
    scores = [np.mean([a.dice for a in case.agreement.values()]) for case in both.models[1].cases]
    assert value == pytest.approx(-np.mean(scores))
    assert low <= value <= high < 0


def test_a_report_of_findings(make_model, finder, opacities: DataFile, tmp_path: Path) -> None:
    model = make_model("finder", ("opacity",), finder(FOUND), task="instances")
    write_report(measure_models([model], opacities, measure=measure_model), tmp_path / "report")
    page = Page((tmp_path / "report" / "report.html").read_text(encoding="utf-8"))
    for words in ("finder on opacities", "RSNA mean AP", "false positives per image", "Worst case: x3", "0.90"):
        assert words in page.text
    assert "Shapes" not in page.text
    assert "does not say what it was trained on" in page.text


def test_nothing_is_written_when_it_is_stopped(comparison: Comparison, tmp_path: Path) -> None:
    def stop(done: int, total: int, label: str) -> None:
        if label == "Drawing the report" and done == 1:
            raise Cancelled

    with pytest.raises(Cancelled):
        write_report(comparison, tmp_path / "report", stop)
    assert not (tmp_path / "report").exists()


def test_a_report_is_not_replaced_unasked(tmp_path: Path) -> None:
    check_report_folder(tmp_path / "new")
    check_report_folder(tmp_path)
    (tmp_path / "cases.csv").touch()
    with pytest.raises(MedsegError, match="holds a report already"):
        check_report_folder(tmp_path)
    check_report_folder(tmp_path, overwrite=True)
    with pytest.raises(MedsegError, match="is a file"):
        check_report_folder(tmp_path / "cases.csv")
    with pytest.raises(MedsegError, match="no folder"):
        check_report_folder(tmp_path / "none" / "new")


@pytest.mark.parametrize(
    ("scores", "chosen"),
    [
        ([[0.5, 0.9, 0.1, np.nan, 0.7]], [("best", 1), ("median", 0), ("worst", 2)]),
        ([[0.5, 0.9], [0.5, 0.0]], [("best", 0), ("worst", 1)]),
        ([[np.nan, 0.2]], [("only", 1)]),
        ([[np.nan, np.nan]], [("first", 0)]),
    ],
)
def test_the_best_the_median_and_the_worst_case_are_shown(scores: list[list[float]], chosen: list[object]) -> None:
    assert choose_cases(np.array(scores)) == chosen


def test_an_axis_shows_every_value() -> None:
    assert axis_range([0.913, 0.99, float("nan")]) == (0.9, 1.0)
    assert axis_range([]) == (0.0, 1.0)
    assert axis_range([0.0]) == (0.0, 0.1)
    assert axis_range([1.0]) == (0.9, 1.0)
    assert axis_ticks(0.9, 1.0) == [0.9, 0.92, 0.94, 0.96, 0.98, 1.0]
    assert axis_ticks(0.0, 1.0) == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]


@pytest.mark.parametrize("signs", [(1, 1, 1), (-1, 1, -1), (-1, -1, 1)])
def test_a_volume_is_shown_as_radiologists_see_it(signs: tuple[int, int, int]) -> None:
    """The patient's left is on the right of the picture, the front on top; thick slices do not bend it."""
    geometry = Geometry.from_matrix((20, 30, 5), np.diag([2.0 * signs[0], 1.0 * signs[1], 5.0 * signs[2], 1.0]))
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    left, front = (19 if signs[0] < 0 else 0), (0 if signs[1] < 0 else 29)
    labels[left, front, 3] = 1
    view = CaseView.of_reference(geometry, labels)
    picture = view.labels(labels)
    assert picture.shape[1] / picture.shape[0] == pytest.approx(40 / 30, abs=0.02)
    assert picture[0, -1] == 1 and picture[0, 0] == 0 and picture[-1, -1] == 0
    assert view.grey(labels.astype(float)).shape == picture.shape


def test_a_radiograph_is_shown_as_it_is_stored() -> None:
    geometry = Geometry.from_matrix((200, 100, 1), np.eye(4))
    labels = np.zeros(geometry.shape, dtype=np.uint8)
    labels[150:, :20, 0] = 3
    picture = CaseView.of_reference(geometry, labels).labels(labels)
    assert picture.shape == (100, 200)
    assert (picture[:20, 150:] == 3).all() and np.count_nonzero(picture) == 50 * 20
