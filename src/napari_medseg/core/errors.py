"""The one exception a user is meant to read."""

from __future__ import annotations


class MedsegError(Exception):
    """What went wrong in one sentence, and a hint at what to do about it.

    Every door of the program (panel, command line, reader) shows these two sentences and nothing else.
    Any other exception is a bug and keeps its traceback.

    Parameters
    ----------
    message : str
        One sentence that says what went wrong. No patient identity.
    hint : str, optional
        One sentence that says what the user can do.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".strip()
