"""The elements that differ between the images of a series, as a rule."""

from __future__ import annotations

from napari_medseg.io.dicom import attributes as tags

VARYING_FACTS = frozenset(
    {
        tags.INSTANCE_NUMBER,
        tags.IMAGE_POSITION_PATIENT,
        tags.RESCALE_SLOPE,
        tags.RESCALE_INTERCEPT,
        tags.WINDOW_CENTER,
        tags.WINDOW_WIDTH,
        tags.TRIGGER_TIME,
        tags.FRAME_REFERENCE_TIME,
        tags.ACQUISITION_DATE_TIME,
        tags.ACQUISITION_TIME,
        tags.CONTENT_TIME,
    }
)
"""Nothing but `frame_facts.varying_facts` depends on them."""

VARYING = VARYING_FACTS | {tags.SOP_INSTANCE_UID, tags.SLICE_LOCATION}
"""With what tells one image from another."""
