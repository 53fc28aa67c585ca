"""Adding a model: look, agree, add."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pytestqt.qtbot import QtBot

from napari_medseg.core import CancelToken, MedsegError, ProgressCallback
from napari_medseg.gui.segment.add_model_controller import AddModelController
from napari_medseg.gui.segment.add_model_dialog import AddModelDialog, facts_text
from napari_medseg.gui.segment.adding_models import RealAdder, Told, _outcome
from napari_medseg.gui.segment.model_section import ModelSection
from napari_medseg.models import fetching

pytestmark = pytest.mark.gui

BUNDLE = Told("/a/bundle", "Two <organs>", "MONAI bundle", "Apache-2.0", ("liver", "spleen"), ("A note.",), 4_800_000)
ON_THE_WEB = Told("https://models.example.org/m.zip", "m.zip", size_bytes=4_900_000, origin="models.example.org")


class FakeAdder:
    """Knows one model, on disk and on the web."""

    def __init__(self) -> None:
        self.told: Told = BUNDLE
        self.added: list[tuple[str, bool]] = []
        self.error: MedsegError | None = None

    def tell(self, place: str, on_progress: ProgressCallback, cancel: CancelToken) -> Told:
        if self.error is not None:
            raise self.error
        return ON_THE_WEB if place.startswith("https") else replace(self.told, place=place)

    def fetch(self, told: Told, on_progress: ProgressCallback, cancel: CancelToken) -> Told:
        return replace(self.told, place="/cache/m.zip", origin=told.place)

    def add(self, told: Told, run_code: bool, on_progress: ProgressCallback, cancel: CancelToken) -> str:
        if self.error is not None:
            raise self.error
        self.added.append((told.place, run_code))
        return "two-organs"


@pytest.fixture
def adder() -> FakeAdder:
    return FakeAdder()


@pytest.fixture
def controller(qtbot: QtBot, adder: FakeAdder) -> Iterator[AddModelController]:
    panel = ModelSection()
    qtbot.addWidget(panel)
    controller = AddModelController(panel, adder)
    panel.add_requested.connect(controller.open)
    panel.add_button.click()
    yield controller
    if controller.dialog is not None:
        controller.dialog.reject()


def look(qtbot: QtBot, controller: AddModelController, place: str) -> AddModelDialog:
    dialog = controller.dialog
    assert dialog is not None
    with qtbot.waitSignal(controller.job.busy_changed, check_params_cb=lambda busy: not busy):
        dialog.look_at(place)
    return dialog


def test_a_model_is_shown_before_it_is_added(qtbot: QtBot, controller: AddModelController, adder: FakeAdder) -> None:
    dialog = look(qtbot, controller, "/a/bundle")
    for words in ("Two &lt;organs&gt;", "MONAI bundle", "liver, spleen", "Apache-2.0", "4.8 MB", "A note."):
        assert words in dialog.facts.text()
    qtbot.waitUntil(lambda: dialog.facts.height() >= dialog.facts.heightForWidth(dialog.facts.width()))
    assert dialog.button.text() == "Add" and dialog.button.isEnabled()
    assert not adder.added
    with qtbot.waitSignal(controller.added) as added:
        dialog.button.click()
    assert added.args == ["two-organs"] and adder.added == [("/a/bundle", False)]
    assert controller.dialog is None


def test_code_must_be_agreed_to(qtbot: QtBot, controller: AddModelController, adder: FakeAdder) -> None:
    adder.told = replace(BUNDLE, runs=("import os", "os.system('\x1b[2J')"))
    dialog = look(qtbot, controller, "/a/bundle")
    assert dialog.code.toPlainText() == "import os\nos.system('\\x1b[2J')"
    assert not dialog.button.isEnabled()
    dialog.code_check.setChecked(True)
    with qtbot.waitSignal(controller.added):
        dialog.button.click()
    assert adder.added == [("/a/bundle", True)]


def test_a_yes_to_one_models_code_is_none_to_the_next(
    qtbot: QtBot, controller: AddModelController, adder: FakeAdder
) -> None:
    adder.told = replace(BUNDLE, runs=("import os",))
    dialog = look(qtbot, controller, "/a/bundle")
    dialog.code_check.setChecked(True)
    look(qtbot, controller, "/another")
    assert not dialog.allows_code and not dialog.button.isEnabled()


def test_a_file_on_the_web_is_fetched_only_when_asked_for(
    qtbot: QtBot, controller: AddModelController, adder: FakeAdder
) -> None:
    dialog = look(qtbot, controller, "https://models.example.org/m.zip")
    assert "4.9 MB" in dialog.facts.text() and "models.example.org" in dialog.facts.text()
    assert dialog.button.text() == "Fetch"
    with qtbot.waitSignal(controller.job.busy_changed, check_params_cb=lambda busy: not busy):
        dialog.button.click()
    assert dialog.button.text() == "Add" and "Apache-2.0" in dialog.facts.text() and not adder.added


def test_a_refusal_is_one_sentence_and_a_hint(qtbot: QtBot, controller: AddModelController, adder: FakeAdder) -> None:
    adder.error = MedsegError("This model is not in order.", "Fetch it again.")
    dialog = look(qtbot, controller, "/a/bundle")
    assert dialog.notice.text == "This model is not in order. Fetch it again."
    assert dialog.button.text() == "Look"
    dialog.place_edit.setText("/a/better")
    adder.error = None
    look(qtbot, controller, "/a/better")
    assert dialog.notice.isHidden() and dialog.button.text() == "Add"


def test_the_commands_outcome_is_read() -> None:
    assert _outcome(0, "Unpacking 3/4\rUnpacking 4/4\nadded two-organs\n") == "two-organs"
    with pytest.raises(MedsegError, match="There is a model 'a'"):
        _outcome(1, "napari-medseg: error: There is a model 'a' among yours already.\n")
    with pytest.raises(MedsegError, match="could not be added") as caught:
        _outcome(-9, "")
    assert caught.value.hint == ""


def test_unknown_sizes_are_said_to_be_so() -> None:
    assert "Unknown size" in facts_text(replace(ON_THE_WEB, size_bytes=None))


def test_looking_at_a_model_imports_no_network_library(tmp_path: Path) -> None:
    code = """
import sys
from napari_medseg.gui.segment.adding_models import RealAdder
try:
    RealAdder().tell(sys.argv[1], lambda *_: None, None)
except Exception as error:
    print(type(error).__name__)
print([name for name in ("torch", "monai", "torchvision") if name in sys.modules])
"""
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "metadata.json").write_text("{}")
    command: list[Any] = [sys.executable, "-c", code, tmp_path]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert said.split() == ["MedsegError", "[]"]


def test_the_secret_of_a_signed_link_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    adder = RealAdder()
    monkeypatch.setattr(fetching, "fetch", lambda url, **_: (Path("/cache/m.zip"), "0" * 64))
    monkeypatch.setattr(adder, "tell", lambda place, *_: Told(place, "m"))
    signed = Told("https://models.example.org/m.zip?X-Signature=SECRET", "m.zip")
    told = adder.fetch(signed, lambda *_: None, CancelToken())
    assert told == Told("/cache/m.zip", "m", origin=f"https://models.example.org/m.zip, SHA-256 {'0' * 64}")
