"""DICOM in one run against peers: listing a folder, and loading a series. Prints seconds and ratios.

Usage: python benchmarks/dicom.py [--slices 400] [--size 512] [--repeats 3] [--syntaxes raw,rle,jpegls,jpeg2000]

Synthetic CT with noise of 15 HU, written to a temporary folder; the page cache is hot. Every result is checked to be
equal before it is timed. Ratios are peer ÷ ours: above 1, ours is faster. Of pydicom's plugins the fastest is taken;
the memory of a load is measured in a child of its own.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels import get_decoder, pixel_array
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from napari_medseg.io.dicom import find_dicom_series

if TYPE_CHECKING:
    from collections.abc import Callable

_OVER_OTHERS = {"SimpleITK series reader": 6.0, "bytes into a new array": 1 / 2.5}
_OVER_PYDICOM = {"jpegls": 3.0, "rle": 3.0, "jpeg2000": 2.0}
_MOST_MEMORY = 1.2
"""What issue 4 aims at: ratios over peers, and memory over that of the voxels."""

SYNTAXES = {
    "raw": ExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpegls": JPEGLSLossless,
    "jpeg2000": JPEG2000Lossless,
}


def make_template(n_rows: int, series_uid: str) -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = CTImageStorage
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = "1.2.3", series_uid, "1.2.4"
    ds.StudyDate, ds.StudyTime, ds.AccessionNumber, ds.ReferringPhysicianName = "20260302", "120000", "1", ""
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = "Bench^Mark", "1", "", ""
    ds.Manufacturer, ds.ManufacturerModelName, ds.SoftwareVersions = "None", "Synthetic", "1.0"
    ds.ImageType, ds.Modality = ["ORIGINAL", "PRIMARY", "AXIAL"], "CT"
    ds.SeriesDescription, ds.SeriesNumber, ds.StudyID = "Thorax 1.0", 2, "1"
    ds.KVP, ds.XRayTubeCurrent, ds.ExposureTime, ds.SliceThickness = "120", "200", "500", "1"
    ds.AcquisitionDate, ds.AcquisitionTime, ds.AcquisitionNumber = "20260302", "120001", 1
    ds.ImageOrientationPatient, ds.PixelSpacing = [1, 0, 0, 0, 1, 0], [0.7, 0.7]
    ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1024, "HU"
    ds.WindowCenter, ds.WindowWidth = 40, 400
    ds.Rows = ds.Columns = n_rows
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PixelRepresentation = 1, "MONOCHROME2", 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    return ds


def encode(pixels: np.ndarray, name: str, ds: Dataset) -> None:
    ds.file_meta.TransferSyntaxUID = SYNTAXES[name]
    if name == "raw":
        ds.PixelData = pixels.tobytes()
    elif name == "rle":
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.PixelData = pixels.tobytes()
        ds.compress(RLELossless, encoding_plugin="pylibjpeg", generate_instance_uid=False)
    else:
        stream = (
            imagecodecs.jpegls_encode(pixels)
            if name == "jpegls"
            else imagecodecs.jpeg2k_encode(pixels, level=0, reversible=True, codecformat="J2K")
        )
        ds.PixelData = encapsulate([bytes(stream)])
        ds["PixelData"].is_undefined_length = True


def write_series(folder: Path, n_slices: int, n_rows: int, name: str = "raw", number: int = 0) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(number)
    y, x = np.mgrid[:n_rows, :n_rows] / n_rows - 0.5
    body = np.where(x**2 + y**2 < 0.16, 1064, 24)
    for n in range(n_slices):
        ds = make_template(n_rows, f"1.2.3.{number}")
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.InstanceNumber, ds.ImagePositionPatient = n + 1, [-180, -180, float(n)]
        noisy = np.clip(body + rng.normal(0, 15, body.shape), 0, 4095)
        encode(noisy.astype(np.uint16), name, ds)
        ds.save_as(folder / f"IM{n:05d}", enforce_file_format=True)


def median_seconds(work: Callable[[], Any], repeats: int) -> float:
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def show(title: str, ours: float, peers: dict[str, float], targets: dict[str, float] | None = None) -> None:
    print(f"\n{title}\n  {'napari-medseg':<34}{ours:8.3f} s")
    for name, seconds in peers.items():
        print(f"  {name:<34}{seconds:8.3f} s   {seconds / ours:6.1f} ×{verdict(seconds / ours, targets, name)}")


def verdict(ratio: float, targets: dict[str, float] | None, name: str) -> str:
    """Return how a ratio stands to what is aimed at; empty where there is no aim."""
    wanted = (targets or {}).get(name)
    if wanted is None:
        return ""
    return f"   (aim {wanted:g} ×: {'held' if ratio >= wanted else 'MISSED'})"


def read_pydicom(folder: Path, plugin: str = "") -> np.ndarray:
    files = sorted((pydicom.dcmread(path) for path in folder.iterdir()), key=lambda ds: ds.ImagePositionPatient[2])
    first = files[0]
    frames = [pixel_array(ds, decoding_plugin=plugin) for ds in files]
    return np.stack(frames).astype(np.int16) + np.int16(first.RescaleIntercept)


def best_of_pydicom(folder: Path, name: str) -> tuple[str, float]:
    """Return the fastest of pydicom's plugins for a transfer syntax, and its seconds."""
    plugins = [""] if name == "raw" else list(get_decoder(SYNTAXES[name]).available_plugins)
    timed = {plugin: median_seconds(lambda plugin=plugin: read_pydicom(folder, plugin), 1) for plugin in plugins}
    best = min(timed, key=lambda plugin: timed[plugin])
    return best, timed[best]


