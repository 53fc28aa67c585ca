"""Which voxels of a grid each frame of a DICOM SEG covers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.dicom.seg.faults import off_grid
from napari_medseg.io.dicom.seg.grid import Landing, is_placed, land
from napari_medseg.io.dicom.seg.sources import read_source_images

if TYPE_CHECKING:
    from napari_medseg.core.geometry import Geometry
    from napari_medseg.io.dicom.instance import Triple
    from napari_medseg.io.dicom.seg.header import SegFrame, SegHeader
    from napari_medseg.io.dicom.seg.reference import Target

_SAME_PLACE_MM = 0.02
_PLANE = ((0, 1), (1, 1))
"""Axes and signs of a frame whose rows run along i and columns along j, as those of a scan do."""


class Places:
    """Finds the voxels of each frame of a file on one grid.

    Parameters
    ----------
    header : SegHeader
        The file.
    target : Target
        The grid.
    alone : bool
        Whether the grid is the file's own.
    """

    def __init__(self, header: SegHeader, target: Target, *, alone: bool) -> None:
        self._header = header
        self._target = target
        self._alone = alone
        self._placed = is_placed(header)
        self._slots: list[tuple[Triple | None, str, int]] | None = None

    def landing(self, frame: SegFrame) -> Landing:
        """Return where a frame falls; on a slice of an uneven series by that slice's true place.

        Raises
        ------
        MedsegError
            If its pixels do not coincide with voxels.
        """
        if not self._placed:
            return self._by_reference(frame)
        try:
            return land(frame, self._header, self._target.geometry)
        except MedsegError:
            k = self._true_slot(frame)
            if k is None:
                raise
            return Landing(*_PLANE, (0, 0, k))

    def _by_reference(self, frame: SegFrame) -> Landing:
        """Place a frame that tells no position, by the image it refers to."""
        stored, shape = self._header.instance.pixel_format, self._target.geometry.shape
        if (stored.columns, stored.rows) != shape[:2]:
            raise off_grid(self._header.path, f"it has {stored.columns} × {stored.rows} pixels")
        if shape[2] == 1:
            if not self._alone and self._is_of_another(frame):
                raise off_grid(self._header.path, "it was made for another one")
            return Landing(*_PLANE, (0, 0, 0))
        for _, uid, slot in self._known_slots():
            if uid in frame.source_uids:
                return Landing(*_PLANE, (0, 0, slot))
        raise off_grid(self._header.path, f"frame {frame.index + 1} tells neither its position nor its image")

    def _is_of_another(self, frame: SegFrame) -> bool:
        known = {uid for _, uid, _ in self._known_slots()}
        return bool(frame.source_uids and known and not known & set(frame.source_uids))

    def _true_slot(self, frame: SegFrame) -> int | None:
        stored, geometry = self._header.instance.pixel_format, self._target.geometry
        if (stored.columns, stored.rows) != geometry.shape[:2] or frame.position is None:
            return None
        for position, _, slot in self._known_slots():
            if position is not None and np.linalg.norm(np.subtract(position, frame.position)) <= _SAME_PLACE_MM:
                moved = replace(frame, position=_lps_of(geometry, slot))
                return slot if land(moved, self._header, geometry) == Landing(*_PLANE, (0, 0, slot)) else None
        return None

    def _known_slots(self) -> list[tuple[Triple | None, str, int]]:
        """Return position, SOP Instance UID and index k of every image of the scan, if it is DICOM and at hand."""
        if self._slots is None:
            try:
                images = read_source_images(self._target.source, self._target.geometry)
            except MedsegError:
                self._slots = []
            else:
                self._slots = [
                    (one.position, one.sop_instance_uid, slot)
                    for moment in images.stack.frames
                    for one, slot in zip(moment, images.slots, strict=True)
                ]
        return self._slots


def _lps_of(geometry: Geometry, k: int) -> Triple:
    x, y, z = geometry.ijk_to_ras((0, 0, k)) * (-1.0, -1.0, 1.0)
    return float(x), float(y), float(z)
