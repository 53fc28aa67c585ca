"""Decoding: every transfer syntax that pydicom's own files and encoders reach, bit for bit."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pydicom.data
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_color_lut, apply_modality_lut
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from napari_medseg.core import MedsegError
from napari_medseg.io.dicom import find_dicom_series
from napari_medseg.io.dicom.codestream import size_of_codestream

PYDICOM_FILES = Path(pydicom.data.__file__).parent

REFUSED = {"JPEG2000-embedded-sequence-delimiter.dcm", "rtstruct.dcm"}
"""A code stream damaged on purpose, which neither pydicom nor GDCM decodes, and contours without their images."""


def load_only(path):
    (series,), _ = find_dicom_series(path)
    return series.load()


def files_of_pydicom() -> list[Path]:
    names = [p for folder in ("test_files", "charset_files") for p in sorted((PYDICOM_FILES / folder).rglob("*"))]
    return [path for path in names if path.is_file() and "TINY_ALPHA" not in path.parts]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("path", files_of_pydicom(), ids=lambda path: path.name)
def test_file_of_pydicom_is_read_or_refused_with_a_sentence(path):
    series, problems = find_dicom_series(path)
    assert all(problem.endswith(".") for problem in problems)
    for one in series:
        try:
            volume = one.load()
        except MedsegError as error:
            assert path.name in error.message
            assert path.name in REFUSED
            continue
        assert volume.array.shape[:3] == one.shape
        assert one.thumbnail(16).dtype == np.uint8
        expected = pydicoms_answer(path)
        if expected is not None:
            ours = volume.array[:, :, 0].swapaxes(0, 1)
            np.testing.assert_allclose(ours, expected, rtol=1e-6)


def pydicoms_answer(path: Path) -> np.ndarray | None:
    """What pydicom makes of the first frame; None where it cannot decode, or means 16-bit colours."""
    ds = pydicom.dcmread(path, force=True)
    try:
        pixels = ds.pixel_array
    except (RuntimeError, AttributeError, ValueError):
        return None
    pixels = pixels[0] if int(ds.get("NumberOfFrames", 1) or 1) > 1 else pixels
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        return (apply_color_lut(pixels, ds) >> 8).astype(np.uint8)
    if ds.SamplesPerPixel == 3:
        return (pixels >> (ds.BitsStored - 8)).astype(np.uint8)
    return apply_modality_lut(pixels, ds) * float(ds.get("DoseGridScaling", 1))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian])
def test_native_syntaxes(tmp_path, slice_maker, syntax):
    pixels = np.random.default_rng(0).integers(-1000, 1000, (5, 7)).astype(np.int16)
    ds = slice_maker(pixels)
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = pixels.astype(">i2").tobytes()
    ds.save_as(tmp_path / "ct", enforce_file_format=True)
    np.testing.assert_array_equal(load_only(tmp_path).array[:, :, 0], pixels.T)


ENCODERS = {
    JPEG2000Lossless: lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="J2K", reversible=True, level=0),
    JPEGLSLossless: imagecodecs.jpegls_encode,
    JPEGLosslessSV1: imagecodecs.ljpeg_encode,
    HTJ2KLossless: lambda pixels: imagecodecs.htj2k_encode(pixels, reversible=True),
}


@pytest.mark.parametrize("syntax", ENCODERS, ids=lambda uid: uid.name)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("bits", [8, 12, 16])
def test_lossless_codecs_are_exact(tmp_path, slice_maker, syntax, signed, bits):
    if bits == 8 and signed:
        pytest.skip("no scanner stores signed bytes")
    low = -(1 << (bits - 1)) if signed else 0
    values = np.random.default_rng(0).integers(low, low + (1 << bits), (33, 41))
    container = np.uint8 if bits == 8 else np.uint16
    coded = (values & ((1 << bits) - 1)).astype(container)
    try:
        stream = bytes(ENCODERS[syntax](coded))
    except (RuntimeError, TypeError, ValueError) as error:
        pytest.skip(f"imagecodecs does not encode this: {error}")
    ds = slice_maker(coded, modality="MR")
    ds.file_meta.TransferSyntaxUID = syntax
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = bits, bits - 1, int(signed)
    ds.PixelData = encapsulate([stream])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(tmp_path / "mr", enforce_file_format=True)
    np.testing.assert_array_equal(load_only(tmp_path).array[:, :, 0], values.T)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16])
def test_rle_is_exact(tmp_path, slice_maker, dtype):
    pixels = np.repeat(np.random.default_rng(0).integers(0, 120, (33, 20)), 2, axis=1).astype(dtype)
    pixels[3:9] = 77
    ds = slice_maker(pixels, modality="MR")
    ds.compress(RLELossless, encoding_plugin="pydicom")
    ds.save_as(tmp_path / "mr", enforce_file_format=True)
    np.testing.assert_array_equal(load_only(tmp_path).array[:, :, 0], pixels.T)


def test_colour_film_has_time_along_its_third_axis():
    path = PYDICOM_FILES / "test_files" / "examples_ybr_color.dcm"
    (series,), _ = find_dicom_series(path)
    assert "The third axis is time: a film in colour has no depth." in series.notes
    volume = series.load()
    assert (volume.array.shape, volume.fourth_axis) == ((320, 240, 30, 3), "rgb")
    for frame in (0, 17):
        expected = pydicom.pixels.pixel_array(path, index=frame)
        np.testing.assert_array_equal(volume.array[:, :, frame].swapaxes(0, 1), expected)


def test_grey_film_is_time(tmp_path, slice_maker, slice_saver):
    frames = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    ds = slice_maker(frames[0], modality="US", position=None)
    ds.NumberOfFrames, ds.FrameTime, ds.PixelData = 3, "40", frames.tobytes()
    slice_saver(ds, tmp_path / "us")
    volume = load_only(tmp_path)
    assert (volume.fourth_axis, volume.time_step_s) == ("time", 0.04)
    np.testing.assert_array_equal(volume.array[:, :, 0], frames.transpose(2, 1, 0))


def test_missing_decoder_is_named(tmp_path, slice_maker):
    ds = slice_maker(np.zeros((4, 4), np.uint8))
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"  # MPEG-2
    ds.PixelData = encapsulate([b"\0\0\1\xb3" + bytes(64)])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(tmp_path / "film.dcm", enforce_file_format=True)
    with pytest.raises(MedsegError, match=r"film\.dcm is compressed as MPEG2"):
        load_only(tmp_path)


def test_damaged_stream_names_the_file(tmp_path, slice_maker):
    pixels = np.random.default_rng(0).integers(0, 4000, (32, 32)).astype(np.uint16)
    ds = slice_maker(pixels)
    ds.file_meta.TransferSyntaxUID = JPEGLSLossless
    ds.PixelData = encapsulate([bytes(imagecodecs.jpegls_encode(pixels))[:200]])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(tmp_path / "bad.dcm", enforce_file_format=True)
    with pytest.raises(MedsegError, match=r"bad\.dcm"):
        load_only(tmp_path)


@pytest.mark.timeout(30)
def test_jpeg_ls_without_its_end_takes_no_time(tmp_path, slice_maker):
    """CharLS searches 2^32 places for the end that is missing here."""
    source = PYDICOM_FILES / "test_files" / "JPEGLSNearLossless_16.dcm"
    data = source.read_bytes()
    at = data.rindex(b"\x7c\xff\xd9")
    (tmp_path / "open.dcm").write_bytes(data[:at] + b"\xa0\x10\x10" + data[at + 3 :])
    with pytest.raises(MedsegError, match=r"open\.dcm"):
        load_only(tmp_path / "open.dcm")


@pytest.mark.timeout(30)
def test_jp2_box_without_length_takes_no_time(tmp_path, slice_maker):
    """pydicom's own look at such a stream never ends."""
    ds = slice_maker(np.zeros((8, 8), np.uint8))
    ds.file_meta.TransferSyntaxUID = JPEG2000Lossless
    ds.PixelData = encapsulate([b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60)])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(tmp_path / "endless.dcm", enforce_file_format=True)
    with pytest.raises(MedsegError, match=r"endless\.dcm"):
        load_only(tmp_path)


