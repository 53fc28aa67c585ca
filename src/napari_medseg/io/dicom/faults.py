"""What a user reads when a DICOM file cannot be used. File names only: a header's names stay out of messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from pathlib import Path

_COPY_AGAIN = "Copy the file again from where it came from."
_UNCOMPRESSED = "Ask for an uncompressed copy of it."


def damaged(path: Path) -> MedsegError:
    """Return the error for pixels that cannot be decoded."""
    return MedsegError(f"The pixels of {path.name} are damaged and cannot be read.", _COPY_AGAIN)


def cut_short(path: Path) -> MedsegError:
    """Return the error for a file that ends before its pixels do."""
    return MedsegError(f"{path.name} is cut short: some of its pixels are missing.", _COPY_AGAIN)


def unreadable(path: Path, reason: str = "") -> MedsegError:
    """Return the error for a file that cannot be opened, or whose header makes no sense."""
    why = f" ({reason})" if reason else ""
    return MedsegError(f"{path.name} looks like DICOM but cannot be read{why}.", _COPY_AGAIN)


def moved(path: Path) -> MedsegError:
    """Return the error for a file that was there when the folder was opened."""
    return MedsegError(f"{path.name} is no longer where it was.", "Open the folder again.")


def too_many_pixels(path: Path) -> MedsegError:
    """Return the error for a header that lies about the size."""
    return MedsegError(f"The header of {path.name} promises more pixels than the file can hold.", _COPY_AGAIN)


def other_size(path: Path, found: tuple[int, ...], told: tuple[int, int]) -> MedsegError:
    """Return the error for a code stream of another size, both as (rows, columns)."""
    return MedsegError(
        f"{path.name} holds an image of {found[1]} × {found[0]} pixels, and its header tells {told[1]} × {told[0]}.",
        _COPY_AGAIN,
    )


def no_decoder(path: Path, compression: str, package: str) -> MedsegError:
    """Return the error for a compression that needs a package more, or that nothing decodes."""
    if not package:
        return MedsegError(f"{path.name} is compressed as {compression}, which cannot be decoded.", _UNCOMPRESSED)
    return MedsegError(
        f"{path.name} is compressed as {compression}, and no decoder for it is installed.",
        f"Install one with: pip install {package}",
    )


def unknown_colours(path: Path, model: str) -> MedsegError:
    """Return the error for a colour model that is not read."""
    return MedsegError(f"{path.name} has colours of the model {model}, which is not read.", "Ask for a copy in RGB.")


def inflates_without_end(path: Path, limit: int) -> MedsegError:
    """Return the error for a deflated file beyond the limit."""
    return MedsegError(f"{path.name} unpacks to more than {limit >> 20} MB.", _UNCOMPRESSED)


def lying_about_frames(path: Path, told: int) -> MedsegError:
    """Return the error for a number of frames that the file does not hold."""
    return MedsegError(f"The header of {path.name} promises {told:,} frames, and the file holds others.", _COPY_AGAIN)
