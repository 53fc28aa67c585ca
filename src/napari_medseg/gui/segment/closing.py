"""The question before unsaved labels are lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMessageBox

if TYPE_CHECKING:
    from napari_medseg.gui.segment.widget import SegmentWidget


def may_close(panel: SegmentWidget) -> bool:
    """Ask whether unsaved labels may be lost, if there are any.

    Returns
    -------
    bool
        True if there are none, or the user does not want them.
    """
    names = panel.unsaved_names()
    if not names:
        return True
    box = QMessageBox(panel)
    box.setIcon(QMessageBox.Icon.Warning)
    box.setWindowTitle("Labels not saved")
    box.setText("These labels are not saved:\n" + "\n".join(f"  • {name}" for name in names))
    box.setInformativeText("Closing the window loses them.")
    back = box.addButton("Go back", QMessageBox.ButtonRole.RejectRole)
    box.addButton("Close without saving", QMessageBox.ButtonRole.DestructiveRole)
    box.setDefaultButton(back)
    box.exec()
    return box.clickedButton() is not back
