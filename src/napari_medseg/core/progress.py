"""Progress and cancellation, without knowing who listens."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeAlias

ProgressCallback: TypeAlias = Callable[[int, int, str], None]
"""Called as ``on_progress(done, total, label)``; it may raise `Cancelled` to stop the work at that step."""


class Cancelled(Exception):
    """The user asked to stop; nothing was changed."""


class CancelToken:
    """A switch that is thrown once, from any thread, and asked by the work at every step."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def cancel(self) -> None:
        """Ask the work to stop at its next step."""
        self._event.set()

    @property
    def cancelled(self) -> bool:
        """Whether `cancel` was called."""
        return self._event.is_set()

    def raise_if_cancelled(self) -> None:
        """Stop here if asked to.

        Raises
        ------
        Cancelled
            If `cancel` was called.
        """
        if self._event.is_set():
            raise Cancelled


def report(
    on_progress: ProgressCallback | None,
    done: int,
    total: int,
    label: str,
    cancel: CancelToken | None = None,
) -> None:
    """Report one step, and stop if a token asks for it.

    Parameters
    ----------
    on_progress : callable or None
        Receives ``(done, total, label)``; None is allowed and silent.
    done, total : int
        Steps done so far, and steps in all.
    label : str
        What is being done, in the user's words.
    cancel : CancelToken, optional
        Asked before the report.

    Raises
    ------
    Cancelled
        If the token was thrown, or by the callback.
    """
    if cancel is not None:
        cancel.raise_if_cancelled()
    if on_progress is not None:
        on_progress(done, total, label)
