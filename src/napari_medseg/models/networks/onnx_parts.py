"""What an ONNX file is made of, as far as safety asks: read from its bytes, before any runtime sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARTS: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
"""Numbers of the fields, in each kind of message, through which tensors are reached (onnx.proto)."""

_EXTERNAL_DATA, _DATA_LOCATION, _EXTERNAL = 13, 14, 1
_DEEPEST = 64
_LARGEST_KEY = 0xFFFFFFFF
_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5


def asks_for_other_files(content: bytes) -> bool:
    """Tell whether an ONNX model keeps tensors in other files, whose paths could lead anywhere.

    Raises
    ------
    MedsegError
        If the bytes are no ONNX model.
    """
    try:
        return _is_external(memoryview(content), "model", 0)
    except (IndexError, ValueError) as error:
        raise MedsegError("This is no ONNX file, or it is damaged.", "Fetch it again.") from error


def _is_external(message: memoryview, kind: str, depth: int) -> bool:
    if depth > _DEEPEST:
        raise ValueError("nested too deeply")
    for number, value in _fields(message):
        if kind == "tensor":
            if number == _EXTERNAL_DATA or (number == _DATA_LOCATION and value == _EXTERNAL):
                return True
            continue
        inside = _PARTS[kind].get(number)
        if inside is not None and isinstance(value, memoryview) and _is_external(value, inside, depth + 1):
            return True
    return False


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield the fields of a message in protobuf's wire format: number, and value or bytes."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        if key > _LARGEST_KEY:  # a runtime may cut it to 32 bits, and see another field than is seen here
            raise ValueError("a key is too large")
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if wire == _BYTES:
            length, at = _varint(message, at)
        elif wire in (_EIGHT_BYTES, _FOUR_BYTES):
            length = 8 if wire == _EIGHT_BYTES else 4
        else:
            raise ValueError(f"wire type {wire}")
        if at + length > len(message):
            raise ValueError("a field is longer than its message")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number is too long")
