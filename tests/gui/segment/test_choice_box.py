"""The drop-down list keeps its choice while layers come and go."""

from __future__ import annotations

from typing import Any

import pytest

from napari_medseg.gui.parts.choice_box import Choice, ChoiceBox

pytestmark = pytest.mark.gui


@pytest.fixture
def box(qtbot: Any) -> ChoiceBox:
    widget = ChoiceBox("Nothing yet")
    qtbot.addWidget(widget)
    return widget


def test_an_empty_list_says_so(box: ChoiceBox) -> None:
    assert (box.currentText(), box.key, box.isEnabled()) == ("Nothing yet", "", False)


def test_the_choice_stays_when_the_list_changes(box: ChoiceBox) -> None:
    heard: list[str] = []
    box.chosen.connect(heard.append)
    box.set_choices([Choice("a", "A"), Choice("b", "B")])
    box.choose("b")
    box.set_choices([Choice("c", "C"), Choice("a", "A"), Choice("b", "B renamed")])
    assert (box.key, box.currentText()) == ("b", "B renamed")
    box.set_choices([Choice("c", "C")])
    box.set_choices([])
    assert heard == ["a", "b", "c", ""]


def test_entries_apart_come_last_below_a_line(box: ChoiceBox) -> None:
    box.set_choices([Choice("x", "X", apart=True), Choice("a", "A"), Choice("b", "B")])
    assert [box.itemData(n) for n in range(box.count())] == ["a", "b", None, "x"]
    assert box.key == "a"


def test_the_user_chooses(box: ChoiceBox, qtbot: Any) -> None:
    box.set_choices([Choice("a", "A"), Choice("b", "B")])
    with qtbot.waitSignal(box.chosen) as caught:
        box.setCurrentIndex(1)
    assert caught.args == ["b"]


def test_a_long_name_does_not_widen_the_panel(box: ChoiceBox) -> None:
    box.set_choices([Choice("a", "A")])
    narrow = box.minimumSizeHint().width()
    box.set_choices([Choice("a", "A very long name " * 10)])
    assert box.minimumSizeHint().width() <= narrow + 1
    assert box.toolTip().startswith("A very long name")
