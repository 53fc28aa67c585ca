"""What a segment means, into an item of the Segment Sequence (PS3.3 C.8.20.4).

Three things of ours have no attribute of their own, and stand as words in Segment Description: "Score 0.93", "Box"
with the corners of a finding in voxels of the images, and "Label 7" where the number of the segment is not the label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from highdicom import AlgorithmIdentificationSequence
from highdicom.color import CIELabColor
from highdicom.seg import SegmentDescription
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

from napari_medseg.io.dicom.seg.concepts import category_of, type_of
from napari_medseg.io.dicom.seg.text import short_text

if TYPE_CHECKING:
    from napari_medseg.core.segmentation import Code, Segment
    from napari_medseg.io.dicom.seg.content import AlgorithmType


def describe_segment(
    segment: Segment, number: int, algorithm: AlgorithmType, model: str, version: str
) -> SegmentDescription:
    """Return the item that describes a segment.

    Parameters
    ----------
    segment : Segment
        What it is; without a code, one of its name, or "Tissue", is written.
    number : int
        Its Segment Number.
    algorithm : {"AUTOMATIC", "SEMIAUTOMATIC", "MANUAL"}
        How it came about.
    model, version : str
        What made it, and which version of that.
    """
    kind = type_of(segment.name, segment.code)
    identification = AlgorithmIdentificationSequence(
        name=short_text(model), family=codes.cid7162.ArtificialIntelligence, version=short_text(version)
    )
    item = SegmentDescription(
        segment_number=number,
        segment_label=short_text(segment.name) or f"Segment {number}",
        segmented_property_category=_concept(category_of(kind)),
        segmented_property_type=_concept(kind),
        algorithm_type=algorithm,
        algorithm_identification=None if algorithm == "MANUAL" else identification,
        display_color=CIELabColor.from_string(segment.colour),
    )
    words = [f"Label {segment.label}"] if segment.label != number else []
    words += [f"Score {segment.score:.4g}"] if segment.score is not None and 0 <= segment.score <= 1 else []
    if segment.box is not None:
        words.append("Box " + " ".join(f"{corner:.6g}" for corner in segment.box))
    if words:
        item.SegmentDescription = ". ".join(words)
    return item


def _concept(code: Code) -> CodedConcept:
    return CodedConcept(code.value, code.scheme, short_text(code.meaning) or code.value)
