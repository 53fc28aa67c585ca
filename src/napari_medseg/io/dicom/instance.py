"""What one DICOM file tells about its image, as far as grouping, placing and decoding need it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_medseg.core.volume import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """How the pixels of an image are stored (PS3.3 C.7.6.3.1).

    Parameters
    ----------
    rows, columns, samples : int
        Size of the image; samples per pixel.
    photometric : str
        "MONOCHROME1", "MONOCHROME2", "RGB", "PALETTE COLOR", "YBR_…".
    bits_allocated, bits_stored, high_bit : int
        Width of the container, of the value, and the value's highest bit.
    signed : bool
        Two's complement.
    floating : bool
        Floating point pixels.
    planar : bool
        Colours one plane after the other.
    little_endian : bool
        Byte order of native pixels.
    transfer_syntax : str
        UID; empty if the file does not tell.
    """

    rows: int
    columns: int
    samples: int = 1
    photometric: str = "MONOCHROME2"
    bits_allocated: int = 16
    bits_stored: int = 16
    high_bit: int = 15
    signed: bool = False
    floating: bool = False
    planar: bool = False
    little_endian: bool = True
    transfer_syntax: str = ""

    @property
    def is_colour(self) -> bool:
        """Whether the image comes out as red, green and blue."""
        return self.samples > 1 or self.photometric == "PALETTE COLOR"

    @property
    def frame_bytes(self) -> int:
        """Bytes of one uncompressed frame."""
        if self.photometric == "YBR_FULL_422" and self.samples == 3:
            return self.rows * self.columns * 2 * self.bits_allocated // 8
        return (self.rows * self.columns * self.samples * self.bits_allocated + 7) // 8


@dataclass(frozen=True, slots=True)
class Tile:
    """A part of a stored frame: where it begins and how large it is, in pixels."""

    row: int
    column: int
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class Instance:
    """One image: a file of one frame, one frame of a file, or one tile of a mosaic. Header facts only.

    Positions and directions are DICOM's LPS millimetres. None means that the file does not tell.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    pixels_at, pixels_length : int
        Where the pixel data element stands in the (inflated) file; length -1 if encapsulated.
    pixel_format : PixelFormat
        How the pixels are stored.
    n_frames : int
        Frames in the file.
    frame : int
        Which of them this is, from 0.
    tile : Tile or None
        The part of the frame that this is; None for the whole.
    position, row_direction, column_direction : tuple of float or None
        ImagePositionPatient and ImageOrientationPatient: centre of the first pixel, unit vectors along a row
        (growing column index) and down a column (growing row index).
    pixel_spacing : tuple of float or None
        Millimetres between rows, and between columns, from the attribute `spacing_from`.
    slope, intercept : float or None
        Rescale of PS3.3 C.11.1; None if absent.
    rescale_type : str
        "HU" or another unit.
    b_value, echo_time, … : float or None
        What tells images at one position apart.
    gradient : tuple of float or None
        Unit vector of the diffusion gradient.
    component : str
        "MAGNITUDE", "PHASE", "REAL", "IMAGINARY" or "MIXED" where told apart from the image type; "ISOTROPIC" for
        images computed from several diffusion gradients.
    stack_id, dimension_index : str, tuple of int
        Of frames of a multi-frame image: the stack, and the place in each of its dimensions.
    time_s : float or None
        When a frame of a film begins, in seconds from the first.
    acquired_at : float or None
        Seconds; comparable within a series.
    """

    path: Path
    pixels_at: int
    pixels_length: int
    pixel_format: PixelFormat
    n_frames: int = 1
    frame: int = 0
    tile: Tile | None = None
    is_multiframe_object: bool = False
    sop_class: str = ""
    sop_instance_uid: str = ""
    series_uid: str = ""
    study_uid: str = ""
    frame_of_reference_uid: str = ""
    modality: str = ""
    series_number: int | None = None
    series_description: str = ""
    image_type: tuple[str, ...] = ()
    instance_number: int | None = None
    position: Triple | None = None
    row_direction: Triple | None = None
    column_direction: Triple | None = None
    pixel_spacing: tuple[float, float] | None = None
    spacing_from: str = ""
    slice_thickness: float | None = None
    slice_spacing: float | None = None
    slice_location: float | None = None
    slope: float | None = None
    intercept: float | None = None
    rescale_type: str = ""
    has_modality_lut: bool = False
    padding: float | None = None
    windows: tuple[Window, ...] = ()
    acquisition_number: int | None = None
    temporal_position: int | None = None
    frame_time_ms: float | None = None
    trigger_time_ms: float | None = None
    reference_time_ms: float | None = None
    echo_time_ms: float | None = None
    echo_number: int | None = None
    inversion_time_ms: float | None = None
    flip_angle_deg: float | None = None
    b_value: float | None = None
    gradient: Triple | None = None
    component: str = ""
    stack_id: str = ""
    dimension_index: tuple[int, ...] = ()
    time_s: float | None = None
    acquired_at: float | None = None
    content_at: float | None = None
    patient_name: str = field(default="", repr=False)
    patient_id: str = field(default="", repr=False)
    study_date: str = field(default="", repr=False)
    study_description: str = field(default="", repr=False)

    @property
    def rows(self) -> int:
        """Height of the image in pixels."""
        return self.pixel_format.rows if self.tile is None else self.tile.rows

    @property
    def columns(self) -> int:
        """Width of the image in pixels."""
        return self.pixel_format.columns if self.tile is None else self.tile.columns

    @property
    def is_placed(self) -> bool:
        """Whether the file tells where in the patient the image lies."""
        return self.position is not None and self.row_direction is not None and self.column_direction is not None


_FIELDS = tuple(one.name for one in fields(Instance))
_VALUES = attrgetter(*_FIELDS)
_SETTERS = {name: getattr(Instance, name).__set__ for name in _FIELDS}


def changed(image: Instance, changes: Mapping[str, Any]) -> Instance:
    """Return an image with other values of some fields, as `dataclasses.replace` does in many times the time."""
    new: Instance = object.__new__(Instance)
    for set_value, value in zip(_SETTERS.values(), _VALUES(image), strict=True):
        set_value(new, value)
    for name, value in changes.items():
        _SETTERS[name](new, value)
    return new
