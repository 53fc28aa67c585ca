"""What the list of scans says, besides what could not be read."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from napari_medseg.gui.parts.notice import link
from napari_medseg.gui.wording import grouped

if TYPE_CHECKING:
    from napari_medseg.core import MedsegError, Study
    from napari_medseg.gui.parts.notice import Kind, Notice


class ListNotice:
    """Says things in a notice; that files could not be read stays there until it is cleared.

    Parameters
    ----------
    notice : Notice
        Where it is shown.
    """

    def __init__(self, notice: Notice) -> None:
        self._notice = notice
        self._unread = ""

    def clear(self) -> None:
        """Say nothing."""
        self._unread = ""
        self._notice.clear()

    def say(self, kind: Kind, *lines: str) -> None:
        """Say something, as simple HTML."""
        self._notice.say("warning" if self._unread else kind, "<br>".join(filter(None, (self._unread, *lines))))

    def show_error(self, error: MedsegError) -> None:
        """Say what went wrong."""
        self._notice.show_error(error)

    def tell_of(self, study: Study) -> None:
        """Say if nothing was found, or what could not be read."""
        n = len(study.problems)
        if n:
            files = "1 file" if n == 1 else f"{grouped(n)} files"
            self._unread = link("problems", f"{files} could not be read")
            self.say("warning")
        elif not study.series:
            name = escape(study.path.name or str(study.path))
            self._notice.say("info", f"No scans in {name}. Choose a folder with DICOM or NIfTI files.")
