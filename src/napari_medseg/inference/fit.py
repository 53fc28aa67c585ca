"""Whether a model serves for a scan, told from card and header alone (no network library is needed)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.grey import grey_of, inverted_grey, luminance
from napari_medseg.core.segmentation import smallest_label_type

if TYPE_CHECKING:
    from napari_medseg.core.volume import Volume
    from napari_medseg.models.card import ModelCard

_RADIOGRAPHS = frozenset({"CR", "DX", "RG", "PX"})
_INTERCHANGEABLE = (_RADIOGRAPHS,)
"""Modalities (PS3.3 C.7.3.1.1.1) whose images are of one kind: projection radiographs."""

_TELLS_NOTHING = frozenset({"", "OT", "SC"})
"""No modality, "other" and secondary capture: such scans may be of any kind."""


@dataclass(frozen=True)
class Fit:
    """Whether a model can segment a scan.

    Parameters
    ----------
    ok : bool
        True if it can.
    reason : str
        Why not, as one sentence; empty if it can.
    hint : str
        What the user can do about it.
    """

    ok: bool
    reason: str = ""
    hint: str = ""


def check_fit(card: ModelCard, volume: Volume) -> Fit:
    """Tell whether a model serves for a volume.

    A scan whose modality is unknown (any NIfTI file) is taken; one of a known, different modality is not: intensities
    would mean something else, and the labels would be fiction.

    Parameters
    ----------
    card : ModelCard
        The model.
    volume : Volume
        The scan; only its header values are looked at.

    Returns
    -------
    Fit
        With the first reason found against it.
    """
    return (
        _check_task(card)
        or _check_modality(card, volume)
        or _check_shape(card, volume)
        or _check_channels(card, volume)
        or _check_spacing(card, volume)
        or Fit(True)
    )


def require_fit(card: ModelCard, volume: Volume) -> None:
    """Refuse a volume that the model does not serve for.

    Raises
    ------
    MedsegError
        With the reason of `check_fit`.
    """
    fit = check_fit(card, volume)
    if not fit.ok:
        raise MedsegError(fit.reason, fit.hint)


def select_frame(volume: Volume, frame: int) -> npt.NDArray[Any]:
    """Return one frame of a volume, shape (i, j, k), as a view if dense tissue is bright in it.

    An image that is stored with dense tissue dark is inverted: networks learn from images as they are displayed. Of
    colours the brightness is returned, as in training.

    Raises
    ------
    MedsegError
        If there is no such frame.
    """
    if not 0 <= frame < volume.n_frames:
        raise MedsegError(f"There is no frame {frame}: the scan has {volume.n_frames}, counted from 0.")
    array = volume.frame(frame) if volume.fourth_axis != "rgb" else luminance(volume.array)
    return inverted_grey(array) if volume.inverted else array


def select_channels(card: ModelCard, volume: Volume, frame: int) -> npt.NDArray[Any]:
    """Return what a model reads of a volume: one frame, or all of its channels, shape (i, j, k, channel), as a view.

    Raises
    ------
    MedsegError
        If there is no such frame.
    """
    return select_frame(volume, frame) if card.network.in_channels == 1 else volume.array


def first_channel(voxels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the first of several channels, shape (i, j, k), as a view; the only one as it is."""
    return voxels if voxels.ndim == 3 else voxels[..., 0]


def colour_notes(volume: Volume) -> tuple[str, ...]:
    """Return what the user should know about how the colours of an image were read."""
    if volume.fourth_axis != "rgb" or grey_of(volume.array).ndim == 3:
        return ()
    return ("The image is in colour: its brightness was read.",)


def label_type(card: ModelCard) -> np.dtype[Any]:
    """Return the integer type that holds every label a model may give."""
    if card.task == "instances":
        return np.dtype(np.uint16)
    return smallest_label_type(max((label.value for label in card.labels), default=1))


def _check_task(card: ModelCard) -> Fit | None:
    if card.task != "clicks":
        return None
    return Fit(False, f"{card.title} finds nothing by itself.", "Point at a structure, or choose another model.")


def _check_modality(card: ModelCard, volume: Volume) -> Fit | None:
    given = volume.modality.upper()
    known = {modality.upper() for modality in card.modality}
    for group in _INTERCHANGEABLE:
        known |= group if known & group else set()
    if given in _TELLS_NOTHING or not known or given in known:
        return None
    trained_on = " or ".join(card.modality)
    return Fit(False, f"{card.title} reads {trained_on} scans, and this one is {given}.", "Choose another model.")


def _check_shape(card: ModelCard, volume: Volume) -> Fit | None:
    if card.network.spatial_dims == 3 and min(volume.spatial_shape) == 1:
        return Fit(False, f"{card.title} reads volumes, and this is a single image.", "Choose a model for 2-D images.")
    if card.task == "instances" and volume.spatial_shape[2] != 1:
        return Fit(False, f"{card.title} reads single images, and this is a volume.", "Choose another model.")
    return None


def _check_channels(card: ModelCard, volume: Volume) -> Fit | None:
    if volume.fourth_axis == "rgb" and not _has_readable_colours(card, volume):
        return Fit(False, f"{card.title} reads grey values, and this image is in colour.", "Convert it to grey first.")
    n_images = card.network.in_channels
    if n_images == 1:
        return None
    if volume.n_frames == n_images and card.task != "instances":
        return None
    names = ", ".join(card.channel_names)
    held = "one" if volume.n_frames == 1 else str(volume.n_frames)
    return Fit(
        False,
        f"{card.title} reads {n_images} images of the same patient at once ({names}), and this scan holds {held}.",
        "Open a scan that holds them in this order as channels, or name one file for each on the command line.",
    )


def _has_readable_colours(card: ModelCard, volume: Volume) -> bool:
    """Whether grey is to be had of colours: of a radiograph always, of other planes if they are grey in truth."""
    if volume.spatial_shape[2] != 1:
        return False
    reads_radiographs = _RADIOGRAPHS & {modality.upper() for modality in card.modality}
    return bool(reads_radiographs) or grey_of(volume.array).ndim == 3


def _check_spacing(card: ModelCard, volume: Volume) -> Fit | None:
    if card.input.spacing_mm is None or volume.spacing_known:
        return None
    return Fit(
        False,
        f"{card.title} must know how large a voxel is, and this file does not tell.",
        "Open the original DICOM files, or set the spacing in the file.",
    )
