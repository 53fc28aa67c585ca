"""DICOM SEG between us and dcmqi's converters (`pip install dcmqi`), both ways."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

import napari_medseg as ms


def converter(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))
    if found is None:
        pytest.skip(f"{name} (dcmqi) is not installed")
    return found


def run(*command: Any) -> None:
    told = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout + told.stderr


@pytest.mark.parametrize("kind", ["BINARY", "LABELMAP"])
def test_dcmqi_reads_ours_and_we_read_its(scan: Any, labels: Any, folder: Path, tmp_path: Path, kind: Any) -> None:
    made = ms.Segmentation.from_array(labels, scan, [ms.Segment(1, "Liver"), ms.Segment(2, "Tumour")])
    path = ms.write_segmentation(made, tmp_path / "ours.dcm", dicom=kind)
    out = tmp_path / "out"
    out.mkdir()
    run(
        *(converter("segimage2itkimage"), "--inputDICOM", path, "--outputDirectory", out),
        *("--outputType", "nifti", "--prefix", "s"),
    )
    there = np.zeros_like(labels)
    for file in out.glob("*.nii.gz"):
        image = nibabel.load(file)
        found = np.asarray(image.dataobj)
        index = np.argwhere(found)
        places = index @ image.affine[:3, :3].T + image.affine[:3, 3]
        voxels = np.rint(scan.geometry.ras_to_ijk(places)).astype(int)
        np.testing.assert_allclose(scan.geometry.ijk_to_ras(voxels), places, atol=1e-4)
        there[tuple(voxels.T)] = found[found > 0]
    np.testing.assert_array_equal(there, labels)

    told = json.loads(next(out.glob("*.json")).read_text())
    attributes = [item for group in told["segmentAttributes"] for item in group]
    told["segmentAttributes"] = [[{**item, "labelID": n} for n, item in enumerate(attributes, start=1)]]
    (tmp_path / "meta.json").write_text(json.dumps(told))
    nibabel.save(nibabel.Nifti1Image(labels.astype(np.int16), scan.geometry.affine), tmp_path / "l.nii.gz")
    run(
        *(converter("itkimage2segimage"), "--inputImageList", tmp_path / "l.nii.gz", "--inputDICOMDirectory", folder),
        *("--inputMetadata", tmp_path / "meta.json", "--outputDICOM", tmp_path / "theirs.dcm"),
    )
    back = ms.read_segmentation(tmp_path / "theirs.dcm")
    np.testing.assert_array_equal(back.array, labels)
    assert back.geometry == scan.geometry and [s.name for s in back.segments] == ["Liver", "Tumour"]
