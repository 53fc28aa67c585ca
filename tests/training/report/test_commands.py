"""``napari-medseg evaluate`` and ``compare`` from the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from napari_medseg.cli import main
from napari_medseg.training.report import REPORT_FILES, DataFile

BOTH = ("right lung", "left lung")


def test_two_models_side_by_side(
    make_model, lungs: DataFile, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = make_model("one", BOTH), make_model("two", BOTH, trained_on=("Chest fields",))
    target = tmp_path / "report"
    command = ["compare", str(one.path), str(two.path), "--data", str(lungs.folder), "--output", str(target)]
    assert main([*command, "--device", "cpu"]) == 0
    written = capsys.readouterr()
    assert written.err == ""
    assert sorted(path.name for path in target.iterdir()) == sorted(REPORT_FILES)
    assert "one: " in written.out and "two: " in written.out
    assert "Dice, mean of the classes: " in written.out
    assert "may have been trained on these very cases" in written.out
    assert written.out.endswith(f"saved {target / 'report.html'}\n")
    assert main(command) == 1
    assert "holds a report already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("model", "data", "extra", "words"),
    [
        ("nonsense", "", [], "There is no model called 'nonsense'"),
        ("", "none", [], "cannot be read"),
        ("", "", ["--tolerance", "-1"], "A tolerance is a distance"),
        ("", "", ["--folder", "none"], "There is no folder none"),
    ],
)
def test_what_is_wrong_is_one_sentence_and_nothing_is_written(
    make_model,
    lungs: DataFile,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    model: str,
    data: str,
    extra: list[str],
    words: str,
) -> None:
    name = model or str(make_model("one", BOTH).path)
    description = str(lungs.folder / data)
    command = ["evaluate", name, "--data", description, "--output", str(tmp_path / "report"), *extra]
    assert main(command) == 1
    written = capsys.readouterr()
    assert words in written.err and len(written.err.splitlines()) == 1
    assert not (tmp_path / "report").exists()
