"""PNG, JPEG and TIFF as volumes of one slice, against Pillow, imagecodecs and tifffile."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageOps

import napari_medseg as ms
from napari_medseg.core.progress import Cancelled, CancelToken
from napari_medseg.io.raster_files import is_raster

tifffile = pytest.importorskip("tifffile")

ROWS, COLUMNS = 12, 20
UNKNOWN = "The file does not tell the pixel spacing: lengths are in pixels."


@pytest.fixture
def grey8() -> Any:
    return np.random.default_rng(1).integers(0, 256, (ROWS, COLUMNS), dtype=np.uint8)


@pytest.fixture
def grey16() -> Any:
    return np.random.default_rng(2).integers(0, 65536, (ROWS, COLUMNS), dtype=np.uint16)


@pytest.fixture
def colours() -> Any:
    return np.random.default_rng(3).integers(0, 256, (ROWS, COLUMNS, 3), dtype=np.uint8)


def picture_of(volume: ms.Volume) -> Any:
    """The array of a volume as (rows, columns[, n])."""
    return volume.array[:, :, 0].swapaxes(0, 1)


def test_a_picture_is_a_volume_of_one_slice_with_row_0_on_top(tmp_path: Path, grey8: Any) -> None:
    Image.fromarray(grey8).save(tmp_path / "a.png", dpi=(300, 300))
    volume = ms.read_volume(tmp_path / "a.png")
    assert (volume.spatial_shape, volume.array.dtype, volume.fourth_axis) == ((COLUMNS, ROWS, 1), np.uint8, None)
    np.testing.assert_array_equal(picture_of(volume), grey8)
    assert volume.array.flags.writeable and volume.name == "a" and volume.modality == ""
    # i leads to the patient's left (right on screen), j down the screen: as a DICOM radiograph without position.
    np.testing.assert_array_equal(volume.geometry.affine, np.diag([-1.0, -1, 1, 1]))


def test_the_spacing_of_a_picture_is_said_to_be_unknown(tmp_path: Path, grey8: Any) -> None:
    Image.fromarray(grey8).save(tmp_path / "a.tif", dpi=(254, 254))  # 0.1 mm on paper
    (series,) = ms.open_study(tmp_path / "a.tif").series
    volume = series.load()
    assert series.spacing_mm is None and series.orientation == "" and series.notes == (UNKNOWN,)
    assert not volume.spacing_known and volume.notes == (UNKNOWN,)
    segmentation = ms.Segmentation.from_array(volume.array > 100, volume)
    assert not segmentation.spacing_known


def test_a_picture_has_the_geometry_of_a_radiograph_without_position(tmp_path: Path, grey8: Any) -> None:
    import pydicom
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian, generate_uid

    data = pydicom.Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = DigitalXRayImageStorageForPresentation
    data.SOPInstanceUID, data.SeriesInstanceUID, data.StudyInstanceUID = (generate_uid() for _ in range(3))
    data.Modality, data.SamplesPerPixel, data.PhotometricInterpretation = "DX", 1, "MONOCHROME2"
    data.Rows, data.Columns, data.BitsAllocated, data.BitsStored, data.HighBit = ROWS, COLUMNS, 8, 8, 7
    data.PixelRepresentation, data.PixelData = 0, grey8.tobytes()
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    Image.fromarray(grey8).save(tmp_path / "a.png")
    radiograph, picture = ms.read_volume(tmp_path / "a.dcm"), ms.read_volume(tmp_path / "a.png")
    assert picture.geometry == radiograph.geometry
    assert not radiograph.spacing_known and radiograph.source is not None and not radiograph.source.spacing_known
    np.testing.assert_array_equal(picture.array, radiograph.array)


def test_sixteen_bits_are_kept(tmp_path: Path, grey16: Any) -> None:
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(grey16))
    volume = ms.read_volume(tmp_path / "a.png")
    assert volume.array.dtype == np.uint16
    np.testing.assert_array_equal(picture_of(volume), grey16)
    assert ms.open_study(tmp_path / "a.png").series[0].n_bytes == grey16.nbytes == volume.nbytes


@pytest.mark.parametrize(
    ("dtype", "options"),
    [
        ("u1", {}),
        ("u2", {}),
        ("u2", {"byteorder": ">"}),
        ("u2", {"compression": "zlib", "predictor": True}),
        ("u2", {"compression": "lzw"}),
        ("u2", {"bigtiff": True}),
        ("i2", {}),
        ("i4", {}),
        ("u4", {}),
        ("f4", {}),
    ],
)
def test_grey_tiffs(tmp_path: Path, dtype: str, options: dict[str, Any]) -> None:
    low, high = (-1000, 1000) if dtype == "f4" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    image = np.random.default_rng(4).uniform(low, high, (ROWS, COLUMNS)).astype(dtype)
    writer = {name: options.pop(name) for name in ("byteorder", "bigtiff") if name in options}
    with tifffile.TiffWriter(tmp_path / "a.tif", **writer) as file:
        file.write(image, **options)
    volume = ms.read_volume(tmp_path / "a.tif")
    assert volume.array.dtype.isnative and volume.array.dtype.kind == dtype[0] and not volume.inverted
    np.testing.assert_array_equal(picture_of(volume), image)


def test_white_is_zero(tmp_path: Path, grey8: Any, grey16: Any) -> None:
    tifffile.imwrite(tmp_path / "a8.tif", grey8, photometric="miniswhite")
    tifffile.imwrite(tmp_path / "a16.tif", grey16, photometric="miniswhite")
    shallow, deep = ms.read_volume(tmp_path / "a8.tif"), ms.read_volume(tmp_path / "a16.tif")
    np.testing.assert_array_equal(picture_of(shallow), 255 - grey8)
    np.testing.assert_array_equal(picture_of(deep), grey16)
    assert (shallow.inverted, deep.inverted) == (False, True)


def test_jpeg_is_what_pillow_decodes(tmp_path: Path, grey8: Any) -> None:
    Image.fromarray(grey8).save(tmp_path / "a.jpeg", quality=80)
    volume = ms.read_volume(tmp_path / "a.jpeg")
    np.testing.assert_array_equal(picture_of(volume), np.asarray(Image.open(tmp_path / "a.jpeg")))
    np.testing.assert_array_equal(picture_of(volume), imagecodecs.jpeg8_decode((tmp_path / "a.jpeg").read_bytes()))


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_colours_are_kept(tmp_path: Path, name: str, colours: Any) -> None:
    Image.fromarray(colours).save(tmp_path / name)
    volume = ms.read_volume(tmp_path / name)
    assert (volume.fourth_axis, volume.array.shape) == ("rgb", (COLUMNS, ROWS, 1, 3))
    np.testing.assert_array_equal(picture_of(volume), colours)
    assert ms.open_study(tmp_path / name).series[0].fourth_axis == "rgb"


def test_deep_colours_are_told_to_lose_bits(tmp_path: Path, colours: Any) -> None:
    deep = colours.astype(np.uint16) * 257
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(deep))
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="rgb")
    for name in ("a.png", "a.tif"):
        volume = ms.read_volume(tmp_path / name)
        np.testing.assert_array_equal(picture_of(volume), colours)
        assert volume.notes[1] == "Colours of 16 bits are read as 8 bits."
    tifffile.imwrite(tmp_path / "planes.tif", deep.transpose(2, 0, 1), photometric="rgb", planarconfig="separate")
    with pytest.raises(ms.MedsegError, match="keeps its colours apart"):
        ms.read_volume(tmp_path / "planes.tif")


def test_grey_in_three_channels_is_grey(tmp_path: Path, grey8: Any) -> None:
    Image.fromarray(np.dstack([grey8] * 3)).save(tmp_path / "rgb.png")
    Image.fromarray(np.dstack([grey8] * 3 + [np.full_like(grey8, 255)])).save(tmp_path / "rgba.png")
    Image.fromarray(np.dstack([grey8, np.full_like(grey8, 9)]), mode="LA").save(tmp_path / "la.png")
    palette = Image.fromarray(grey8)
    palette = palette.convert("P")
    palette.putpalette([value for value in range(256) for _ in range(3)])
    palette.save(tmp_path / "palette.png")
    Image.fromarray(np.dstack([grey8] * 3)).save(tmp_path / "rgb.jpg", quality=95)
    for name in ("rgb.png", "rgba.png", "la.png", "palette.png"):
        volume = ms.read_volume(tmp_path / name)
        assert volume.fourth_axis is None, name
        np.testing.assert_array_equal(picture_of(volume), grey8)
    assert ms.read_volume(tmp_path / "rgb.jpg").fourth_axis is None
    see_through = np.dstack([grey8] * 4)
    Image.fromarray(see_through).save(tmp_path / "see_through.png")
    np.testing.assert_array_equal(picture_of(ms.read_volume(tmp_path / "see_through.png")), see_through)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ["a.jpg", "a.tif"])
def test_exif_orientation_is_followed_and_told(tmp_path: Path, name: str, orientation: int) -> None:
    ramp = (np.arange(48)[:, None] * 2 + np.arange(32)[None] * 4).astype(np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(ramp).save(tmp_path / name, exif=exif)
    # From a stream: Pillow 13.0 garbles plain TIFF files that it maps by name.
    expected = np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO((tmp_path / name).read_bytes()))))
    assert (expected.shape == ramp.shape) == (orientation < 5)
    if name == "a.tif":
        turned = {5: ramp.T, 6: np.rot90(ramp, -1), 7: np.rot90(ramp.T, 2), 8: np.rot90(ramp)}
        np.testing.assert_array_equal(expected, turned.get(orientation, expected))
    (series,) = ms.open_study(tmp_path / name).series
    volume = series.load()
    np.testing.assert_array_equal(picture_of(volume), expected)
    assert series.shape == volume.spatial_shape
    assert (len(volume.notes) == 2) == (orientation > 1)
    thumbnail = series.thumbnail(24)
    assert thumbnail is not None and thumbnail.shape == ((24, 16) if orientation < 5 else (16, 24))


def test_the_first_page_is_read_and_the_others_are_told(tmp_path: Path, grey8: Any) -> None:
    Image.fromarray(grey8).save(tmp_path / "a.tif", save_all=True, append_images=[Image.fromarray(255 - grey8)])
    volume = ms.read_volume(tmp_path / "a.tif")
    np.testing.assert_array_equal(picture_of(volume), grey8)
    assert volume.notes[1] == "Only the first of several pages is read."


def test_a_folder_of_pictures_is_a_work_list(tmp_path: Path, grey8: Any) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.png", "a.JPG", "deep/c.tiff"):
        Image.fromarray(grey8).save(tmp_path / name)
    (tmp_path / "labels.csv").write_text("image,label\n")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    (tmp_path / "text.jpg").write_text("no picture")
    study = ms.open_study(tmp_path)
    assert [s.path.relative_to(tmp_path).as_posix() for s in study.series] == ["a.JPG", "b.png", "deep/c.tiff"]
    first = study.series[0]
    assert (first.description, first.shape, first.kind) == ("a", (COLUMNS, ROWS, 1), "image")
    assert len({s.uid for s in study.series}) == 3
    assert [problem.split(" ")[0] for problem in study.problems] == ["broken.png", "text.jpg"]
    assert all(s.thumbnail(10) is not None for s in study.series)


def test_pictures_beside_a_scan_are_listed_and_do_not_hide_it(tmp_path: Path, scan: Path, grey8: Any) -> None:
    Image.fromarray(grey8).save(scan.parent / "screenshot.png")
    assert [s.path.name for s in ms.open_study(scan.parent).series] == ["scan.nii.gz", "screenshot.png"]
    assert ms.read_volume(scan.parent).name == "scan"


def test_labels_of_a_picture_are_saved_on_its_grid_and_not_over_it(tmp_path: Path, grey8: Any) -> None:
    Image.fromarray(grey8).save(tmp_path / "a.png")
    volume = ms.read_volume(tmp_path / "a.png")
    segmentation = ms.Segmentation.from_array(volume.array > 100, volume)
    again = ms.read_segmentation(ms.write_segmentation(segmentation, tmp_path / "a.nii.gz"))
    np.testing.assert_array_equal(again.array, segmentation.array)
    assert again.geometry.matches(volume.geometry)
    assert not again.spacing_known and "lengths are in voxels" in again.notes[0]
    once_more = ms.read_segmentation(ms.write_segmentation(again, tmp_path / "b.nii"))
    assert not once_more.spacing_known
    with pytest.raises(ms.MedsegError):
        ms.write_segmentation(segmentation, tmp_path / "a.png")
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / "a.png")), grey8)


def test_a_picture_saved_as_nifti_still_has_no_spacing(tmp_path: Path, grey16: Any) -> None:
    import nibabel as nib

    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(grey16))
    volume = ms.read_volume(tmp_path / "a.png")
    path = ms.write_volume(volume, tmp_path / "a.nii.gz")
    again = ms.read_volume(path)
    np.testing.assert_array_equal(again.array, volume.array)
    assert not again.spacing_known and ms.open_study(path).series[0].spacing_mm is None
    header = nib.load(path).header
    assert header.get_xyzt_units()[0] == "unknown"
    np.testing.assert_array_equal(np.asarray(nib.load(path).dataobj).squeeze().T, grey16)


@pytest.mark.parametrize("keep", [30, 60, 200])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_files_that_are_cut_short_are_named(tmp_path: Path, grey8: Any, suffix: str, keep: int) -> None:
    Image.fromarray(grey8).save(tmp_path / f"whole{suffix}")
    raw = (tmp_path / f"whole{suffix}").read_bytes()
    (tmp_path / f"part{suffix}").write_bytes(raw[: min(keep, len(raw) - 40)])
    with pytest.raises(ms.MedsegError, match=f"part\\{suffix}") as caught:
        ms.read_volume(tmp_path / f"part{suffix}")
    assert caught.value.hint


def test_any_changed_byte_is_read_or_named(tmp_path: Path, grey8: Any) -> None:
    rng = np.random.default_rng(5)
    for suffix in (".png", ".jpg", ".tif"):
        Image.fromarray(grey8[:6, :7]).save(tmp_path / f"whole{suffix}")
        raw = (tmp_path / f"whole{suffix}").read_bytes()
        for _ in range(150):
            edited = bytearray(raw)
            edited[rng.integers(8, min(len(raw), 300))] = rng.integers(256)
            (tmp_path / f"a{suffix}").write_bytes(edited)
            try:
                volume = ms.read_volume(tmp_path / f"a{suffix}")
                assert volume.array.ndim in (3, 4)
            except ms.MedsegError as error:
                assert f"a{suffix}" in error.message


def test_a_header_that_promises_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def png(columns: int, rows: int) -> bytes:
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", columns, rows, 16, 0, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 99)) + chunk(b"IEND", b"")

    (tmp_path / "huge.png").write_bytes(png(60000, 60000))
    with pytest.raises(ms.MedsegError, match=r"huge\.png promises more pixels"):
        ms.open_study(tmp_path / "huge.png")
    (tmp_path / "large.png").write_bytes(png(8000, 8000))
    monkeypatch.setattr("napari_medseg.io.memory.available_bytes", lambda: 100_000_000)
    with pytest.raises(ms.MedsegError, match=r"large\.png needs 0\.1 GB of memory"):
        ms.read_volume(tmp_path / "large.png")


def test_reading_can_be_cancelled_and_reports(tmp_path: Path, grey8: Any) -> None:
    Image.fromarray(grey8).save(tmp_path / "a.png")
    (series,) = ms.open_study(tmp_path / "a.png").series
    seen: list[tuple[int, int, str]] = []
    series.load(lambda *step: seen.append(step))
    assert seen == [(0, 1, "Reading image"), (1, 1, "Reading image")]
    cancel = CancelToken()
    cancel.cancel()
    with pytest.raises(Cancelled):
        series.load(cancel=cancel)


def test_a_file_that_went_away_is_named(tmp_path: Path, grey8: Any) -> None:
    Image.fromarray(grey8).save(tmp_path / "a.png")
    (series,) = ms.open_study(tmp_path / "a.png").series
    (tmp_path / "a.png").unlink()
    with pytest.raises(ms.MedsegError, match=r"a\.png is no longer"):
        series.load()
    assert series.thumbnail() is None


def test_pictures_are_told_by_name_and_first_bytes(tmp_path: Path, grey8: Any) -> None:
    for name in ("a.png", "a.jpg", "a.tif"):
        Image.fromarray(grey8).save(tmp_path / name)
        assert is_raster(tmp_path / name)
    (tmp_path / "a.dat").write_bytes((tmp_path / "a.png").read_bytes())
    (tmp_path / "text.png").write_text("text")
    assert not any(is_raster(tmp_path / name) for name in ("a.dat", "text.png", "missing.png"))


def test_thumbnails_are_upright_and_grey(tmp_path: Path) -> None:
    bright_on_top = np.zeros((100, 50), np.uint16)
    bright_on_top[:30] = 40000
    tifffile.imwrite(tmp_path / "a.tif", bright_on_top)
    tifffile.imwrite(tmp_path / "b.tif", bright_on_top, photometric="miniswhite")
    normal, inverted = (ms.open_study(tmp_path / name).series[0].thumbnail(40) for name in ("a.tif", "b.tif"))
    assert normal is not None and inverted is not None
    assert normal.shape == (40, 20) and normal[0, 0] > normal[-1, 0]
    assert inverted[0, 0] < inverted[-1, 0]


def test_opening_pictures_imports_nothing_heavy(tmp_path: Path, grey8: Any) -> None:
    Image.fromarray(grey8).save(tmp_path / "a.png")
    program = (
        "import sys, napari_medseg as ms\n"
        f"ms.open_study({str(tmp_path)!r}).series[0].load()\n"
        "heavy = {'torch', 'monai', 'napari', 'qtpy', 'scipy', 'nibabel', 'pydicom', 'highdicom', 'imagecodecs'}\n"
        "sys.exit(' '.join(sorted(heavy & set(sys.modules))) or 0)\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.data
def test_shared_radiographs(shared_data: Path) -> None:
    study = ms.open_study(shared_data / "cxr_lungs" / "images")
    assert len(study.series) == 97 and not study.problems
    volume = study.series[0].load()
    assert volume.array.dtype == np.uint8 and volume.spatial_shape == study.series[0].shape