def read_sitk(folder: Path) -> np.ndarray:
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    return sitk.GetArrayFromImage(reader.Execute())


def read_bytes(folder: Path) -> bytearray:
    """Copy all pixel bytes into one new array: the limit."""
    paths = sorted(folder.iterdir())
    memory = bytearray(sum(path.stat().st_size for path in paths))
    view, at = memoryview(memory), 0
    for path in paths:
        with path.open("rb", buffering=0) as file:
            at += file.readinto(view[at:]) or 0
    return memory


def scan_pydicom(folder: Path) -> list[Any]:
    return [pydicom.dcmread(path, stop_before_pixels=True).SeriesInstanceUID for path in folder.glob("*/*")]


def scan_sitk(folder: Path) -> list[int]:
    reader = sitk.ImageSeriesReader()
    return [
        len(reader.GetGDCMSeriesFileNames(str(sub), uid))
        for sub in folder.iterdir()
        for uid in reader.GetGDCMSeriesIDs(str(sub))
    ]


def seconds_to_first_slice(folder: Path) -> float:
    """Return the time from listed headers to the middle slice in memory, the rest being empty."""
    ((series,), _) = find_dicom_series(folder)
    took: list[float] = []
    start = time.perf_counter()
    series.load(on_preview=lambda volume, k: took.append(time.perf_counter() - start))
    return took[0]


def bench_scan(folder: Path, repeats: int) -> None:
    for number in range(5):
        write_series(folder / f"s{number}", 400, 32, number=number)
    series, _ = find_dicom_series(folder)
    assert [one.n_images for one in series] == [400] * 5
    show(
        "List 2,000 files of five series",
        median_seconds(lambda: find_dicom_series(folder), repeats),
        {
            "pydicom, headers only": median_seconds(lambda: scan_pydicom(folder), repeats),
            "SimpleITK, series identifiers": median_seconds(lambda: scan_sitk(folder), 1),
        },
        {"pydicom, headers only": 5},
    )


def bench_load(folder: Path, name: str, n_slices: int, n_rows: int, repeats: int) -> None:
    write_series(folder, n_slices, n_rows, name)
    ((series,), _) = find_dicom_series(folder)
    ours = series.load().array.T
    assert np.array_equal(ours, read_pydicom(folder))
    assert np.array_equal(ours, read_sitk(folder))
    del ours
    peers = {"bytes into a new array": median_seconds(lambda: read_bytes(folder), repeats)} if name == "raw" else {}
    plugin, seconds = best_of_pydicom(folder, name)
    best = f"pydicom, {plugin or 'slice by slice'}"
    peers[best] = seconds
    peers["SimpleITK series reader"] = median_seconds(lambda: read_sitk(folder), repeats)
    with_scan = median_seconds(lambda: find_dicom_series(folder)[0][0].load(), repeats)
    title = f"Load {n_slices} slices of {n_rows} × {n_rows}, {name} (listing included: {with_scan:.3f} s)"
    targets = {best: _OVER_PYDICOM[name]} if name in _OVER_PYDICOM else dict(_OVER_OTHERS)
    show(title, median_seconds(series.load, repeats), peers, targets)
    print(f"  first slice in memory after {seconds_to_first_slice(folder):.3f} s")
    show_memory(folder, series.n_bytes)


def show_memory(folder: Path, n_bytes: int) -> None:
    """Measure a load in a child of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        needed = pool.apply(measure_memory, (folder,))
    ratio = needed / n_bytes
    held = "held" if ratio <= _MOST_MEMORY else "MISSED"
    sizes = f"{needed / 2**20:.0f} MiB for {n_bytes / 2**20:.0f} MiB"
    print(f"  memory: {sizes}, {ratio:.2f} × (aim {_MOST_MEMORY} ×: {held})")


def measure_memory(folder: Path) -> int:
    """Return the peak of resident memory while a series is loaded, above that before (Linux)."""
    ((series,), _) = find_dicom_series(folder)
    ((first,), _) = find_dicom_series(min(folder.iterdir()))
    first.load()  # what is imported only now is no part of the load
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = _status("VmRSS")
    volume = series.load()
    assert volume.array.size
    return _status("VmHWM") - before


def _status(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--syntaxes", default="raw,rle,jpegls,jpeg2000")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        bench_scan(Path(place) / "scan", options.repeats)
        for name in options.syntaxes.split(","):
            bench_load(Path(place) / name, name, options.slices, options.size, options.repeats)


if __name__ == "__main__":
    main()
