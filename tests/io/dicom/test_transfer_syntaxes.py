"""Every transfer syntax × width × sign × colour model that can be encoded here, against pydicom's own decoding."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.pixels import convert_color_space, pixel_array

from dicom_writers.compression import (
    COMPRESSIONS,
    DEFLATED_FRAMES,
    NATIVE,
    compressed,
    container,
    jpeg_2000,
    save_any,
    values_of,
)
from napari_medseg.io.dicom.frames import read_frame
from napari_medseg.io.dicom.header import read_instance
from napari_medseg.io.dicom.sniff import read_head


def ours(path) -> np.ndarray:
    return read_frame(read_instance(path, read_head(path)))


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
    ds = compressed(coded, stream, syntax, bits, signed)
    save_any(ds, tmp_path / "mr")
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
    ds = compressed(coded, stream, syntax, bits)
    save_any(ds, tmp_path / "mr.dcm")
    theirs = simpleitk.GetArrayFromImage(simpleitk.ReadImage(str(tmp_path / "mr.dcm")))[0]
    np.testing.assert_array_equal(ours(tmp_path / "mr.dcm"), theirs)


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("reversible", [True, False])
def test_jpeg_2000_that_is_signed_itself(tmp_path, slice_maker, bits, reversible):
    values = values_of(bits, signed=True)
    signed = values.astype(np.int8 if bits == 8 else np.int16)
    syntax = uid.JPEG2000Lossless if reversible else uid.JPEG2000
    stream = bytes(jpeg_2000(reversible, 0 if reversible else 60)(signed, bits))
    ds = compressed(signed, stream, syntax, bits, signed=True)
    save_any(ds, tmp_path / "mr")
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
    save_any(ds, tmp_path / "mr")
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
    save_any(ds, tmp_path / "us")
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
    save_any(compressed(COLOURS, bytes(stream), syntax, 8, photometric=photometric), tmp_path / "sc")
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
    save_any(compressed(COLOURS, stream, syntax, 8, photometric=photometric), tmp_path / "sc")
    found = ours(tmp_path / "sc")
    assert np.abs(found.astype(int) - COLOURS).max() <= (0 if photometric == "YBR_RCT" else 3)
    np.testing.assert_array_equal(found, pixel_array(pydicom.dcmread(tmp_path / "sc")))


@pytest.mark.parametrize(
    ("inside", "told"),
    [("YCbCr", "YBR_FULL_422"), ("YCbCr", "YBR_FULL"), ("YCbCr", "RGB"), ("RGB", "RGB"), ("RGB", "YBR_FULL_422")],
)
def test_jpeg_knows_its_colours_better_than_the_header(tmp_path, slice_maker, inside, told):
    stream = imagecodecs.jpeg8_encode(COLOURS, 95, colorspace="RGB", outcolorspace=inside, subsampling="444")
    ds = compressed(COLOURS, bytes(stream), uid.JPEGBaseline8Bit, 8, photometric=told)
    save_any(ds, tmp_path / "sc")
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
    save_any(ds, tmp_path / "us")
    expected = pixel_array(pydicom.dcmread(tmp_path / "us")) >> (bits - 8)
    np.testing.assert_array_equal(ours(tmp_path / "us"), expected)


def test_native_colour_shared_by_two_pixels(tmp_path, slice_maker):
    quads = np.random.default_rng(0).integers(0, 256, (4, 3, 4)).astype(np.uint8)
    ds = slice_maker(np.zeros((4, 6, 3), np.uint8), modality="US", position=None)
    ds.PhotometricInterpretation, ds.PixelData = "YBR_FULL_422", quads.tobytes()
    save_any(ds, tmp_path / "us")
    np.testing.assert_array_equal(ours(tmp_path / "us"), pixel_array(pydicom.dcmread(tmp_path / "us")))
