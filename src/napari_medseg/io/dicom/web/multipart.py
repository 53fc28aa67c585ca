"""The parts of a multipart/related answer (RFC 2387), passed on while they arrive; a cut-off one is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LONGEST_HEAD = 2**14


class CutOffError(Exception):
    """The answer ends before its closing delimiter."""


class Multipart:
    """Reads one answer, once.

    Parameters
    ----------
    pieces : iterator of bytes
        The body.
    boundary : bytes
        What stands between the parts, without the dashes.
    """

    def __init__(self, pieces: Iterator[bytes], boundary: bytes) -> None:
        self._pieces = pieces
        self._delimiter = b"\r\n--" + boundary
        self._buffer = bytearray(b"\r\n")  # the first delimiter may lack its line break

    def next_part(self) -> bool:
        """Go to the content of the next part; False if there is none.

        Raises
        ------
        CutOffError
            If the answer ends in the middle.
        ValueError
            If the head of a part has no end.
        """
        for _ in self.content():
            pass
        del self._buffer[: len(self._delimiter)]
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if self._buffer.startswith(b"--"):
                return False
            if len(self._buffer) > _LONGEST_HEAD:
                raise ValueError("the head of a part has no end")
            if not self._fill():
                if not self._buffer.strip():
                    return False  # some servers forget the two last dashes
                raise CutOffError
        if self._buffer.startswith(b"--"):
            return False
        del self._buffer[: end + 4]
        return True

    def content(self) -> Iterator[bytes]:
        """Return what is left of the content of this part, piece by piece.

        Raises
        ------
        CutOffError
            If the answer ends before the delimiter.
        """
        keep = len(self._delimiter) - 1
        while (at := self._buffer.find(self._delimiter)) < 0:
            if len(self._buffer) > keep:
                yield bytes(self._buffer[:-keep])
                del self._buffer[:-keep]
            if not self._fill():
                raise CutOffError
        if at:
            yield bytes(self._buffer[:at])
            del self._buffer[:at]

    def _fill(self) -> bool:
        piece = next(self._pieces, None)
        if piece is None:
            return False
        self._buffer += piece
        return True
