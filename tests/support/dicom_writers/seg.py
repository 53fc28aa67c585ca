"""DICOM SEG as highdicom writes it by its plain call."""

from __future__ import annotations

from typing import Any

from pydicom.sr.coding import Code

TISSUE = Code("85756007", "SCT", "Tissue")


def plain_seg(
    sources: list[Any], pixels: Any, n_segments: int = 2, kind: str = "BINARY", edit: Any = None, **options: Any
) -> Any:
    """Return what highdicom writes by its plain call; pixels (planes, rows, columns[, segments])."""
    import highdicom as hd

    segments = [hd.seg.SegmentDescription(n, f"Part {n}", TISSUE, TISSUE, "MANUAL") for n in range(1, n_segments + 1)]
    seg = hd.seg.Segmentation(
        source_images=sources,
        pixel_array=pixels,
        segmentation_type=kind,
        segment_descriptions=segments,
        series_instance_uid=hd.UID(),
        series_number=7,
        sop_instance_uid=hd.UID(),
        instance_number=1,
        manufacturer="Someone",
        manufacturer_model_name="Else",
        software_versions="1",
        device_serial_number="1",
        **options,
    )
    if edit is not None:
        edit(seg)
    return seg
