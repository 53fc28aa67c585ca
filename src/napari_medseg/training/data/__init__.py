"""Labelled data as they lie on disk: described, listed, checked, divided by patient, read. Only folds bring torch.

description = parse_description({"kind": "masks", "classes": ["right lung", "left lung"], …})
cases = read_cases(description, folder)
check_cases(cases).require()
image = read_image(cases.cases[0].image); target = read_labels(cases.cases[0], image)
"""

from __future__ import annotations

from napari_medseg.core.boxes import mask_bounds
from napari_medseg.training.data.case import (
    CaseError,
    CaseSet,
    Fault,
    FaultKind,
    LabelledBox,
    LabelledCase,
    MaskFile,
)
from napari_medseg.training.data.checks import CheckReport, check_cases
from napari_medseg.training.data.description import (
    BoxTable,
    CaseTable,
    CocoFile,
    DataDescription,
    MaskFolders,
    RsnaTable,
    parse_description,
)
from napari_medseg.training.data.outlines import Outline, Polygons
from napari_medseg.training.data.patients import folds_by_patient
from napari_medseg.training.data.pixels import ImagePixels, read_image, read_mask
from napari_medseg.training.data.readers import read_cases
from napari_medseg.training.data.targets import Instances, read_instances, read_labels

__all__ = [
    "BoxTable",
    "CaseError",
    "CaseSet",
    "CaseTable",
    "CheckReport",
    "CocoFile",
    "DataDescription",
    "Fault",
    "FaultKind",
    "ImagePixels",
    "Instances",
    "LabelledBox",
    "LabelledCase",
    "MaskFile",
    "MaskFolders",
    "Outline",
    "Polygons",
    "RsnaTable",
    "check_cases",
    "folds_by_patient",
    "mask_bounds",
    "parse_description",
    "read_cases",
    "read_image",
    "read_instances",
    "read_labels",
    "read_mask",
]
