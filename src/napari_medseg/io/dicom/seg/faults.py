"""What a user reads when a DICOM SEG cannot be used. File names only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from pathlib import Path

_ASK_AGAIN = "Write it again with the program that made it, or ask for another copy."


def malformed(path: Path, what: str) -> MedsegError:
    """Return the error for a file whose parts contradict each other."""
    return MedsegError(f"{path.name} is no sound DICOM SEG: {what}.", _ASK_AGAIN)


def off_grid(path: Path, why: str) -> MedsegError:
    """Return the error for labels that do not lie on the voxels of an image."""
    return MedsegError(
        f"{path.name} does not lie on the voxels of this image: {why}.", "Choose the image it was made for."
    )
