"""The part of a DICOM SEG that tells of patient, study, segments and images: all but its frames.

highdicom makes it, from an image that stands in for the whole scan, so that its rules hold for any kind of scan at
the cost of one frame; what refers to the true images is put in afterwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from highdicom import seg as hd_seg
from pydicom import config
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, RLELossless, generate_uid

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.dicom.seg import MANUFACTURER
from napari_medseg.io.dicom.seg.content import HIGHEST_FRACTION
from napari_medseg.io.dicom.seg.describe import describe_segment
from napari_medseg.io.dicom.seg.headers import stand_in
from napari_medseg.io.dicom.seg.text import short_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_medseg.io.dicom.seg.content import Content
    from napari_medseg.io.dicom.seg.sources import SourceImages

_SERIES_OFFSET = 1000
_FRAME_ELEMENTS = ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "PixelData")


def make_template(content: Content, images: SourceImages) -> Dataset:
    """Return everything of a DICOM SEG up to, and without, its functional groups.

    Parameters
    ----------
    content : Content
        What it will hold.
    images : SourceImages
        The scan.

    Raises
    ------
    MedsegError
        If the scan's header lacks what must be taken from it, or cannot be read.
    """
    first = images.slices[0]
    image = stand_in(first)
    try:
        # The values of an image's header are copied as they are, also where they break a rule of the standard.
        with config.disable_value_validation():
            made = _by_highdicom(content, image)
            if not first.is_placed:  # type 2C of an image without position (PS3.3 C.7.6.1.1.1)
                made.PatientOrientation = image.get("PatientOrientation")
    except (AttributeError, KeyError, TypeError, ValueError) as error:  # the header of an image, not ours to mend
        raise MedsegError(
            f"The header of {first.path.name} lacks what a DICOM SEG must take from it.", "Save as .nii.gz."
        ) from error
    template = Dataset()
    template.update({element.tag: element for element in made if element.keyword not in _FRAME_ELEMENTS})
    template.file_meta = made.file_meta
    template.Rows, template.Columns = first.rows, first.columns
    template.SegmentsOverlap = content.overlap
    if "ContentCreatorName" not in template:  # type 2, and highdicom leaves it out
        template.ContentCreatorName = None
    if "DimensionOrganizationType" in template:
        del template.DimensionOrganizationType
    _refer(template, images)
    return template


def _by_highdicom(content: Content, image: Dataset) -> Dataset:
    from napari_medseg import __version__

    first = content.segments[0]
    described = [
        describe_segment(one.segment, one.number, one.algorithm, one.model or MANUFACTURER, __version__)
        for one in content.segments
    ]
    a_label_map = content.storage == "LABELMAP"
    dtype = np.uint8 if content.segments[-1].number < 256 else np.uint16
    made = hd_seg.Segmentation(
        source_images=[image],
        pixel_array=np.zeros((1, image.Rows, image.Columns), dtype),
        segmentation_type=content.storage,
        segment_descriptions=described if a_label_map else described[:1],
        series_instance_uid=generate_uid(prefix=None),
        series_number=int(image.get("SeriesNumber") or 0) + _SERIES_OFFSET,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        manufacturer=MANUFACTURER,
        manufacturer_model_name=short_text(first.model or MANUFACTURER),
        software_versions=__version__,
        device_serial_number=__version__,
        transfer_syntax_uid=RLELossless if a_label_map else ExplicitVRLittleEndian,
        content_label="SEGMENTATION",
        content_description=short_text(f"Segmentation by {first.model or 'hand'}"),
        max_fractional_value=HIGHEST_FRACTION,
        omit_empty_frames=False,
        specific_character_set="ISO_IR 192",
    )
    if not a_label_map:
        made.SegmentSequence = described
    made.SeriesDescription = short_text(f"Segmentation {first.model}")
    return made


def _refer(template: Dataset, images: SourceImages) -> None:
    """Name every image of the scan: in the series it belongs to, and as a source."""
    files = list({one.sop_instance_uid: one for one in images.stack.instances}.values())
    series = Dataset()
    series.SeriesInstanceUID = images.slices[0].series_uid
    series.ReferencedInstanceSequence = list(_references((one.sop_class, one.sop_instance_uid) for one in files))
    template.ReferencedSeriesSequence = [series]
    template.SourceImageSequence = list(_references((one.sop_class, one.sop_instance_uid) for one in files))


def _references(uids: Iterable[tuple[str, str]]) -> Iterable[Dataset]:
    for sop_class, sop_instance in uids:
        item = Dataset()
        item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = sop_class, sop_instance
        yield item
