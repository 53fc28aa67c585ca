"""A progress bar of one line on a terminal; silent anywhere else."""

from __future__ import annotations

import shutil
import time
from typing import TextIO

WIDTH = 24
REDRAW_SECONDS = 0.1


class ProgressBar:
    """A `ProgressCallback` that draws on a stream if that is a terminal.

    Parameters
    ----------
    stream : file
        Where to draw; usually the error stream, so that piped output stays clean.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._shown = stream.isatty()
        self._label = ""
        self._started = 0.0
        self._drawn = 0.0
        self._dirty = False

    def __call__(self, done: int, total: int, label: str) -> None:
        """Draw ``done`` of ``total`` steps of ``label``, and wipe the bar when all are done.

        What follows a colon in the label may change from step to step; it stands behind the bar, and says itself how
        long the work will take.
        """
        if not self._shown:
            return
        if done >= total:
            self.close()
            return
        now = time.monotonic()
        title = label.partition(": ")[0]
        if title != self._label:
            self.close()
            self._label, self._started, self._drawn = title, now, 0.0
        if now - self._drawn < REDRAW_SECONDS:
            return
        self._drawn = now
        line = bar_line(done, total, label, now - self._started)
        columns = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r\x1b[2K{line[:columns]}")
        self._stream.flush()
        self._dirty = True

    def close(self) -> None:
        """Wipe the bar, so that what is written next starts on a clean line."""
        if self._dirty:
            self._stream.write("\r\x1b[2K")
            self._stream.flush()
        self._dirty = False
        self._label = ""


def bar_line(done: int, total: int, label: str, seconds: float) -> str:
    """Return the line for ``done`` of ``total`` steps after ``seconds``."""
    share = min(max(done / total, 0.0), 1.0) if total > 0 else 0.0
    title, _, details = label.partition(": ")
    width = WIDTH // 2 if details else WIDTH
    filled = round(share * width)
    line = f"{title}  {'█' * filled}{'░' * (width - filled)} {share:4.0%}"
    if details:
        return f"{line}  {done}/{total}, {details}"
    if 0 < share < 1 and seconds > 1:
        line += f"  {seconds * (1 - share) / share:.0f} s left"
    return line
