"""Measures of labelled volumes and of findings: size, agreement, detection, and how sure they are."""

from __future__ import annotations

from napari_medseg.measure.agreement import LabelAgreement, dice, iou, label_agreement
from napari_medseg.measure.boxes import ImageBoxes, box_overlaps
from napari_medseg.measure.coco import COCO_OVERLAPS, CocoPrecision, coco_precision
from napari_medseg.measure.froc import FROC_RATES, Froc, froc_curve
from napari_medseg.measure.intervals import patient_interval, statistic_interval
from napari_medseg.measure.matching import Matches, match_images, match_overlaps
from napari_medseg.measure.rsna import RSNA_OVERLAPS, rsna_score, rsna_scores
from napari_medseg.measure.size import Coverage, SegmentSizes, coverage, segment_sizes, segment_volumes_ml
from napari_medseg.measure.surface import SurfaceDistances, hd95, nsd, surface_distances

__all__ = [
    "COCO_OVERLAPS",
    "FROC_RATES",
    "RSNA_OVERLAPS",
    "CocoPrecision",
    "Coverage",
    "Froc",
    "ImageBoxes",
    "LabelAgreement",
    "Matches",
    "SegmentSizes",
    "SurfaceDistances",
    "box_overlaps",
    "coco_precision",
    "coverage",
    "dice",
    "froc_curve",
    "hd95",
    "iou",
    "label_agreement",
    "match_images",
    "match_overlaps",
    "nsd",
    "patient_interval",
    "rsna_score",
    "rsna_scores",
    "segment_sizes",
    "segment_volumes_ml",
    "statistic_interval",
    "surface_distances",
]
