"""Drawings of one bit a pixel that lie over an image: overlay planes, groups 6000 to 601E (PS3.3 C.9.2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.io.dicom.encoding import is_encapsulated
from napari_medseg.io.dicom.lut import is_little

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from napari_medseg.io.dicom.instance import Instance

Mask = npt.NDArray[np.bool_]

_GROUPS = range(0x6000, 0x6020, 2)
_ROWS, _COLUMNS, _FRAMES, _DESCRIPTION, _ORIGIN = 0x0010, 0x0011, 0x0015, 0x0022, 0x0050
_FIRST_FRAME, _BITS_ALLOCATED, _BIT_POSITION, _LABEL, _DATA = 0x0051, 0x0100, 0x0102, 0x1500, 0x3000


@dataclass(frozen=True, eq=False)
class Overlay:
    """One drawing.

    Parameters
    ----------
    group : int
        0x6000, 0x6002 …
    name : str
        Its label or description; empty if it has none.
    mask : ndarray of bool, shape (rows, columns)
        Of the image; what lies outside of it is cut off.
    """

    group: int
    name: str
    mask: Mask


def has_overlays(dataset: Dataset) -> bool:
    """Whether a header has a drawing."""
    return any(group << 16 | _ROWS in dataset for group in _GROUPS)


def read_overlays(dataset: Dataset, image: Instance) -> list[Overlay]:
    """Read the drawings over one frame of an image.

    Parameters
    ----------
    dataset : Dataset
        The header of its file.
    image : Instance
        The image.

    Raises
    ------
    ValueError and the others of `file_header.UNREADABLE`
        If a drawing is damaged or cut short.
    """
    present = [group for group in _GROUPS if group << 16 | _ROWS in dataset]
    return [overlay for group in present if (overlay := _read(dataset, group, image)) is not None]


def _read(dataset: Dataset, group: int, image: Instance) -> Overlay | None:
    def value(element: int, default: Any) -> Any:
        tag = group << 16 | element
        found = dataset[tag].value if tag in dataset else None
        return default if found is None else found

    rows, columns = int(value(_ROWS, 0)), int(value(_COLUMNS, 0))
    frame = image.frame - int(value(_FIRST_FRAME, 1)) + 1
    n_frames = int(value(_FRAMES, 1))
    if n_frames > 1 and not 0 <= frame < n_frames:
        return None
    data = value(_DATA, None)
    if data is None:
        if int(value(_BITS_ALLOCATED, 1)) == 1:
            return None
        plane = _embedded(image, int(value(_BIT_POSITION, 0)))
    else:
        plane = _unpacked(bytes(data), rows, columns, frame if n_frames > 1 else 0, is_little(dataset))
    origin = [int(part) for part in value(_ORIGIN, (1, 1))]
    name = str(value(_LABEL, "") or value(_DESCRIPTION, "")).strip()
    size = (image.pixel_format.rows, image.pixel_format.columns)
    return Overlay(group, name, _placed(plane, (origin[0] - 1, origin[1] - 1), size))


def _unpacked(data: bytes, rows: int, columns: int, frame: int, little: bool) -> Mask:
    """Return a plane from its bits, the first in the least significant place; big endian files swap their words."""
    if not little:
        data = np.frombuffer(data[: len(data) & ~1], ">u2").astype("<u2").tobytes()
    count = rows * columns
    first = frame * count
    if count <= 0 or (first + count + 7) // 8 > len(data):
        raise ValueError("an overlay that is cut short")
    part = np.frombuffer(data, np.uint8)[first // 8 : (first + count + 7) // 8]
    bits = np.unpackbits(part, bitorder="little")[first % 8 : first % 8 + count]
    return bits.reshape(rows, columns).astype(np.bool_)


def _embedded(image: Instance, bit: int) -> Mask:
    """Return a plane that stands in an unused bit of the pixels, as files before 2004 have it."""
    from dataclasses import replace

    from napari_medseg.io.dicom.frames import read_frame

    stored = image.pixel_format
    if is_encapsulated(stored.transfer_syntax) or not 0 <= bit < stored.bits_allocated:
        raise ValueError("an overlay in bits that are compressed or not there")
    whole = replace(stored, bits_stored=stored.bits_allocated, high_bit=stored.bits_allocated - 1, signed=False)
    plain = read_frame(replace(image, pixel_format=whole, has_modality_lut=False), image.frame)
    mask: Mask = (plain >> bit) & 1 == 1
    return mask


def _placed(plane: Mask, origin: tuple[int, int], size: tuple[int, int]) -> Mask:
    """Return a plane on the grid of the image; `origin` is where its first pixel lies, which may be outside."""
    mask = np.zeros(size, np.bool_)
    rows, columns = (
        slice(max(start, 0), min(start + length, whole))
        for start, length, whole in zip(origin, plane.shape, size, strict=True)
    )
    if rows.start < rows.stop and columns.start < columns.stop:
        source = plane[
            rows.start - origin[0] : rows.stop - origin[0], columns.start - origin[1] : columns.stop - origin[1]
        ]
        mask[rows, columns] = source
    return mask
