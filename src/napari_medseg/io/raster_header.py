"""What a picture file tells about itself before its pixels are decoded."""

from __future__ import annotations

import struct
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, UnidentifiedImageError

from napari_medseg.core.affine import Affine, lps_to_ras
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Iterator

SPACING_NOTE = "The file does not tell the pixel spacing: lengths are in pixels."

_FORMATS = ("PNG", "JPEG", "TIFF")
_FAULTS = (OSError, SyntaxError, ValueError, EOFError, KeyError, IndexError, TypeError, OverflowError, struct.error)
"""What Pillow raises for damaged files, besides its own errors."""

_GREY_MODES = {"1": 1, "L": 1, "LA": 1, "La": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2, "I": 4, "F": 4}
"""Bytes for each pixel."""

_EXIF_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)
"""EXIF orientations that exchange rows and columns (CIPA DC-008, 4.6.5.1.6)."""

_TIFF_BITS, _TIFF_PHOTOMETRIC, _TIFF_PLANES, _TIFF_SAMPLES = 258, 262, 284, 339


@dataclass(frozen=True)
class RasterHeader:
    """The header of a picture.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    columns, rows : int
        Size as it is to be seen, turned as EXIF asks.
    channels : int
        1 for grey, 3 for colours, 4 for colours and opacity.
    n_bytes : int
        Memory of the pixels.
    orientation : int
        What is left to do about EXIF's orientation once the pixels are decoded; 1 is nothing.
    inverted : bool
        True if low values are bright and stay so (TIFF's WhiteIsZero, deeper than 8 bits).
    is_unsigned_32 : bool
        True if pixels are 32-bit whole numbers from 0 up, which the decoder takes for signed ones.
    notes : tuple of str
        What the user should know.
    """

    path: Path
    columns: int
    rows: int
    channels: int
    n_bytes: int
    orientation: int
    inverted: bool
    is_unsigned_32: bool
    notes: tuple[str, ...]

    @property
    def decoded_size(self) -> tuple[int, int]:
        """Columns and rows before EXIF's orientation is followed."""
        return (self.rows, self.columns) if self.orientation in _TURNED else (self.columns, self.rows)

    @property
    def geometry(self) -> Geometry:
        """Columns along i, rows along j, one slice: as a DICOM radiograph without position, with steps of 1."""
        return Geometry((self.columns, self.rows, 1), Affine(lps_to_ras(np.eye(4))))


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """Open a picture for the time of a block, and turn what goes wrong in it into sentences.

    Raises
    ------
    MedsegError
        If it is no picture, damaged, cut short, gone, or larger than any radiograph.
    """
    try:
        # By a stream, not by name: Pillow maps plain TIFF files, and so garbles those that EXIF turns (as of 13.0).
        with path.open("rb") as file, Image.open(file, formats=_FORMATS) as picture:
            yield picture
    except Image.DecompressionBombError as error:
        raise MedsegError(
            f"The header of {path.name} promises more pixels than any radiograph has.", "Open a smaller copy of it."
        ) from error
    except UnidentifiedImageError as error:
        raise MedsegError(
            f"{path.name} is no PNG, JPEG or TIFF picture that can be read.",
            "Save it as an 8- or 16-bit picture with the program that made it.",
        ) from error
    except FileNotFoundError as error:
        raise MedsegError(f"{path.name} is no longer where it was.", "Open the folder again.") from error
    except MemoryError:
        raise MedsegError(
            f"There is not enough memory to load {path.name}.", "Close other programs and try again."
        ) from None
    except _FAULTS as error:
        raise MedsegError(
            f"{path.name} is damaged or cut short and cannot be read.", "Copy the file again from where it came from."
        ) from error


def read_raster_header(path: Path) -> RasterHeader:
    """Read the header of a picture.

    Dots per inch that a picture may tell are those of paper or screen, never of the patient, and are passed over.

    Raises
    ------
    MedsegError
        If it is no picture, or its header makes no sense.
    """
    with open_picture(path) as picture:
        is_tiff = picture.format == "TIFF"
        orientation = _tag(picture, _EXIF_ORIENTATION, 1) if is_tiff else _orientation(picture)
        columns, rows = picture.size
        bits = _bits(picture, path)
        grey = picture.mode in _GREY_MODES or _has_grey_palette(picture)
        if not grey and bits > 8 and _tag(picture, _TIFF_PLANES, 1) == 2:
            raise MedsegError(
                f"{path.name} keeps its colours apart, in {bits} bits.", "Save it as a grey or an 8-bit colour picture."
            )
        channels = 1 if grey else 4 if picture.mode in ("RGBA", "RGBa") else 3
        deep = picture.mode in _GREY_MODES and picture.mode not in ("1", "L")  # Pillow turns only these bright side up
        return RasterHeader(
            path,
            *((rows, columns) if orientation in _TURNED and not is_tiff else (columns, rows)),
            channels=channels,
            n_bytes=columns * rows * (_GREY_MODES.get(picture.mode, 1) if grey else channels),
            orientation=1 if is_tiff else orientation,  # Pillow turns TIFF itself while it decodes
            inverted=deep and _tag(picture, _TIFF_PHOTOMETRIC, 1) == 0,
            is_unsigned_32=picture.mode == "I" and bits == 32 and _tag(picture, _TIFF_SAMPLES, 1) == 1,
            notes=(SPACING_NOTE, *_notes(picture, orientation, 0 if grey else bits)),
        )


def _notes(picture: Image.Image, orientation: int, colour_bits: int) -> list[str]:
    notes = []
    if orientation != 1:
        notes.append("The picture is turned or mirrored as its EXIF orientation asks.")
    if getattr(picture, "is_animated", False):
        notes.append("Only the first of several pages is read.")
    if colour_bits > 8:
        notes.append(f"Colours of {colour_bits} bits are read as 8 bits.")
    return notes


def _orientation(picture: Image.Image) -> int:
    """Return EXIF's orientation of a JPEG; PNG has none by custom, and Pillow would have to decode it to tell."""
    if picture.format == "PNG":
        return 1
    try:
        value = picture.getexif().get(_EXIF_ORIENTATION, 1)
    except _FAULTS:
        return 1  # a broken extra is no reason against the picture
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _bits(picture: Image.Image, path: Path) -> int:
    """Return the bits of a sample: from IHDR (ISO/IEC 15948, 11.2.2), from the tag of a TIFF, else 8."""
    if picture.format == "PNG":
        with path.open("rb") as file:
            return file.read(25)[24]
    bits = getattr(picture, "tag_v2", {}).get(_TIFF_BITS, (8,))
    return max(bits) if isinstance(bits, tuple) else int(bits)


def _tag(picture: Image.Image, number: int, default: int) -> int:
    """Return the first value of a TIFF tag; the default for other formats and where it is missing."""
    value = getattr(picture, "tag_v2", {}).get(number, default)
    return int(value[0] if isinstance(value, tuple) else value)


def _has_grey_palette(picture: Image.Image) -> bool:
    if picture.mode != "P":
        return False
    palette = picture.getpalette("RGB") or []
    return palette[0::3] == palette[1::3] == palette[2::3]
