"""Writing labels as DICOM SEG, against highdicom's plain call in the same run. Prints seconds and ratios.

Seconds of the clock, fsync of ours included, and of the processor, which a busy machine distorts less.

Usage: python benchmarks/dicom_seg.py [--slices 400] [--size 512] [--segments 5]

Synthetic CT in a temporary folder, page cache hot; balls of different sizes as segments. Both read the headers of the
images from their files, as they must; highdicom's part without that is told apart. The voxels of both are compared.
The ratio is highdicom ÷ ours: above 1, ours is faster.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
from dicom import make_template
from pydicom.sr.coding import Code
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

import napari_medseg as ms
from napari_medseg.io.dicom.seg import write_dicom_seg

TISSUE = Code("85756007", "SCT", "Tissue")


def write_scan(folder: Path, n_slices: int, size: int) -> None:
    ds = make_template(size, "1.2.5")
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.PixelData = bytes(2 * size * size)
    for n in range(n_slices):
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        ds.InstanceNumber, ds.ImagePositionPatient = n + 1, [0, 0, n]
        ds.save_as(folder / f"{n:05}.dcm", enforce_file_format=True)


def make_labels(shape: tuple[int, int, int], n_segments: int) -> np.ndarray:
    """Return balls along the diagonal that fill most slices between them."""
    labels = np.zeros(shape[::-1], np.uint8).transpose(2, 1, 0)
    grid = np.ogrid[tuple(slice(n) for n in shape)]
    for n in range(n_segments):
        centre = [length * (n + 1) / (n_segments + 1) for length in shape]
        radius = [0.9 * length / 2 / (1 + n % 3) for length in shape]
        ball = sum(((g - c) / r) ** 2 for g, c, r in zip(grid, centre, radius, strict=True)) < 1
        labels[ball] = n + 1
    return labels


class Watch:
    """Seconds since it was made, of the clock and of the processor."""

    def __init__(self) -> None:
        self._start = (time.perf_counter(), time.process_time())

    def read(self) -> tuple[float, float]:
        """Return both."""
        return time.perf_counter() - self._start[0], time.process_time() - self._start[1]


def by_highdicom(headers: list[pydicom.Dataset], planes: np.ndarray, n_segments: int, path: Path) -> None:
    segments = [hd.seg.SegmentDescription(n, f"Part {n}", TISSUE, TISSUE, "MANUAL") for n in range(1, n_segments + 1)]
    hd.seg.Segmentation(
        source_images=headers,
        pixel_array=planes,
        segmentation_type="BINARY",
        segment_descriptions=segments,
        series_instance_uid=hd.UID(),
        series_number=7,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="None",
        manufacturer_model_name="Benchmark",
        software_versions="1",
        device_serial_number="1",
    ).save_as(path)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--slices", type=int, default=400)
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--segments", type=int, default=5)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "ct").mkdir()
        write_scan(folder / "ct", told.slices, told.size)
        scan = ms.read_volume(folder / "ct")
        labels = make_labels(scan.spatial_shape, told.segments)
        made = ms.Segmentation.from_array(labels, scan)
        small = ms.read_volume(scan.source.files[0])  # type: ignore[union-attr]
        one = np.ones(small.spatial_shape, np.uint8)
        write_dicom_seg(ms.Segmentation.from_array(one, small), folder / "warm.dcm")  # highdicom loads its tables
        watch = Watch()
        write_dicom_seg(made, folder / "ours.dcm")
        ours = watch.read()
        watch = Watch()
        write_dicom_seg(made, folder / "map.dcm", storage="LABELMAP")
        label_map = watch.read()
        watch = Watch()
        headers = [pydicom.dcmread(file, stop_before_pixels=True) for file in scan.source.files]  # type: ignore[union-attr]
        reading_headers = watch.read()
        watch = Watch()
        by_highdicom(headers, np.ascontiguousarray(labels.T), told.segments, folder / "theirs.dcm")
        alone = watch.read()
        watch = Watch()
        back = ms.read_segmentation(folder / "ours.dcm", volume=scan)
        reading = watch.read()
        assert np.array_equal(back.array, labels)
        assert np.array_equal(ms.read_segmentation(folder / "theirs.dcm", volume=scan).array, labels)
        assert np.array_equal(ms.read_segmentation(folder / "map.dcm", volume=scan).array, labels)
        n_frames = pydicom.dcmread(folder / "ours.dcm", stop_before_pixels=True).NumberOfFrames
        print(f"{told.slices} slices of {told.size}², {told.segments} segments, {n_frames} frames")
        theirs = (alone[0] + reading_headers[0], alone[1] + reading_headers[1])
        for title, took in (("ours, BINARY", ours), ("ours, LABELMAP", label_map), ("ours, reading", reading)):
            print(f"{title:<28}{took[0]:7.2f} s, processor {took[1]:6.2f} s")
        for title, took in (("highdicom", theirs), ("highdicom, headers given", alone)):
            ratios = f"ratio {took[0] / ours[0]:5.1f} and {took[1] / ours[1]:5.1f}"
            print(f"{title:<28}{took[0]:7.2f} s, processor {took[1]:6.2f} s   {ratios}")


if __name__ == "__main__":
    main()
