"""What a finding was like when its pixels were just these: so that napari's undo brings back its box as well.

napari announces neither an undo nor what it undoes. But a finding whose pixels are the same as before is the same
finding as before; so its box, its score and the outline it was scaled from are kept under a mark of its pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

from napari_medseg.plugin.findings.outlines import Outline
from napari_medseg.plugin.findings.rectangles import Rectangle


@dataclass(frozen=True)
class Known:
    """A finding with certain pixels.

    Parameters
    ----------
    rectangle : Rectangle
        Its box.
    score : float or None
        Confidence of the model.
    edited : bool
        Whether a person has changed it.
    original : Outline or None
        The pixels as last drawn, from which they are scaled with the box; scaling scaled pixels would coarsen them.
    original_rectangle : Rectangle
        The box that `original` was drawn in.
    """

    rectangle: Rectangle
    score: float | None
    edited: bool
    original: Outline | None
    original_rectangle: Rectangle


class Memory:
    """Everything that the findings of one layer have been."""

    def __init__(self) -> None:
        self._known: dict[int, dict[bytes, Known]] = {}

    @property
    def labels(self) -> set[int]:
        """Labels that belong, or belonged, to a finding."""
        return set(self._known)

    def recall(self, label: int, mark: bytes) -> Known | None:
        """Return what a label was like with such pixels, if it ever had them."""
        return self._known.get(label, {}).get(mark)

    def keep(self, label: int, mark: bytes, known: Known) -> None:
        """Remember what a label is like with such pixels."""
        self._known.setdefault(label, {})[mark] = known

    def forget(self, label: int, mark: bytes | None = None) -> None:
        """Forget one state of a label, or all of them: the number is used again for something else."""
        if mark is None:
            self._known.pop(label, None)
        else:
            self._known.get(label, {}).pop(mark, None)