def test_stream_of_another_size_is_refused(tmp_path, slice_maker):
    ds = slice_maker(np.zeros((8, 8), np.uint8))
    ds.file_meta.TransferSyntaxUID = JPEGLSLossless
    ds.PixelData = encapsulate([bytes(imagecodecs.jpegls_encode(np.zeros((8, 9), np.uint8)))])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(tmp_path / "bad.dcm", enforce_file_format=True)
    with pytest.raises(MedsegError, match="9 × 8 pixels, and its header tells 8 × 8"):
        load_only(tmp_path)


@pytest.mark.parametrize(
    "encode",
    [
        imagecodecs.jpegls_encode,
        imagecodecs.ljpeg_encode,
        imagecodecs.jpeg8_encode,
        lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="J2K"),
        lambda pixels: imagecodecs.jpeg2k_encode(pixels, codecformat="JP2"),
    ],
)
def test_size_is_known_without_decoding(encode):
    stream = bytes(encode(np.zeros((70, 33), np.uint8)))
    assert size_of_codestream(stream) == (70, 33, 1)
    for end in range(0, len(stream), 3):
        assert size_of_codestream(stream[:end]) in (None, (70, 33, 1))


def test_promise_beyond_the_file_takes_no_memory(tmp_path, slice_maker):
    ds = slice_maker(np.zeros((8, 8), np.uint16))
    ds.file_meta.TransferSyntaxUID = JPEGLSLossless
    ds.Rows = ds.Columns = 65535
    ds.PixelData = encapsulate([bytes(100)])
    ds["PixelData"].is_undefined_length = True
    ds.save_as(tmp_path / "bomb.dcm", enforce_file_format=True)
    with pytest.raises(MedsegError, match=r"bomb\.dcm promises more pixels"):
        load_only(tmp_path)
