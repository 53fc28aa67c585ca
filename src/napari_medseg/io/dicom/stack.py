"""Images that fill one array."""

from __future__ import annotations

from dataclasses import dataclass

from napari_medseg.io.dicom.instance import Instance


@dataclass(frozen=True)
class Stack:
    """Images that fill one array.

    Parameters
    ----------
    frames : tuple of tuple of Instance
        For every time point the slices, in the order of k; all time points have the same positions.
    label : str
        What sets this stack apart from the others of its series; empty if it is the only one.
    axis_name : str
        What the time points are ("time", "b-value", …); empty for one.
    time_step_s : float or None
        Seconds between time points, where known and even.
    notes : tuple of str
        What the user should know.
    """

    frames: tuple[tuple[Instance, ...], ...]
    label: str = ""
    axis_name: str = ""
    time_step_s: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def slices(self) -> tuple[Instance, ...]:
        """The slices of the first time point."""
        return self.frames[0]

    @property
    def instances(self) -> tuple[Instance, ...]:
        """Every image, k running fastest."""
        return tuple(instance for frame in self.frames for instance in frame)

    @property
    def is_colour_film(self) -> bool:
        """Whether the slices are the frames of a film in colour: an array has no fifth axis for them."""
        first = self.slices[0]
        return first.n_frames > 1 and first.pixel_format.is_colour and not first.is_placed
