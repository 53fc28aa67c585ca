"""What a labels layer remembers about its findings."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from napari_medseg.plugin.findings.values import Decision, FindingsNote
from napari_medseg.plugin.link import LINK_KEY, layer_link
from napari_medseg.plugin.segments import layer_segments

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from napari.layers import Labels

    from napari_medseg.core.segmentation import Segment
    from napari_medseg.plugin.frame import DisplayFrame

NOTE_KEY = "napari_medseg_findings"
"""Key of a `FindingsNote` in the metadata of a labels layer."""


def holds_findings(layer: Labels) -> bool:
    """Whether a labels layer holds findings: the result of a model that finds things, or segments with score or box.

    Findings are of radiographs: of layers with two axes that show a scan of ours.
    """
    link = layer_link(layer)
    if link is None or layer.ndim != 2 or link.frame.ndim != 2 or layer.multiscale:
        return False
    if NOTE_KEY in layer.metadata:
        return True
    return any(segment.score is not None or segment.box is not None for segment in layer_segments(layer))


def layer_frame(layer: Labels) -> DisplayFrame:
    """Return the frame in which a layer with findings shows its scan.

    Raises
    ------
    ValueError
        If it is no layer of ours; see `holds_findings`.
    """
    link = layer_link(layer)
    if link is None:
        raise ValueError("The layer remembers no scan.")
    return link.frame


def findings_note(layer: Labels) -> FindingsNote:
    """Return what a layer remembers, or an empty note."""
    note = layer.metadata.get(NOTE_KEY)
    return note if isinstance(note, FindingsNote) else FindingsNote()


def keep_note(layer: Labels, min_score: float, decisions: Mapping[int, Decision] | None = None) -> None:
    """Let a layer remember where the slider stands and what was decided; this also marks it as one with findings."""
    layer.metadata[NOTE_KEY] = FindingsNote(min_score, MappingProxyType(dict(decisions or {})))


def keep_segments(layer: Labels, segments: Iterable[Segment]) -> None:
    """Let a layer remember its segments; its colours stay, and its table of names changes only where names do."""
    link = layer_link(layer)
    ordered = tuple(sorted(segments, key=lambda segment: segment.label))
    if link is None:
        return
    named = [(segment.label, segment.name) for segment in layer_segments(layer)]
    layer.metadata[LINK_KEY] = replace(link, segments=ordered)
    if named != [(segment.label, segment.name) for segment in ordered]:
        layer.features = {
            "index": [0, *(segment.label for segment in ordered)],
            "name": ["background", *(segment.name for segment in ordered)],
        }
