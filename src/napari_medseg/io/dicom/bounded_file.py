"""A file that never promises more bytes than it has.

Python allocates what a reader asks for before it reads. A lying length of a few gigabytes in a header of a few
kilobytes would then cost gigabytes, so questions are cut to what is left of the file.
"""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class BoundedFile(io.BufferedReader):
    """A file opened for reading, whose `read` asks for no more than is left.

    Parameters
    ----------
    path : pathlib.Path
        The file; closed with this object.
    """

    def __init__(self, path: Path) -> None:
        raw = io.FileIO(path)
        super().__init__(raw)
        self._n_bytes = os.fstat(raw.fileno()).st_size

    def read(self, size: int | None = -1, /) -> bytes:
        """Return `size` bytes, or as many as are left."""
        if size is None or size < 0:
            return super().read()
        return super().read(min(size, max(self._n_bytes - self.tell(), 0)) if size > io.DEFAULT_BUFFER_SIZE else size)
