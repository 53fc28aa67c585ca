"""Images that differ in how their pixels are stored: transfer syntaxes, widths, colours, floating point."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom import uid
from pydicom.pixels import convert_color_space

from conformance.values import Case
from dicom_writers.compression import (
    COMPRESSIONS,
    NATIVE,
    compressed,
    container,
    save_any,
    values_of,
)
from dicom_writers.series import make_slice, save

if TYPE_CHECKING:
    from pathlib import Path

_COLOURS = values_of(8, False, (34, 42, 3)).astype(np.uint8)


def compression_cases() -> list[Case]:
    """Return an image for every transfer syntax and width that can be encoded here."""
    cases = [
        Case(f"{_name(syntax)}, {bits} bits", partial(_compressed, syntax, bits))
        for syntax, compression in COMPRESSIONS.items()
        for bits in compression.widths
    ]
    cases += [
        Case(f"{_name(syntax)}, {bits} bits{', signed' if signed else ''}", partial(_native, syntax, bits, signed))
        for syntax in NATIVE
        for bits in (8, 12, 16, 32)
        for signed in (False, True)
    ]
    return cases


def pixel_cases() -> list[Case]:
    """Return colours, floating point, odd places of bits, and files without what announces DICOM."""
    cases = [
        Case(f"{photometric}, colours {how}", partial(_colours, photometric, planar))
        for photometric in ("RGB", "YBR_FULL")
        for planar, how in ((0, "by pixel"), (1, "by plane"))
    ]
    return [
        *cases,
        Case("YBR_FULL_422", _shared_colours),
        Case("PALETTE COLOR", _palette),
        Case("film in colour", _film),
        Case("MONOCHROME1 radiograph", _inverted),
        Case("1 bit for each pixel", partial(_packed, 1)),
        Case("12 bits, packed", partial(_packed, 12)),
        Case("12 bits in the upper bits, overlay below", _high_bits),
        Case("single precision", partial(_floating, np.float32, "FloatPixelData")),
        Case("double precision", partial(_floating, np.float64, "DoubleFloatPixelData")),
        Case("no preamble, no extension", _bare),
    ]


def _name(syntax: uid.UID) -> str:
    return syntax.keyword or "DeflatedImageFrameCompression"


def _compressed(syntax: uid.UID, bits: int, folder: Path) -> None:
    coded = values_of(bits, False).astype(container(bits))
    stream = bytes(COMPRESSIONS[syntax].encode(coded, bits))
    save_any(compressed(coded, stream, syntax, bits), folder / "mr.dcm")


def _native(syntax: uid.UID, bits: int, signed: bool, folder: Path) -> None:
    values = values_of(bits, signed, (6, 8))
    pixels = values.astype(container(bits).str.replace("u", "i") if signed else container(bits))
    ds = make_slice(pixels, modality="MR")
    ds.file_meta.TransferSyntaxUID = syntax
    ds.BitsStored, ds.HighBit = bits, bits - 1
    if syntax == uid.ExplicitVRBigEndian:
        words = np.frombuffer(pixels.tobytes(), "<u2").astype(">u2").tobytes()
        ds.PixelData = words if bits == 8 else pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
        ds["PixelData"].VR = "OW"
    save(ds, folder / "mr.dcm")


def _colours(photometric: str, planar: int, folder: Path) -> None:
    pixels = _COLOURS if photometric == "RGB" else convert_color_space(_COLOURS, "RGB", photometric)
    ds = make_slice(pixels, modality="US", position=None)
    ds.PhotometricInterpretation, ds.PlanarConfiguration = photometric, planar
    ds.PixelData = (np.moveaxis(pixels, -1, 0) if planar else pixels).tobytes()
    save(ds, folder / "us.dcm")


def _shared_colours(folder: Path) -> None:
    quads = np.random.default_rng(0).integers(0, 256, (4, 3, 4)).astype(np.uint8)
    ds = make_slice(np.zeros((4, 6, 3), np.uint8), modality="US", position=None)
    ds.PhotometricInterpretation, ds.PixelData = "YBR_FULL_422", quads.tobytes()
    save(ds, folder / "us.dcm")


def _palette(folder: Path) -> None:
    ds = make_slice(np.arange(48, dtype=np.uint8).reshape(6, 8), modality="US", position=None)
    ds.PhotometricInterpretation = "PALETTE COLOR"
    for n, name in enumerate(("Red", "Green", "Blue")):
        entries = np.random.default_rng(n).integers(0, 256, 256).astype(np.uint16) * 257
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [256, 0, 16])
        setattr(ds, f"{name}PaletteColorLookupTableData", entries.tobytes())
    save(ds, folder / "us.dcm")


def _film(folder: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (5, 6, 8, 3)).astype(np.uint8)
    ds = make_slice(frames[0], modality="US", position=None)
    ds.NumberOfFrames, ds.PixelData, ds.FrameTime = len(frames), frames.tobytes(), 40
    save(ds, folder / "us.dcm")


def _inverted(folder: Path) -> None:
    ds = make_slice(values_of(12, False, (32, 40)).astype(np.uint16), modality="CR", position=None)
    ds.PhotometricInterpretation, ds.BitsStored, ds.HighBit = "MONOCHROME1", 12, 11
    save(ds, folder / "cr.dcm")


def _packed(width: int, folder: Path) -> None:
    frames = np.random.default_rng(width).integers(0, 1 << width, (3, 6, 8))
    bits = ((frames.reshape(-1, 1) >> np.arange(width)) & 1).astype(np.uint8)
    ds = make_slice(frames[0].astype(np.uint16), modality="US", position=None)
    ds.BitsAllocated = ds.BitsStored = width
    ds.HighBit, ds.PixelRepresentation, ds.NumberOfFrames = width - 1, 0, 3
    ds.PixelData = np.packbits(bits.ravel(), bitorder="little").tobytes()
    save(ds, folder / "us.dcm")


def _high_bits(folder: Path) -> None:
    values = values_of(12, False, (6, 8)).astype(np.uint16)
    overlay = np.random.default_rng(0).integers(0, 2, values.shape).astype(np.uint16)
    ds = make_slice(values << 4 | overlay, modality="MR")
    ds.BitsStored, ds.HighBit = 12, 15
    save(ds, folder / "mr.dcm")


def _floating(dtype: type[np.floating], keyword: str, folder: Path) -> None:
    values = np.random.default_rng(0).normal(0, 1e3, (6, 8)).astype(dtype)
    ds = make_slice(np.zeros((6, 8), np.uint16), modality="MR")
    del ds.PixelData
    for unused in ("BitsStored", "HighBit", "PixelRepresentation"):
        delattr(ds, unused)
    ds.BitsAllocated = values.dtype.itemsize * 8
    setattr(ds, keyword, values.tobytes())
    save(ds, folder / "mr.dcm")


def _bare(folder: Path) -> None:
    ds = make_slice(values_of(12, False, (6, 8)).astype(np.uint16), modality="MR")
    del ds.file_meta
    pydicom.dcmwrite(folder / "mr", ds, implicit_vr=True, little_endian=True)
