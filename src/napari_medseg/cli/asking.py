"""Yes or no, from the person at the keyboard."""

from __future__ import annotations

import sys

from napari_medseg.core.errors import MedsegError


def agreed(question: str, instead: str = "--yes") -> bool:
    """Ask a question; anything but a yes is a no.

    Parameters
    ----------
    question : str
        One sentence.
    instead : str
        The option that says yes beforehand.

    Raises
    ------
    MedsegError
        If nobody is there to answer.
    """
    if not sys.stdin.isatty():
        raise MedsegError(f"Nobody is there to answer: {question}", f"Add {instead} to say yes beforehand.")
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")
