"""Header extensions of NIfTI files (nifti1.h, "Header extension"), and the one that keeps what labels mean.

Meanings travel as JSON in an extension of the registered code 6, plain text: readers that do not know it pass over
it, and nibabel shows it as a comment.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import IO, Any, Literal

from napari_medseg.core.segmentation import Box, Code, Segment
from napari_medseg.io.nifti_layout import ByteOrder, Fields, order_of

COMMENT = 6
_WORD: dict[ByteOrder, Literal["little", "big"]] = {"<": "little", ">": "big"}
_KEY = "napari-medseg"
_VERSION = 1
_MOST_BYTES = 64 << 20
_COLOUR = re.compile(r"#[0-9a-f]{6}", re.IGNORECASE)


@dataclass(frozen=True)
class Extension:
    """One header extension: its registered code and its content."""

    code: int
    content: bytes


@dataclass(frozen=True)
class LabelMeanings:
    """What the labels of a file mean, and which model drew them."""

    segments: tuple[Segment, ...]
    model: str


def read_extensions(stream: IO[bytes], fields: Fields, end: int | None) -> tuple[Extension, ...]:
    """Read the extensions that follow a header, up to the byte `end` of the file or, if None, its end.

    Extensions that lie about their size end the list; they are an extra, and the voxels are read all the same.
    """
    position = fields.dtype.itemsize
    flag = stream.read(4)
    if len(flag) < 4 or flag[0] == 0:
        return ()
    order = _WORD[order_of(fields)]
    position += 4
    limit = min(end if end is not None else _MOST_BYTES, _MOST_BYTES)
    found: list[Extension] = []
    while position + 8 <= limit:
        head = stream.read(8)
        size = int.from_bytes(head[:4], order)
        if len(head) < 8 or size < 8 or position + size > limit:
            break
        content = stream.read(size - 8)
        if len(content) < size - 8:
            break
        found.append(Extension(int.from_bytes(head[4:], order), content))
        position += size
    return tuple(found)


def extension_bytes(extensions: tuple[Extension, ...], order: ByteOrder) -> bytes:
    """Return the four flag bytes and the extensions, padded to multiples of 16 bytes as the standard asks."""
    if not extensions:
        return b"\0\0\0\0"
    word = _WORD[order]
    parts = [b"\1\0\0\0"]
    for extension in extensions:
        padding = -(len(extension.content) + 8) % 16
        size = len(extension.content) + 8 + padding
        parts.append(size.to_bytes(4, word) + extension.code.to_bytes(4, word))
        parts.append(extension.content + b"\0" * padding)
    return b"".join(parts)


def meanings_to_extension(meanings: LabelMeanings) -> Extension:
    """Write what labels mean as an extension in ASCII."""
    segments = [_to_json(segment) for segment in meanings.segments]
    document = {_KEY: {"version": _VERSION, "model": meanings.model, "segments": segments}}
    return Extension(COMMENT, json.dumps(document, allow_nan=False, separators=(",", ":")).encode("ascii"))


def meanings_of(extensions: tuple[Extension, ...]) -> LabelMeanings | None:
    """Find what labels mean among the extensions of a file; None if none is ours and can be understood."""
    for extension in extensions:
        if extension.code != COMMENT or _KEY.encode() not in extension.content[:64]:
            continue
        try:
            ours = json.loads(extension.content.rstrip(b"\0"))[_KEY]
            segments = tuple(_from_json(entry) for entry in ours["segments"])
            return LabelMeanings(_without_repeats(segments), str(ours.get("model", "")))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue
    return None


def _to_json(segment: Segment) -> dict[str, Any]:
    entry: dict[str, Any] = {"label": segment.label, "name": segment.name, "colour": segment.colour}
    if segment.code is not None:
        entry["code"] = [segment.code.value, segment.code.scheme, segment.code.meaning]
    if segment.score is not None and math.isfinite(segment.score):
        entry["score"] = float(segment.score)
    if segment.box is not None and all(math.isfinite(edge) for edge in segment.box):
        entry["box"] = [float(edge) for edge in segment.box]
    return entry


def _from_json(entry: dict[str, Any]) -> Segment:
    code = Code(*(str(part) for part in entry["code"])) if "code" in entry else None
    score = float(entry["score"]) if "score" in entry else None
    colour = str(entry.get("colour", ""))
    return Segment(
        int(entry["label"]),
        str(entry["name"]),
        code,
        colour if _COLOUR.fullmatch(colour) else "",
        score,
        _box(entry["box"]) if "box" in entry else None,
    )


def _box(edges: list[float]) -> Box:
    i0, j0, k0, i1, j1, k1 = (float(edge) for edge in edges)
    return (i0, j0, k0, i1, j1, k1)


def _without_repeats(segments: tuple[Segment, ...]) -> tuple[Segment, ...]:
    """Keep the first segment of every label, ascending."""
    by_label: dict[int, Segment] = {}
    for segment in segments:
        by_label.setdefault(segment.label, segment)
    return tuple(by_label[label] for label in sorted(by_label))
