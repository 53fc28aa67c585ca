"""Every transfer syntax × width × sign × colour model that can be encoded here, against pydicom's own decoding."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

import imagecodecs
import jpeg_ls
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.encaps import encapsulate
from pydicom.pixels import convert_color_space, pixel_array

from napari_medseg.io.dicom.frames import read_frame
from napari_medseg.io.dicom.header import read_instance
from napari_medseg.io.dicom.sniff import read_head

ENCAPSULATED_UNCOMPRESSED = uid.UID("1.2.840.10008.1.2.1.98")
DEFLATED_FRAMES = uid.UID("1.2.840.10008.1.2.8.1")


def deflate_frame(pixels: np.ndarray, bits: int) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(pixels.tobytes()) + packer.flush()


def jpeg_lossless(predictor: int) -> Callable[[np.ndarray, int], bytes]:
    def encode(pixels: np.ndarray, bits: int) -> bytes:
        return imagecodecs.jpeg8_encode(pixels, lossless=True, predictor=predictor, bitspersample=bits)

    return encode


def jpeg_2000(reversible: bool, level: float) -> Callable[[np.ndarray, int], bytes]:
    def encode(pixels: np.ndarray, bits: int) -> bytes:
        return imagecodecs.jpeg2k_encode(
            pixels, level, codecformat="J2K", reversible=reversible, bitspersample=bits, mct=pixels.ndim == 3
        )

    return encode


def jpeg_ls_coder(error: int) -> Callable[[np.ndarray, int], bytes]:
    def encode(pixels: np.ndarray, bits: int) -> bytes:
        samples = 1 if pixels.ndim == 2 else 3
        return jpeg_ls.encode_buffer(
            pixels.tobytes(), *pixels.shape[:2], samples, bits, error, 0 if samples == 1 else 2
        )

    return encode


def packbits(pixels: np.ndarray) -> bytes:
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
    uid.RLELossless: Compression(lambda p, bits: packbits(p), (8, 12, 16, 32)),
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
    return np.dtype("u1" if bits <= 8 else "u2" if bits <= 16 else "u4")


def save(ds, path) -> None:
    """Write a file, also in a transfer syntax that pydicom does not know."""
    if ds.file_meta.TransferSyntaxUID == DEFLATED_FRAMES:
        ds.file_meta.TransferSyntaxUID = ENCAPSULATED_UNCOMPRESSED
        ds.save_as(path, enforce_file_format=True)
        data = path.read_bytes().replace(b"1.2.840.10008.1.2.1.98", b"1.2.840.10008.1.2.8.1\0")
        path.write_bytes(data)
    else:
        ds.save_as(path, enforce_file_format=True)


def ours(path) -> np.ndarray:
    return read_frame(read_instance(path, read_head(path)))


def compressed(make, pixels, stream, syntax, bits, signed=False, photometric=None):
    ds = make(pixels, modality="MR")
    ds.file_meta.TransferSyntaxUID = syntax
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, int(signed)
    ds.PhotometricInterpretation = photometric or ds.PhotometricInterpretation
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].is_undefined_length = True
    return ds


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize(
    ("syntax", "bits"), [(s, b) for s, c in COMPRESSIONS.items() for b in c.widths], ids=lambda x: getattr(x, "name", x)
)
def test_compressed_grey(tmp_path, slice_maker, syntax, bits, signed):
    compression = COMPRESSIONS[syntax]
    values = values_of(bits, signed)
    coded = (values & ((1 << bits) - 1)).astype(container(bits))
    if signed and compression.largest_error:
        pytest.skip("a lossy codec cannot carry two's complement")
    stream = bytes(compression.encode(coded, bits))
    ds = compressed(slice_maker, coded, stream, syntax, bits, signed)
    save(ds, tmp_path / "mr")
    found = ours(tmp_path / "mr")
    assert np.abs(found.astype(np.int64) - values).max() <= compression.largest_error
    if compression.by_pydicom and not (signed and bits == 12 and "HTJ2K" in syntax.keyword):
        # imagecodecs encodes 16 bits of HTJ2K for 12, and pydicom then takes the sign from a bit that is none.
        # pydicom lets lossy frames exceed the range that the header tells.
        theirs = np.minimum(pixel_array(pydicom.dcmread(tmp_path / "mr")), values.max())
        np.testing.assert_array_equal(found, theirs)


@pytest.mark.parametrize(
    ("syntax", "bits"),
    [
        (syntax, bits)
        for syntax in (
            uid.JPEGExtended12Bit,
            uid.JPEGLossless,
            uid.JPEGLosslessSV1,
            uid.JPEGLSLossless,
            uid.RLELossless,
        )
        for bits in COMPRESSIONS[syntax].widths
        if bits <= 16
    ],
    ids=lambda x: getattr(x, "name", x),
)
def test_compressed_grey_as_gdcm_has_it(tmp_path, slice_maker, syntax, bits):
    """SimpleITK brings GDCM, which decodes what pydicom does not here."""
    simpleitk = pytest.importorskip("SimpleITK")
    coded = values_of(bits, False).astype(container(bits))
    stream = bytes(COMPRESSIONS[syntax].encode(coded, bits))
    ds = compressed(slice_maker, coded, stream, syntax, bits)
    save(ds, tmp_path / "mr.dcm")
    theirs = simpleitk.GetArrayFromImage(simpleitk.ReadImage(str(tmp_path / "mr.dcm")))[0]
    np.testing.assert_array_equal(ours(tmp_path / "mr.dcm"), theirs)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("reversible", [True, False])
def test_jpeg_2000_that_is_signed_itself(tmp_path, slice_maker, bits, reversible):
    values = values_of(bits, signed=True)
    signed = values.astype(np.int8 if bits == 8 else np.int16)
    syntax = uid.JPEG2000Lossless if reversible else uid.JPEG2000
    stream = bytes(jpeg_2000(reversible, 0 if reversible else 60)(signed, bits))
    ds = compressed(slice_maker, signed, stream, syntax, bits, signed=True)
    save(ds, tmp_path / "mr")
    found = ours(tmp_path / "mr")
    assert np.abs(found.astype(np.int64) - values).max() <= (0 if reversible else 500)
    np.testing.assert_array_equal(found, pixel_array(pydicom.dcmread(tmp_path / "mr")))


@pytest.mark.parametrize("signed", [False, True], ids=["unsigned", "signed"])
@pytest.mark.parametrize("bits", [8, 10, 12, 16, 24, 32])
@pytest.mark.parametrize("syntax", NATIVE, ids=lambda syntax: syntax.name)
def test_native_grey(tmp_path, slice_maker, syntax, bits, signed):
    values = values_of(bits, signed, (5, 7))
    pixels = values.astype(container(bits).str.replace("u", "i") if signed else container(bits))
    ds = slice_maker(pixels, modality="MR")
    ds.file_meta.TransferSyntaxUID = syntax
    ds.BitsStored, ds.HighBit = bits, bits - 1
    if syntax == uid.ExplicitVRBigEndian:
        words = pixels.tobytes() + b"\0" if bits == 8 else b""
        in_words = np.frombuffer(words[: len(words) & ~1], "<u2").astype(">u2").tobytes()
        ds.PixelData = in_words if bits == 8 else pixels.astype(pixels.dtype.newbyteorder(">")).tobytes()
        ds["PixelData"].VR = "OW"
    save(ds, tmp_path / "mr")
    found = ours(tmp_path / "mr")
    np.testing.assert_array_equal(found, values)
    np.testing.assert_array_equal(found, pixel_array(pydicom.dcmread(tmp_path / "mr")))


@pytest.mark.parametrize("width", [1, 12])
def test_samples_that_share_bytes(tmp_path, slice_maker, width):
    frames = np.random.default_rng(width).integers(0, 1 << width, (3, 5, 7))
    bits = ((frames.reshape(-1, 1) >> np.arange(width)) & 1).astype(np.uint8)
    data = np.packbits(bits.ravel(), bitorder="little").tobytes()
    ds = slice_maker(frames[0].astype(np.uint16), modality="US", position=None)
    ds.BitsAllocated = ds.BitsStored = width
    ds.HighBit, ds.PixelRepresentation, ds.NumberOfFrames = width - 1, 0, 3
    ds.PixelData = data + b"\0" * (len(data) % 2)
    save(ds, tmp_path / "us")
    instance = read_instance(tmp_path / "us", read_head(tmp_path / "us"))
    for n, frame in enumerate(frames):
        np.testing.assert_array_equal(read_frame(instance, n), frame)
    if width == 1:
        np.testing.assert_array_equal(frames, pixel_array(pydicom.dcmread(tmp_path / "us")))


COLOURS = values_of(8, False, (34, 42, 3)).astype(np.uint8)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize(
    "syntax",
    [
        uid.JPEGLSLossless,
        uid.JPEGLosslessSV1,
        uid.RLELossless,
        uid.JPEG2000Lossless,
        uid.HTJ2KLossless,
        DEFLATED_FRAMES,
    ],
    ids=lambda syntax: syntax.name,
)
def test_compressed_colour(tmp_path, slice_maker, syntax, photometric):
    coded = COLOURS if photometric == "RGB" else convert_color_space(COLOURS, "RGB", "YBR_FULL")
    if syntax == uid.JPEGLosslessSV1:
        stream = imagecodecs.jpeg8_encode(coded, lossless=True, predictor=1, colorspace="RGB", outcolorspace="RGB")
    elif syntax == uid.JPEG2000Lossless:
        stream = imagecodecs.jpeg2k_encode(coded, codecformat="J2K", reversible=True, mct=False)
    elif syntax == uid.HTJ2KLossless:
        stream = imagecodecs.htj2k_encode(coded, reversible=True, rgb=False)
    else:
        stream = COMPRESSIONS[syntax].encode(coded, 8)
    save(compressed(slice_maker, COLOURS, bytes(stream), syntax, 8, photometric=photometric), tmp_path / "sc")
    found = ours(tmp_path / "sc")
    expected = COLOURS if photometric == "RGB" else convert_color_space(coded, "YBR_FULL", "RGB")
    np.testing.assert_array_equal(found, expected)
    if syntax in (uid.JPEGLSLossless, uid.RLELossless, uid.JPEG2000Lossless, uid.HTJ2KLossless):
        np.testing.assert_array_equal(found, pixel_array(pydicom.dcmread(tmp_path / "sc")))


@pytest.mark.parametrize(
    ("syntax", "photometric"), [(uid.JPEG2000Lossless, "YBR_RCT"), (uid.JPEG2000, "YBR_ICT")], ids=["RCT", "ICT"]
)
def test_jpeg_2000_undoes_its_own_colour_transform(tmp_path, slice_maker, syntax, photometric):
    stream = bytes(jpeg_2000(photometric == "YBR_RCT", 0 if photometric == "YBR_RCT" else 60)(COLOURS, 8))
    save(compressed(slice_maker, COLOURS, stream, syntax, 8, photometric=photometric), tmp_path / "sc")
    found = ours(tmp_path / "sc")
    assert np.abs(found.astype(int) - COLOURS).max() <= (0 if photometric == "YBR_RCT" else 3)
    np.testing.assert_array_equal(found, pixel_array(pydicom.dcmread(tmp_path / "sc")))


@pytest.mark.parametrize(
    ("inside", "told"),
    [("YCbCr", "YBR_FULL_422"), ("YCbCr", "YBR_FULL"), ("YCbCr", "RGB"), ("RGB", "RGB"), ("RGB", "YBR_FULL_422")],
)
def test_jpeg_knows_its_colours_better_than_the_header(tmp_path, slice_maker, inside, told):
    stream = imagecodecs.jpeg8_encode(COLOURS, 95, colorspace="RGB", outcolorspace=inside, subsampling="444")
    ds = compressed(slice_maker, COLOURS, bytes(stream), uid.JPEGBaseline8Bit, 8, photometric=told)
    save(ds, tmp_path / "sc")
    assert np.abs(ours(tmp_path / "sc").astype(int) - COLOURS).max() <= 12


@pytest.mark.parametrize("planar", [0, 1])
@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("bits", [8, 16])
def test_native_colour(tmp_path, slice_maker, planar, photometric, bits):
    pixels = COLOURS if bits == 8 else values_of(16, False, (34, 42, 3)).astype(np.uint16)
    if photometric == "YBR_FULL" and bits == 16:
        pytest.skip("no such colours in the standard")
    ds = slice_maker(pixels, modality="US", position=None)
    ds.PhotometricInterpretation, ds.PlanarConfiguration = photometric, planar
    ds.PixelData = (np.moveaxis(pixels, -1, 0) if planar else pixels).tobytes()
    save(ds, tmp_path / "us")
    expected = pixel_array(pydicom.dcmread(tmp_path / "us")) >> (bits - 8)
    np.testing.assert_array_equal(ours(tmp_path / "us"), expected)


def test_native_colour_shared_by_two_pixels(tmp_path, slice_maker):
    quads = np.random.default_rng(0).integers(0, 256, (4, 3, 4)).astype(np.uint8)
    ds = slice_maker(np.zeros((4, 6, 3), np.uint8), modality="US", position=None)
    ds.PhotometricInterpretation, ds.PixelData = "YBR_FULL_422", quads.tobytes()
    save(ds, tmp_path / "us")
    np.testing.assert_array_equal(ours(tmp_path / "us"), pixel_array(pydicom.dcmread(tmp_path / "us")))
