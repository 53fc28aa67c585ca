"""Click to segment: method, extent, prompt tools, and what to do with the object."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QFileDialog, QFormLayout, QGridLayout, QLabel, QPushButton, QSizePolicy, QWidget

from napari_medseg.gui.parts.choice_box import Choice, ChoiceBox
from napari_medseg.gui.parts.notice import Notice
from napari_medseg.gui.parts.section import Section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_KIND = "Prompts (*.json)"

EXTENTS = (
    Choice("slice", "This slice", "The object is found on the slice that you click on"),
    Choice("volume", "Whole volume", "The object is found on all slices at once"),
)

TOOLS = {
    "add": ("Add", "Click on what belongs to the object"),
    "remove": ("Remove", "Click on what does not belong to the object"),
    "box": ("Box", "Drag a box around the object"),
    "scribble": ("Scribble", "Draw a line through the object; with Ctrl, through what does not belong to it"),
    "lasso": ("Lasso", "Draw a line around the object"),
    "pick": ("Pick up", "Click on a mask to correct it, whoever made it: it becomes the object in hand"),
}
_ACTIONS = {
    "next": ("Next object", "Accept the object into its segment; the next prompt begins another one"),
    "reset": ("Start over", "Take the object away; Ctrl+Z brings it back"),
    "undo": ("Undo", "Take back the last edit of the labels: prompt, brush stroke or fill"),
    "redo": ("Redo", "Do again what was undone"),
}


class ClickSection(Section):
    """Chooses method, extent and tool.

    Signals
    -------
    method_chosen(str), extent_chosen(str), tool_toggled(str), requested(str) :
        What the user asks for: keys of choices; a tool of `TOOLS`, or "" for none; "next", "reset", "undo" or "redo".
    save_requested(Path), replay_requested(Path) :
        A file for prompts, or with prompts, was chosen.
    """

    method_chosen = Signal(str)
    extent_chosen = Signal(str)
    tool_toggled = Signal(str)
    requested = Signal(str)
    save_requested = Signal(Path)
    replay_requested = Signal(Path)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Click", parent)
        self.method_box = ChoiceBox("No methods", self)
        self.method_box.setAccessibleName("Click method")
        self.method_box.chosen.connect(self.method_chosen)
        self.extent_box = ChoiceBox("", self)
        self.extent_box.setAccessibleName("Extent")
        self.extent_box.set_choices(EXTENTS)
        self.extent_box.chosen.connect(self.extent_chosen)
        self.tools = {tool: self._button(*TOOLS[tool]) for tool in TOOLS}
        for tool, button in self.tools.items():
            button.setCheckable(True)
            button.clicked.connect(lambda checked, tool=tool: self.tool_toggled.emit(tool if checked else ""))
        self.actions_ = {action: self._button(*_ACTIONS[action]) for action in _ACTIONS}
        for action, button in self.actions_.items():
            button.clicked.connect(lambda _=False, action=action: self.requested.emit(action))
        self.save_button = self._button("Save prompts…", "Keep the prompts in a file, to give them again later")
        self.save_button.clicked.connect(self._choose_target)
        self.replay_button = self._button("Replay…", "Give the prompts of a file again, with the method chosen above")
        self.replay_button.clicked.connect(self._choose_prompts)
        self.hint = QLabel(self)
        self.hint.setWordWrap(True)
        self.hint.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)
        self.notice = Notice(self)
        self._lay_out()

    def set_keys(self, keys: Mapping[str, str]) -> None:
        """Tell the keys: short ones on the buttons, all of them in the tooltips."""
        for names, buttons in ((TOOLS, self.tools), (_ACTIONS, self.actions_)):
            for action, button in buttons.items():
                text, tip = names[action]
                button.setToolTip(f"{tip} ({keys[action]})")
                if len(keys[action]) == 1:
                    button.setText(f"{text} ({keys[action]})")
        self._extent_name.setText(f"Finds on ({keys['extent']})")

    def set_methods(self, choices: Sequence[Choice], key: str | None = None) -> None:
        """List the methods, without announcing which one is chosen."""
        blocked = self.blockSignals(True)
        self.method_box.set_choices(choices, key)
        self.blockSignals(blocked)

    def show_extent(self, flat: bool) -> None:
        """Offer slice or volume, unless the image is flat."""
        self._form.setRowVisible(self.extent_box, not flat)

    def show_tool(self, tool: str) -> None:
        """Check the tool in hand; "" for none."""
        for name, button in self.tools.items():
            button.setChecked(name == tool)

    def set_enabled(self, *, tools: bool, in_hand: bool, has_labels: bool, has_prompts: bool) -> None:
        """Enable what can be done now."""
        self.save_button.setEnabled(has_prompts)
        self.replay_button.setEnabled(tools)
        for widget in (self.method_box, self.extent_box, *self.tools.values()):
            widget.setEnabled(tools)
        for action in ("next", "reset"):
            self.actions_[action].setEnabled(in_hand)
        for action in ("undo", "redo"):
            self.actions_[action].setEnabled(has_labels)

    def _choose_target(self) -> None:
        chosen, _ = QFileDialog.getSaveFileName(self, "Save prompts", str(Path.home() / "prompts.json"), _KIND)
        if chosen:
            self.save_requested.emit(Path(chosen))

    def _choose_prompts(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, "Replay prompts", str(Path.home()), _KIND)
        if chosen:
            self.replay_requested.emit(Path(chosen))

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(tip)
        button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        return button

    def _lay_out(self) -> None:
        self._form = form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Method", self.method_box)
        self._extent_name = QLabel("Finds on", self)
        form.addRow(self._extent_name, self.extent_box)
        grid = QGridLayout()
        grid.setSpacing(4)
        for column, tool in enumerate(("add", "remove")):
            grid.addWidget(self.tools[tool], 0, 3 * column, 1, 3)
        for column, tool in enumerate(("box", "scribble", "lasso")):
            grid.addWidget(self.tools[tool], 1, 2 * column, 1, 2)
        grid.addWidget(self.tools["pick"], 2, 0, 1, 3)
        grid.addWidget(self.actions_["next"], 2, 3, 1, 3)
        for column, action in enumerate(("reset", "undo", "redo")):
            grid.addWidget(self.actions_[action], 3, 2 * column, 1, 2)
        grid.addWidget(self.save_button, 4, 0, 1, 3)
        grid.addWidget(self.replay_button, 4, 3, 1, 3)
        for column in range(6):
            grid.setColumnStretch(column, 1)
        self.rows.addLayout(form)
        self.rows.addLayout(grid)
        self.rows.addWidget(self.hint)
        self.rows.addWidget(self.notice)
