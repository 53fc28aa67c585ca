from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.models import catalogue_problems, find_model, list_models
from napari_medseg.models.catalogue import builtin_folder


def test_the_users_models_follow_those_of_the_program(tmp_path: Path, write_model) -> None:
    write_model(tmp_path / "mine")
    names = [card.name for card in list_models(tmp_path)]
    assert names == [*(card.name for card in list_models(tmp_path / "nothing here")), "mine"]


def test_a_users_model_takes_the_place_of_one_with_its_name(tmp_path: Path, write_model) -> None:
    for builtin in list_models(tmp_path / "none"):
        write_model(tmp_path / builtin.name, title="My own")
        assert find_model(builtin.name, tmp_path).path == tmp_path / builtin.name


def test_a_broken_card_is_reported_and_hides_no_other(tmp_path: Path, write_model) -> None:
    write_model(tmp_path / "good")
    for name, content in {"text": b"not json", "bytes": b"\xff\xfe\x00", "lacking": b'{"name": "lacking"}'}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "card.json").write_bytes(content)
    (tmp_path / "a file").write_text("")
    assert "good" in [card.name for card in list_models(tmp_path)]
    problems = catalogue_problems(tmp_path)
    assert len(problems) == 3
    assert all(any(f"'{name}'" in problem for problem in problems) for name in ("text", "bytes", "lacking"))
    with pytest.raises(MedsegError, match="'lacking' is not in order"):
        find_model("lacking", tmp_path)


def test_a_model_is_found_by_its_folder_and_by_its_card(tmp_path: Path, write_model) -> None:
    folder = write_model(tmp_path / "elsewhere")
    assert find_model(tmp_path / "elsewhere", tmp_path / "none") == folder
    assert find_model(str(tmp_path / "elsewhere" / "card.json"), tmp_path / "none") == folder


def test_an_unknown_name_tells_the_known_ones(tmp_path: Path, write_model) -> None:
    write_model(tmp_path / "mine")
    with pytest.raises(MedsegError, match=r"no model called 'yours'.*mine"):
        find_model("yours", tmp_path)


def test_listing_imports_no_network_library() -> None:
    code = (
        "import sys, napari_medseg; napari_medseg.list_models(); "
        "print([m for m in ('torch', 'monai', 'scipy', 'nibabel', 'napari', 'qtpy') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "[]"


def test_the_programs_own_cards_are_in_order() -> None:
    folders = [path for path in builtin_folder().iterdir() if path.is_dir()]
    assert folders
    for path in folders:
        assert find_model(path).card.name == path.name
