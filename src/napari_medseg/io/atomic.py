"""Files are written whole or not at all: a temporary file beside the target, fsync, then rename."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY_PREFIX = ".napari-medseg-"
"""How the name of every unfinished file starts; readers pass over such files."""

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_NO_PERMISSION = {errno.EACCES, errno.EPERM, errno.EROFS}
_ANY_WRITE_BIT = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Write a file so that a crash, a full disk or an error leaves the old one intact.

    The yielded path lies in the target's folder and ends like the target, so that writers that look at the suffix
    work. When the block ends, the file is flushed to disk and renamed over the target, keeping the permissions of a
    file that was there. When the block raises, the temporary file is removed. A link is followed, not replaced.

    Parameters
    ----------
    path : path-like
        The file to write.

    Yields
    ------
    pathlib.Path
        An empty file to write into.

    Raises
    ------
    MedsegError
        If the folder or the file cannot be written, or the disk is full.
    """
    target = Path(os.path.realpath(path))
    temporary = target.parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}-{target.name[-100:]}"
    try:
        mode = _mode_of(target)
        temporary.touch(exist_ok=False)
    except OSError as error:
        raise _explained(error, target) from error
    try:
        yield temporary
        if mode is not None:
            temporary.chmod(mode)
        _flush(temporary)
        os.replace(temporary, target)
    except OSError as error:
        raise _explained(error, target) from error
    finally:
        with suppress(OSError):  # gone after the rename
            temporary.unlink()
    with suppress(OSError):  # the file is complete; Windows and some network drives cannot flush a folder
        _flush(target.parent)


def _mode_of(target: Path) -> int | None:
    """Return the permissions of the old file, None if there is none; refuse one that is write-protected."""
    if target.is_dir():
        raise MedsegError(f"{target.name} is a folder.", "Choose a file name.")
    if not target.exists():
        return None
    mode = stat.S_IMODE(target.stat().st_mode)
    # A rename would replace a write-protected file without asking, and to root everything is writable.
    if not mode & _ANY_WRITE_BIT or not os.access(target, os.W_OK):
        raise MedsegError(f"{target.name} is write-protected.", "Save under another name or allow writing to it.")
    return mode


def _flush(path: Path) -> None:
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _explained(error: OSError, target: Path) -> MedsegError:
    if error.errno in _NO_SPACE:
        return MedsegError(
            f"There is no space left to write {target.name}; nothing was changed.",
            "Free some space or save to another disk.",
        )
    if error.errno in _NO_PERMISSION:
        return MedsegError(f"The folder of {target.name} cannot be written to.", "Save to another folder.")
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return MedsegError(f"The folder for {target.name} does not exist.", "Make the folder or choose another one.")
    reason = error.strerror or type(error).__name__
    return MedsegError(f"{target.name} could not be written ({reason}); nothing was changed.", "Save elsewhere.")
