"""DICOM SEG: what every writer writes, as dciodvfy and every reader see it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import highdicom
import nibabel
import numpy as np
import pydicom

import napari_medseg as ms
from conformance.comparison import NEAR_MM
from conformance.rows import Row
from conformance.series_cases import ORIENTED, write_enhanced_ct, write_oriented
from conformance.values import Outcome, Unread
from dicom_writers.orientations import ORIENTATIONS
from dicom_writers.seg import plain_seg
from napari_medseg.io.dicom.seg import write_dicom_seg, write_fractional_seg

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKER, READERS = "dciodvfy", ("napari-medseg", "highdicom", "dcmqi")
_LONGEST_S = 120


@dataclass(frozen=True)
class SegCase:
    """A file to write and to read.

    Parameters
    ----------
    name : str
        Cases of one name share a row.
    write_scan : callable
        Puts the images into a folder.
    write : callable
        ``write(scan, labels, folder, path)`` writes the labels.
    """

    name: str
    write_scan: Callable[[Path], object]
    write: Callable[[ms.Volume, np.ndarray, Path, Path], object]


def seg_cases() -> Iterator[SegCase]:
    """Yield every kind of file by every writer, for classic, oblique and enhanced CT; and 48 orientations of ours."""
    scans = {
        "CT": partial(write_oriented, ORIENTATIONS[0], ORIENTED["straight"]),
        "oblique CT": partial(write_oriented, ORIENTATIONS[0], ORIENTED["oblique"]),
        "enhanced CT": partial(write_enhanced_ct, ORIENTATIONS[0], ORIENTED["straight"]),
    }
    writers: dict[str, Callable[..., object]] = {
        "ours, BINARY": partial(_by_us, "BINARY"),
        "ours, LABELMAP": partial(_by_us, "LABELMAP"),
        "ours, FRACTIONAL": _fractions_by_us,
        "highdicom's, BINARY": partial(_by_highdicom, "BINARY"),
        "highdicom's, LABELMAP": partial(_by_highdicom, "LABELMAP"),
        "dcmqi's, BINARY": _by_dcmqi,
    }
    for writer, write in writers.items():
        for scan, write_scan in scans.items():
            yield SegCase(f"{writer}, of {scan}", write_scan, write)
    for orientation in ORIENTATIONS:
        write_scan = partial(write_oriented, orientation, ORIENTED["oblique"])
        yield SegCase("ours, BINARY, 48 orientations, oblique", write_scan, partial(_by_us, "BINARY"))


def gather_seg_rows(on_case: Callable[[str], None]) -> list[Row]:
    """Write and read all cases."""
    rows: dict[str, Row] = {}
    for case in seg_cases():
        on_case(case.name)
        with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            rows.setdefault(case.name, Row(case.name)).add("", _outcomes(case, Path(place)))
    return list(rows.values())


def _outcomes(case: SegCase, scratch: Path) -> dict[str, Outcome]:
    folder, path = scratch / "scan", scratch / "labels.dcm"
    folder.mkdir()
    case.write_scan(folder)
    scan = ms.read_volume(folder)
    labels = np.random.default_rng(3).integers(0, 3, scan.array.shape).astype(np.uint8)
    labels[..., 1] = 0
    try:
        case.write(scan, labels, folder, path)
    except Unread as refusal:
        return {case.name.partition("'s,")[0]: Outcome("unread", f"cannot write it: {refusal}")}
    readers = {"napari-medseg": partial(_read_ours, scan), "highdicom": _read_highdicom, "dcmqi": _read_dcmqi}
    found = {name: _compare(scan, labels, read, path) for name, read in readers.items()}
    return {CHECKER: _check(path), **found}


def _compare(scan: ms.Volume, labels: np.ndarray, read: Callable[[Path], Any], path: Path) -> Outcome:
    try:
        array, affine = read(path)
    except Unread as refusal:
        return Outcome("unread", str(refusal))
    places = np.argwhere(array)
    points = places @ affine[:3, :3].T + affine[:3, 3]
    index = np.rint(scan.geometry.ras_to_ijk(points)).astype(int)
    far = np.abs(scan.geometry.ijk_to_ras(index) - points).max(initial=0)
    if far > NEAR_MM:
        return Outcome("place", f"{far:.3g} mm off")
    there = np.zeros_like(labels)
    there[tuple(index.T)] = array[tuple(places.T)]
    wrong = np.count_nonzero(there != labels)
    return Outcome("values", f"{wrong} voxels") if wrong else Outcome("equal")


def _check(path: Path) -> Outcome:
    program = shutil.which("dciodvfy")
    if program is None:
        return Outcome("unread", "dciodvfy is not installed")
    told = subprocess.run([program, str(path)], capture_output=True, text=True, errors="replace", check=False)
    errors = [line for line in (told.stdout + told.stderr).splitlines() if line.startswith("Error")]
    if not errors:
        return Outcome("equal", "no error")
    return Outcome("errors", "1 error" if len(errors) == 1 else f"{len(errors)} errors")


def _by_us(kind: Any, scan: ms.Volume, labels: np.ndarray, folder: Path, path: Path) -> None:
    named = [ms.Segment(1, "Liver"), ms.Segment(2, "Tumour")]
    write_dicom_seg(ms.Segmentation.from_array(labels, scan, named), path, storage=kind)


def _fractions_by_us(scan: ms.Volume, labels: np.ndarray, folder: Path, path: Path) -> None:
    fractions = np.stack([0.2 + 0.6 * (labels == 1), 0.2 + 0.6 * (labels == 2)], -1)
    fractions[labels == 0] = 0
    write_fractional_seg(fractions, scan, path, [ms.Segment(1, "Liver"), ms.Segment(2, "Tumour")])


def _by_highdicom(kind: str, scan: ms.Volume, labels: np.ndarray, folder: Path, path: Path) -> None:
    assert scan.source is not None
    headers = [pydicom.dcmread(file) for file in scan.source.files]
    plain_seg(headers, np.ascontiguousarray(labels.transpose(2, 1, 0)), kind=kind).save_as(path)


def _by_dcmqi(scan: ms.Volume, labels: np.ndarray, folder: Path, path: Path) -> None:
    tissue = {"CodeValue": "85756007", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Tissue"}
    segments = [
        {
            "labelID": label,
            "SegmentLabel": f"Part {label}",
            "SegmentDescription": f"Part {label}",
            "SegmentAlgorithmType": "MANUAL",
            "SegmentedPropertyCategoryCodeSequence": tissue,
            "SegmentedPropertyTypeCodeSequence": tissue,
        }
        for label in (1, 2)
    ]
    told = {"SeriesDescription": "Labels", "SeriesNumber": "7", "InstanceNumber": "1", "segmentAttributes": [segments]}
    (path.parent / "meta.json").write_text(json.dumps(told))
    nibabel.save(nibabel.Nifti1Image(labels.astype(np.int16), scan.geometry.affine), path.parent / "labels.nii.gz")
    inputs = ("--inputImageList", path.parent / "labels.nii.gz", "--inputDICOMDirectory", folder)
    _run("itkimage2segimage", *inputs, "--inputMetadata", path.parent / "meta.json", "--outputDICOM", path)


def _read_ours(scan: ms.Volume, path: Path) -> Any:
    read = ms.read_segmentation(path, volume=scan)
    return read.array, read.geometry.affine


def _read_highdicom(path: Path) -> Any:
    seg = highdicom.seg.segread(path)
    fractional = seg.SegmentationType == "FRACTIONAL"
    try:
        volume = seg.get_volume() if fractional else seg.get_volume(combine_segments=True)
    except (RuntimeError, ValueError) as error:
        raise Unread(str(error).splitlines()[0]) from None
    array = _largest(volume.array) if fractional else volume.array
    return array, np.diag([-1.0, -1.0, 1.0, 1.0]) @ volume.affine


def _largest(fractions: np.ndarray) -> np.ndarray:
    """Return the segment that has more than a half of each voxel."""
    return np.where(fractions.max(-1) > 0.5, fractions.argmax(-1) + 1, 0)


def _read_dcmqi(path: Path) -> Any:
    out = path.parent / "dcmqi"
    out.mkdir()
    _run("segimage2itkimage", "--inputDICOM", path, "--outputDirectory", out, "--outputType", "nifti", "--prefix", "s")
    images = [nibabel.load(file) for file in sorted(out.glob("*.nii.gz"))]
    if not images:
        raise Unread("writes nothing")
    arrays = np.stack([np.asarray(image.dataobj) for image in images], -1)
    if pydicom.dcmread(path, stop_before_pixels=True).SegmentationType == "FRACTIONAL":
        return _largest(arrays / 255), images[0].affine  # a file for each segment, fractions as stored
    return arrays.max(axis=-1), images[0].affine


def _run(name: str, *arguments: Any) -> None:
    program = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if program is None:
        raise Unread("not installed")
    command = [program, *map(str, arguments)]
    told = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_LONGEST_S)
    if told.returncode:
        lines = [line for line in (told.stdout + told.stderr).splitlines() if "rror" in line]
        raise Unread(lines[0] if lines else f"{name} failed")
