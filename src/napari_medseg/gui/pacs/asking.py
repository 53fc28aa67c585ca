"""Asking for a login when a job turns out to need one, and doing the job again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QObject

from napari_medseg.gui.pacs.login_dialog import LoginDialog

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from napari_medseg.gui.pacs.logins import LoginNeeded, Logins


class LoginAsker(QObject):
    """Shows one `LoginDialog` at a time.

    Parameters
    ----------
    logins : Logins
        Which take what is entered.
    parent : QWidget
        Above which the dialog stands.
    """

    def __init__(self, logins: Logins, parent: QWidget) -> None:
        super().__init__(parent)
        self._logins = logins
        self._parent = parent
        self._again: list[Callable[[], None]] = []
        self._refused: list[Callable[[], None]] = []
        self.dialog: LoginDialog | None = None

    def ask(self, needed: LoginNeeded, again: Callable[[], None], refused: Callable[[], None]) -> None:
        """Ask for a login; then call `again`, or `refused` if the user does not log in."""
        self._again.append(again)
        self._refused.append(refused)
        if self.dialog is not None:
            return
        self.dialog = dialog = LoginDialog(needed, self._parent)

        def take(secret: str, keep: bool) -> None:
            self._logins.take(needed.server, secret, keep=keep)
            self._finish(self._again)

        dialog.entered.connect(take)
        dialog.rejected.connect(lambda: self._finish(self._refused))
        dialog.open()

    def _finish(self, wanted: list[Callable[[], None]]) -> None:
        actions = list(wanted)
        self.dialog = None
        self._again.clear()
        self._refused.clear()
        for action in actions:
            action()
