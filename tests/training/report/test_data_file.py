from __future__ import annotations

from pathlib import Path

import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.report import read_data_file

SAME = {
    "data.yaml": "name: Films\nkind: masks\nclasses: [lung]\n",
    "data.json": '{"name": "Films", "kind": "masks", "classes": ["lung"]}',
    "data.toml": 'name = "Films"\nkind = "masks"\nclasses = ["lung"]\n',
}


@pytest.mark.parametrize("file", SAME)
def test_every_format_says_the_same(tmp_path: Path, file: str) -> None:
    (tmp_path / file).write_text(SAME[file])
    by_folder, by_file = read_data_file(tmp_path), read_data_file(tmp_path / file)
    assert by_folder == by_file
    assert (by_folder.name, by_folder.description.classes, by_folder.folder) == ("Films", ("lung",), tmp_path)


def test_data_may_lie_elsewhere_and_are_called_like_their_folder(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text("kind: coco\n")
    (tmp_path / "films").mkdir()
    data = read_data_file(tmp_path / "a.yml", tmp_path / "films")
    assert (data.folder, data.name, data.names) == (tmp_path / "films", "films", ("films", "films"))


def test_a_recipe_tells_its_data(tmp_path: Path) -> None:
    data = read_data_file(Path("cxr-lungs-unet"), tmp_path)
    assert data.description.kind == "masks"
    assert len(data.description.classes) == 2
    assert "lungs" in data.name
    own = "name: mine\ndata:\n  name: Films\n  cases: {kind: masks, classes: [lung]}\n  folds: 5\n"
    (tmp_path / "recipe.yaml").write_text(own)
    assert read_data_file(tmp_path / "recipe.yaml").name == "Films"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: [", "cannot be understood"),
        ("- kind", "is no description"),
        ("1: 2", "is no description"),
        ("", "is no description"),
        ("kind: masks", "classes"),
        ("kind: nonsense", "not in order"),
        ("kind: coco\nname: 7", "is no text"),
        ("kind: coco\nnonsense: 1", "nonsense"),
        ("!!python/object/apply:os.getcwd []", "cannot be understood"),
        ("kind: coco\n#" + "x" * 1_000_000, "too large"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / "data.yaml").write_text(text)
    with pytest.raises(MedsegError, match=words):
        read_data_file(tmp_path)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(MedsegError, match="cannot be read"):
        read_data_file(tmp_path / "none.yaml")
    with pytest.raises(MedsegError, match="does not say what is in it"):
        read_data_file(tmp_path)
    (tmp_path / "data.yaml").write_text("kind: coco")
    with pytest.raises(MedsegError, match="no folder"):
        read_data_file(tmp_path, tmp_path / "none")
