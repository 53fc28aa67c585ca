"""Read the frames that need pydicom's whole machinery: colours, palettes, lookup tables, odd widths and codecs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydicom import dcmread
from pydicom.pixels.decoders.base import get_decoder
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
from pydicom.pixels.utils import pixel_array
from pydicom.uid import UID

from napari_medseg.io.dicom.codecs import UndecodableFrame, decode_lossless_colour
from napari_medseg.io.dicom.encoding import is_encapsulated, syntax_name
from napari_medseg.io.dicom.faults import damaged, no_decoder
from napari_medseg.io.dicom.file_header import UNREADABLE
from napari_medseg.io.dicom.frames import encoded_frame

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

    from napari_medseg.io.dicom.instance import Instance

AnyArray = npt.NDArray[Any]


def read_with_pydicom(instance: Instance, index: int) -> AnyArray:
    """Return one frame as `frames.read_frame` does.

    Raises
    ------
    MedsegError
        If the file is damaged, or no decoder for its compression is installed.
    """
    try:
        return _as_bytes(decode_lossless_colour(encoded_frame(instance, index), instance.pixel_format), 8)
    except (UndecodableFrame, *UNREADABLE):
        _check_decoder(instance)
    try:
        dataset = dcmread(instance.path, force=True)
        if instance.pixel_format.transfer_syntax == "" and "TransferSyntaxUID" not in dataset.file_meta:
            implicit, little = dataset.original_encoding
            dataset.file_meta.TransferSyntaxUID = _native_syntax(bool(implicit), little is not False)
        frame = pixel_array(dataset, index=index)
        if instance.pixel_format.photometric == "PALETTE COLOR":
            return _as_bytes(apply_color_lut(frame, dataset), 16 if _has_wide_palette(dataset) else 8)
        if instance.pixel_format.is_colour:
            return _as_bytes(frame, instance.pixel_format.bits_stored)
        if instance.has_modality_lut:
            return np.asarray(apply_modality_lut(frame, dataset))
        return np.array(frame)
    except RuntimeError as error:
        raise damaged(instance.path) from error
    except UNREADABLE as error:
        raise damaged(instance.path) from error


def _check_decoder(instance: Instance) -> None:
    syntax = instance.pixel_format.transfer_syntax
    if not is_encapsulated(syntax):
        return
    path, name = instance.path, syntax_name(syntax)
    try:
        decoder = get_decoder(UID(syntax))
    except NotImplementedError:
        raise no_decoder(path, name, "") from None
    if not decoder.is_available:
        raise no_decoder(path, name, "python-gdcm")


def _native_syntax(implicit: bool, little: bool) -> UID:
    if implicit:
        return UID("1.2.840.10008.1.2")
    return UID("1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2")


def _has_wide_palette(dataset: FileDataset) -> bool:
    descriptor = dataset.get("RedPaletteColorLookupTableDescriptor")
    return bool(descriptor) and int(descriptor[2]) > 8


def _as_bytes(colours: AnyArray, bits: int) -> AnyArray:
    """Return colours as uint8 of shape (rows, columns, 3)."""
    colours = np.asarray(colours)[..., :3]
    if colours.dtype == np.uint8:
        return np.array(colours)
    return (colours >> max(bits - 8, 0)).astype(np.uint8)
