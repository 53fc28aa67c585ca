"""Encoders of every transfer syntax that can be written here, and pixels to try them on."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import imagecodecs
import jpeg_ls
import numpy as np
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate

from dicom_writers.series import make_slice

ENCAPSULATED_UNCOMPRESSED = uid.UID("1.2.840.10008.1.2.1.98")
DEFLATED_FRAMES = uid.UID("1.2.840.10008.1.2.8.1")


def deflate_frame(pixels: np.ndarray, bits: int) -> bytes:
    """Return a frame of the transfer syntax Deflated Image Frame Compression."""
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(pixels.tobytes()) + packer.flush()


def jpeg_lossless(predictor: int) -> Callable[[np.ndarray, int], bytes]:
    """Return an encoder of JPEG Lossless."""

    def encode(pixels: np.ndarray, bits: int) -> bytes:
        return imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits)

    return encode


def jpeg_2000(reversible: bool, level: float) -> Callable[[np.ndarray, int], bytes]:
    """Return an encoder of JPEG 2000."""

    def encode(pixels: np.ndarray, bits: int) -> bytes:
        return imagecodecs.jpeg2k_encode(
            pixels, level, codecformat="J2K", reversible=reversible, bitspersample=bits, mct=pixels.ndim == 3
        )

    return encode


def jpeg_ls_coder(error: int) -> Callable[[np.ndarray, int], bytes]:
    """Return an encoder of JPEG-LS."""

    def encode(pixels: np.ndarray, bits: int) -> bytes:
        samples = 1 if pixels.ndim == 2 else 3
        return jpeg_ls.encode_buffer(
            pixels.tobytes(), *pixels.shape[:2], samples, bits, error, 0 if samples == 1 else 2
        )

    return encode


def pack_bits(pixels: np.ndarray) -> bytes:
    """A frame of PS3.5 annex G: a segment for each byte of each sample."""
    planes = [pixels] if pixels.ndim == 2 else list(np.moveaxis(pixels, -1, 0))
    big = [plane.astype(plane.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, plane.itemsize) for plane in planes]
    segments = [bytes(imagecodecs.packbits_encode(part[:, n].tobytes())) for part in big for n in range(part.shape[1])]
    segments = [segment + b"\0" * (len(segment) % 2) for segment in segments]
    offsets = 64 + np.cumsum([0, *map(len, segments)])[:-1]
    header = struct.pack("<16I", len(segments), *offsets, *[0] * (15 - len(segments)))
    return header + b"".join(segments)


@dataclass(frozen=True)
class Compression:
    """How to encode a frame, and what may be lost."""

    encode: Callable[[np.ndarray, int], bytes]
    widths: tuple[int, ...] = (8, 12, 16)
    largest_error: int = 0
    by_pydicom: bool = True
    """Whether pydicom decodes it here without a package under another licence."""


COMPRESSIONS = {
    uid.JPEGBaseline8Bit: Compression(lambda p, bits: imagecodecs.jpeg8_encode(p, 95), (8,), 12),
    uid.JPEGExtended12Bit: Compression(lambda p, bits: imagecodecs.jpeg8_encode(p, 100), (12,), 60, by_pydicom=False),
    uid.JPEGLossless: Compression(jpeg_lossless(4), by_pydicom=False),
    uid.JPEGLosslessSV1: Compression(jpeg_lossless(1), by_pydicom=False),
    uid.JPEGLSLossless: Compression(jpeg_ls_coder(0)),
    uid.JPEGLSNearLossless: Compression(jpeg_ls_coder(2), largest_error=2),
    uid.JPEG2000Lossless: Compression(jpeg_2000(True, 0)),
    uid.JPEG2000: Compression(jpeg_2000(False, 60), largest_error=500),
    uid.HTJ2KLossless: Compression(lambda p, bits: imagecodecs.htj2k_encode(p, reversible=True)),
    uid.HTJ2KLosslessRPCL: Compression(lambda p, bits: imagecodecs.htj2k_encode(p, reversible=True, tlm=True)),
    uid.HTJ2K: Compression(lambda p, bits: imagecodecs.htj2k_encode(p, 0.001, reversible=False), largest_error=300),
    uid.RLELossless: Compression(lambda p, bits: pack_bits(p), (8, 12, 16, 32)),
    DEFLATED_FRAMES: Compression(deflate_frame, by_pydicom=False),
    ENCAPSULATED_UNCOMPRESSED: Compression(lambda p, bits: p.tobytes(), (8, 12, 16, 32), by_pydicom=False),
}

NATIVE = (
    uid.ImplicitVRLittleEndian,
    uid.ExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.DeflatedExplicitVRLittleEndian,
)


def values_of(bits: int, signed: bool, shape: tuple[int, ...] = (33, 41)) -> np.ndarray:
    """Smooth enough for a lossy codec, and from the lowest to the highest value that the bits hold."""
    low = -(1 << (bits - 1)) if signed else 0
    ramp = np.linspace(0, 1, shape[0] * shape[1]).reshape(shape[:2])
    wave = 0.04 * np.sin(np.arange(shape[1]) / 3)
    scaled = np.clip(ramp + wave, 0, 1)
    scaled[0, 0], scaled[-1, -1] = 0, 1
    if len(shape) == 3:
        scaled = np.stack([scaled, scaled[::-1], scaled[:, ::-1]], -1)
    return np.rint(low + scaled * ((1 << bits) - 1)).astype(np.int64)


def container(bits: int) -> np.dtype:
    """Return the unsigned type that holds so many bits."""
    return np.dtype("u1" if bits <= 8 else "u2" if bits <= 16 else "u4")


def save_any(ds: Dataset, path: Path) -> None:
    """Write a file, also in a transfer syntax that pydicom does not know."""
    if ds.file_meta.TransferSyntaxUID == DEFLATED_FRAMES:
        ds.file_meta.TransferSyntaxUID = ENCAPSULATED_UNCOMPRESSED
        ds.save_as(path, enforce_file_format=True)
        data = path.read_bytes().replace(b"1.2.840.10008.1.2.1.98", b"1.2.840.10008.1.2.8.1\0")
        path.write_bytes(data)
    else:
        ds.save_as(path, enforce_file_format=True)


def compressed(
    pixels: np.ndarray, stream: bytes, syntax: uid.UID, bits: int, signed: bool = False, photometric: str | None = None
) -> Dataset:
    """Return an MR image whose only frame is an encoded stream."""
    ds = make_slice(pixels, modality="MR")
    ds.file_meta.TransferSyntaxUID = syntax
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, int(signed)
    ds.PhotometricInterpretation = photometric or ds.PhotometricInterpretation
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].is_undefined_length = True
    return ds
