"""The readers: ours, dcm2niix, SimpleITK, and highdicom or pydicom where neither of these reads as we do."""

from __future__ import annotations

import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import highdicom
import nibabel
import numpy as np
import pydicom
import SimpleITK as sitk  # noqa: N813

from conformance.values import Reading, Unread
from napari_medseg import MedsegError
from napari_medseg.core.options import LoadOptions
from napari_medseg.io.dicom import find_dicom_series

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
_LONGEST_S = 120


def read_ours(folder: Path, stored: bool = False) -> tuple[list[Reading], list[str]]:
    """Return what we read, and a description of each volume."""
    series, problems = find_dicom_series(folder)
    readings, told = [], []
    for one in series:
        if one.kind != "image":
            continue
        try:
            volume = one.load(options=LoadOptions(grid="stored" if stored else "auto"))
        except MedsegError as error:
            problems.append(error.message)
            continue
        readings.append(Reading(volume.array, volume.geometry.affine if one.orientation else None))
        told.append(_describe(one, volume))
    if not readings:
        raise Unread(problems[0] if problems else "holds no image")
    return readings, told


def _describe(series: Any, volume: Any) -> str:
    shape = "×".join(map(str, volume.array.shape))
    unit = f" {volume.units}" if volume.units else ""
    if series.spacing_mm is None:
        return f"{shape} {volume.array.dtype}{unit}"
    spacing = "×".join(f"{length:.3g}" for length in series.spacing_mm)
    place = f", {series.orientation}" if series.orientation else ""
    return f"{shape} {volume.array.dtype}{unit}, {spacing} mm{place}"


def read_dcm2niix(folder: Path, scratch: Path) -> list[Reading]:
    """Return every NIfTI file that dcm2niix makes of a folder."""
    program = shutil.which("dcm2niix") or shutil.which("dcm2niix", path=str(Path(sys.executable).parent))
    if program is None:
        raise SystemExit("dcm2niix is missing: pip install dcm2niix")
    out = scratch / "nifti"
    out.mkdir()
    command = [program, "-z", "n", "-b", "n", "-f", "%s_%d", "-o", str(out), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=_LONGEST_S, check=False)
    readings = [_nifti(path) for path in sorted(out.glob("*.nii"))]
    if not readings:
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "rror" in line or "nsupported" in line]
        raise Unread(lines[0] if lines else "writes nothing")
    return readings


def _nifti(path: Path) -> Reading:
    image = nibabel.load(path)
    values = np.asarray(image.dataobj)
    if values.dtype.names:
        values = np.stack([values[name] for name in values.dtype.names], -1)
    if values.ndim == 2:
        values = values[..., None]
    return Reading(values, image.affine)


def read_simpleitk(folder: Path) -> list[Reading]:
    """Return what SimpleITK's readers give: the only file, or every series of a folder."""
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    try:
        if len(files) == 1:
            return [_itk(sitk.ReadImage(str(files[0])))]
        found = []
        for uid in sitk.ImageSeriesReader.GetGDCMSeriesIDs(str(folder)):
            reader = sitk.ImageSeriesReader()
            reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder), uid))
            found.append(_itk(reader.Execute()))
    except RuntimeError as error:
        raise Unread(str(error).strip().splitlines()[-1]) from None
    if not found:
        raise Unread("finds no series")
    return found


def _itk(image: Any) -> Reading:
    size = image.GetDimension()
    values = sitk.GetArrayFromImage(image)
    values = values.transpose(2, 1, 0, *range(3, values.ndim)) if size == 3 else values.T
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (size, size))[:3, :3] * image.GetSpacing()[:3]
    affine[:3, 3] = image.GetOrigin()[:3]
    return Reading(values, LPS_TO_RAS @ affine)


def read_by_python(folder: Path) -> tuple[str, list[Reading]]:
    """Return what highdicom makes of a folder, and if it makes nothing, the pixels that pydicom decodes of a file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return "highdicom", [_by_highdicom(files)]
        except Exception:  # whatever it lacks: pydicom is asked next
            pass
        if len(files) > 1:
            raise Unread("no volume")
        try:
            return "pydicom", [_by_pydicom(files[0])]
        except Exception as error:  # it has many, of its plugins
            raise Unread(type(error).__name__) from None


def _by_highdicom(files: list[Path]) -> Reading:
    if len(files) == 1:
        volume = highdicom.imread(files[0]).get_volume(apply_real_world_transform=False)
    else:
        volume = highdicom.get_volume_from_series([pydicom.dcmread(path) for path in files])
    return Reading(volume.array.transpose(2, 1, 0, *range(3, volume.array.ndim)), _flip_order(volume.affine))


def _flip_order(affine: Any) -> Any:
    turned = np.asarray(affine)[:, [2, 1, 0, 3]]
    return LPS_TO_RAS @ turned


def _by_pydicom(path: Path) -> Reading:
    ds = pydicom.dcmread(path)
    pixels = ds.pixel_array
    if int(ds.SamplesPerPixel) == 1:
        if ds.PhotometricInterpretation == "PALETTE COLOR":
            pixels = pydicom.pixels.apply_color_lut(pixels, ds)
        else:
            pixels = pydicom.pixels.apply_modality_lut(pixels, ds)
    is_film = int(ds.get("NumberOfFrames") or 1) > 1
    frames = pixels if is_film else pixels[None]
    return Reading(frames.transpose(2, 1, 0, *range(3, frames.ndim)), None)
