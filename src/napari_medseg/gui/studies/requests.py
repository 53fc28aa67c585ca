"""What the user has asked the list of scans for, and is not done yet."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from napari_medseg.core import Series


class Requests:
    """Files and folders to list, and series to load, in the order in which they were asked for.

    Attributes
    ----------
    listing : Path or None
        What is being listed.
    closing : Series or None
        Whose layers close when the next series is loaded.
    """

    def __init__(self) -> None:
        self._paths: deque[Path] = deque()
        self._series: deque[Series] = deque()
        self.listing: Path | None = None
        self.closing: Series | None = None

    @property
    def has_paths(self) -> bool:
        """Whether anything waits to be listed."""
        return bool(self._paths)

    def add_paths(self, paths: Iterable[Path]) -> None:
        """Ask for lists."""
        self._paths.extend(paths)

    def add_series(self, series: Iterable[Series]) -> None:
        """Ask for series."""
        self._series.extend(series)

    def start_path(self) -> Path:
        """Return what to list next; it is being listed from now on."""
        self.listing = self._paths.popleft()
        return self.listing

    def take_series(self) -> Series | None:
        """Return what to load next; None if nothing is wanted."""
        return self._series.popleft() if self._series else None

    def finish_path(self) -> None:
        """Note that what was being listed is."""
        self.listing = None

    def finish_series(self) -> Series | None:
        """Return the series to close now, if there is one."""
        closing, self.closing = self.closing, None
        return closing

    def prefer(self, series: Series, closing: Series | None) -> None:
        """Put one series first and drop the others; what is being listed is not dropped but listed later."""
        if self.listing is not None:
            self._paths.appendleft(self.listing)
            self.listing = None
        self._series.clear()
        self._series.append(series)
        self.closing = closing

    def drop_waiting(self) -> None:
        """Forget what has not begun."""
        self._paths.clear()
        self._series.clear()

    def drop_begun(self) -> None:
        """Forget what has begun."""
        self.listing = self.closing = None
