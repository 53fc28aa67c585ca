"""Decode the frames that imagecodecs does not, with whatever decoder pydicom finds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from napari_medseg.io.dicom.encoding import syntax_name
from napari_medseg.io.dicom.faults import damaged, no_decoder
from napari_medseg.io.dicom.file_header import UNREADABLE

if TYPE_CHECKING:
    from napari_medseg.io.dicom.instance import Instance

AnyArray = npt.NDArray[Any]


def decode_with_pydicom(instance: Instance, encoded: bytes) -> tuple[AnyArray, str]:
    """Decode one frame as `codecs.decode_frame` does.

    Raises
    ------
    MedsegError
        If the frame is damaged, or no decoder for its compression is installed.
    """
    stored = instance.pixel_format
    decoder = _find_decoder(instance)
    try:
        array, properties = decoder.as_array(
            encapsulate([encoded]),
            index=0,
            transfer_syntax_uid=UID(stored.transfer_syntax),
            rows=stored.rows,
            columns=stored.columns,
            samples_per_pixel=stored.samples,
            photometric_interpretation=stored.photometric,
            planar_configuration=int(stored.planar),
            number_of_frames=1,
            bits_allocated=stored.bits_allocated,
            bits_stored=stored.bits_stored,
            pixel_representation=int(stored.signed),
            pixel_keyword="PixelData",
        )
    except (RuntimeError, *UNREADABLE) as error:
        raise damaged(instance.path) from error
    return np.array(array), str(properties["photometric_interpretation"])


def _find_decoder(instance: Instance) -> Any:
    syntax = instance.pixel_format.transfer_syntax
    path, name = instance.path, syntax_name(syntax)
    try:
        decoder = get_decoder(UID(syntax))
    except NotImplementedError:
        raise no_decoder(path, name, "") from None
    if not decoder.is_available:
        raise no_decoder(path, name, "python-gdcm")
    return decoder
