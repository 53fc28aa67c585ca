"""Pictures (PNG, JPEG, TIFF) as volumes of one slice: row 0 on top, pixel spacing unknown.

Columns run along i and rows along j, as in a DICOM radiograph that does not tell its position. A picture's resolution
in dots per inch is that of paper, so the spacing is 1, means pixels, and `Volume.spacing_known` is False.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.grey import grey_of
from napari_medseg.core.progress import report
from napari_medseg.core.source import Source
from napari_medseg.core.study import Series
from napari_medseg.core.volume import Volume
from napari_medseg.io.memory import require_memory
from napari_medseg.io.raster_header import RasterHeader, open_picture, read_raster_header
from napari_medseg.io.thumbnail import thumbnail_of_plane

if TYPE_CHECKING:
    from PIL import Image

    from napari_medseg.core.progress import CancelToken, ProgressCallback

_COPY_AGAIN = "Copy the file again from where it came from."

Pixels = npt.NDArray[Any]


@dataclass(frozen=True)
class RasterLoader:
    """Reads the pixels of one picture."""

    path: Path

    def load(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        """Read the picture."""
        return load_raster(self.path, on_progress, cancel)

    def thumbnail(self, size: int) -> npt.NDArray[np.uint8] | None:
        """Return the picture made small, or None if it cannot be read."""
        try:
            header = read_raster_header(self.path)
            pixels = _decode(header, at_least=2 * size)
        except MedsegError:
            return None  # loading tells why; a picture beside the name is not the place
        picture = thumbnail_of_plane(pixels.swapaxes(0, 1), header.geometry, size)
        return 255 - picture if header.inverted else picture


def find_raster_series(path: Path) -> Series:
    """Describe a picture by its header alone.

    Parameters
    ----------
    path : pathlib.Path
        A PNG, JPEG or TIFF file.

    Raises
    ------
    MedsegError
        If it is no picture, or its header makes no sense.
    """
    header = read_raster_header(path)
    return Series(
        RasterLoader(path),
        path,
        uid=f"raster:{path.resolve()}",
        description=path.stem,
        shape=header.geometry.shape,
        fourth_axis="rgb" if header.channels > 1 else None,
        notes=header.notes,
        n_bytes=header.n_bytes,
    )


def load_raster(
    path: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Volume:
    """Read a picture into a volume of one slice.

    Parameters
    ----------
    path : pathlib.Path
        A PNG, JPEG or TIFF file: grey of 1 to 32 bits, or colours. Grey stored as three equal colours comes as grey.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the reading before it has begun.

    Raises
    ------
    MedsegError
        If it cannot be read, is damaged, or does not fit into memory.
    Cancelled
        If the user stopped it.
    """
    report(on_progress, 0, 1, "Reading image", cancel)
    header = read_raster_header(path)
    require_memory(header.n_bytes, path.name)
    pixels = _decode(header)
    pixels = grey_of(pixels) if header.channels > 1 else pixels
    array = pixels.swapaxes(0, 1)[:, :, np.newaxis]  # a view: (rows, columns[, n]) → (i, j, 1[, n])
    report(on_progress, 1, 1, "Reading image", cancel)
    return Volume(
        array,
        header.geometry,
        fourth_axis="rgb" if array.ndim == 4 else None,
        name=path.stem,
        inverted=header.inverted,
        spacing_known=False,
        notes=header.notes,
        source=Source("image", path, files=(path,), native_shape=header.geometry.shape[:2], spacing_known=False),
    )


def _decode(header: RasterHeader, at_least: int = 0) -> Pixels:
    """Return pixels (rows, columns[, 3 or 4]); `at_least` so many on either side will do, if quicker."""
    with open_picture(header.path) as picture:
        if at_least:
            picture.draft(None, (at_least, at_least))
        pixels = _pixels(picture, header)
    if not at_least and (pixels.shape[1], pixels.shape[0]) != header.decoded_size:
        raise MedsegError(f"{header.path.name} holds another number of pixels than its header tells.", _COPY_AGAIN)
    return np.array(_turned(pixels, header.orientation), order="C")  # Pillow's own memory is read-only


def _pixels(picture: Image.Image, header: RasterHeader) -> Pixels:
    if header.channels == 1:
        mode = "L" if picture.mode in ("1", "P", "LA", "La") else picture.mode
    else:
        mode = "RGBA" if header.channels == 4 else "RGB"
    pixels = np.asarray(picture if picture.mode == mode else picture.convert(mode))
    if header.is_unsigned_32:
        return pixels.view(np.uint32)
    return pixels if pixels.dtype.isnative else pixels.astype(pixels.dtype.newbyteorder("="))


def _turned(pixels: Pixels, orientation: int) -> Pixels:
    """Return pixels as EXIF's orientation asks for (CIPA DC-008, 4.6.5.1.6)."""
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return pixels
