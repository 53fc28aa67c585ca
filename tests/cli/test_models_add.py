from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from napari_medseg.models import fetching
from napari_medseg.models.catalogue import builtin_folder

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own models, in a folder of the test."""
    folder = tmp_path / "users"
    for module in ("catalogue", "installing"):
        monkeypatch.setattr(f"napari_medseg.models.{module}.default_user_folder", lambda: folder)
    return folder


@pytest.fixture
def model() -> Path:
    return builtin_folder() / "hippocampus-unet"


def answer(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    class Keyboard(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Keyboard(words))


def test_a_model_comes_and_goes(run: Run, users: Path, model: Path) -> None:
    status, out, err = run("models", "add", model, "--name", "mine", "--yes")
    assert status == 0, err
    assert "mine: " in out and "licence" in out and "added mine" in err
    assert "mine: " in run("models")[1]
    status, _, err = run("models", "add", model, "--name", "mine", "--yes")
    assert status == 1 and "on the command line, with --name NAME or with --overwrite" in err, "the GUI says it too"
    assert run("models", "add", model, "--name", "mine", "--yes", "--overwrite")[0] == 0
    assert run("models", "remove", "mine", "--yes")[0] == 0
    assert "mine: " not in run("models")[1] and not list(users.iterdir())


def test_models_of_the_program_cannot_be_removed(run: Run, users: Path) -> None:
    status, _, err = run("models", "remove", "hippocampus-unet", "--yes")
    assert status == 1 and "not one of yours" in err


@pytest.mark.parametrize(("words", "status"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_nothing_is_added_without_a_yes(
    run: Run, users: Path, model: Path, monkeypatch: pytest.MonkeyPatch, words: str, status: int
) -> None:
    answer(monkeypatch, words)
    assert run("models", "add", model, "--name", "mine")[0] == status
    assert users.exists() == (status == 0)


def test_where_nobody_can_answer_the_option_is_told(
    run: Run, users: Path, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    status, _, err = run("models", "add", model, "--name", "mine")
    assert status == 1 and "--yes" in err and not users.exists()


def test_what_it_is_can_be_told_alone(run: Run, users: Path, model: Path) -> None:
    status, out, _ = run("models", "add", model, "--only-tell")
    told: dict[str, Any] = json.loads(out)
    assert status == 0 and told["name"] == "hippocampus-unet" and told["runs"] == [] and told["size_bytes"] > 1000
    assert not users.exists()


def test_code_is_shown_and_a_yes_to_all_is_none_to_code(run: Run, users: Path, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    (bundle / "configs").mkdir(parents=True)
    (bundle / "models").mkdir()
    (bundle / "models" / "model.pt").write_bytes(b"x")
    (bundle / "configs" / "metadata.json").write_text('{"name": "a"}')
    network = {"_target_": "UNet", "channels": "$__import__('os').mkdir('ran')"}
    (bundle / "configs" / "inference.json").write_text(json.dumps({"network_def": network}))
    status, out, err = run("models", "add", bundle, "--yes")
    assert status == 1 and "__import__('os').mkdir('ran')" in out and "--run-code" in err
    assert not Path("ran").exists() and not users.exists()


def test_other_addresses_than_https_are_refused(run: Run, users: Path) -> None:
    status, _, err = run("models", "add", "http://models.example.org/a.zip", "--yes")
    assert status == 1 and "by https" in err


def test_a_fetched_file_does_not_stay_when_nothing_is_added(
    run: Run, users: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fetched" / "a.zip"
    path.parent.mkdir()
    path.write_bytes(b"no archive")
    monkeypatch.setattr("napari_medseg.cli.models_add._fetch", lambda *_: (path, "0" * 64))
    assert run("models", "add", "https://models.example.org/a.zip", "--yes")[0] == 1
    assert not path.exists()


def test_the_secret_of_a_signed_link_is_not_kept(
    run: Run, users: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = Path(shutil.make_archive(str(tmp_path / "m"), "zip", model))
    remote = fetching.Remote("", "models.example.org", "m.zip", 9)
    monkeypatch.setattr(fetching, "look_up", lambda url: remote)
    monkeypatch.setattr(fetching, "fetch", lambda url, **_: (path, "0" * 64))
    signed = "https://models.example.org/m.zip?X-Signature=SECRET#SECRET"
    status, out, err = run("models", "add", signed, "--name", "mine", "--yes")
    assert status == 0, err
    (card,) = (file.read_text() for file in users.rglob("*.json") if "models.example.org" in file.read_text())
    assert f"https://models.example.org/m.zip, SHA-256 {'0' * 64}" in card
    assert "SECRET" not in card + out + err
