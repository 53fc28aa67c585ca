"""A listed image and what a model found in it: read in a thread, then shown as layers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari.layers import Image, Labels, Layer

from napari_medseg.core import MedsegError, Segmentation, Series, Volume
from napari_medseg.core.segmentation import smallest_label_type
from napari_medseg.gui.segment.layers_at_hand import find_layer, layer_key
from napari_medseg.gui.wording import series_text
from napari_medseg.measure import SegmentSizes
from napari_medseg.plugin.findings.notes import keep_note
from napari_medseg.plugin.layers import segmentation_to_layer, volume_to_layer
from napari_medseg.plugin.opening import names_of_parts

if TYPE_CHECKING:
    from napari.viewer import Viewer

    from napari_medseg.batch.record import BatchRecord
    from napari_medseg.core import CancelToken, ProgressCallback
    from napari_medseg.core.study import PreviewCallback

_ALL_SCORES = 0.0
"""Where the slider stands at first: what is in a file was found worth keeping, by the model or by a person."""


@dataclass(frozen=True, eq=False)
class Found:
    """The labels of an image, as they lie in a file.

    Parameters
    ----------
    segmentation : Segmentation
        The labels.
    path : pathlib.Path
        Their file.
    title : str
        Of the model.
    sizes : SegmentSizes
        Of the labels in the file.
    are_findings : bool
        Whether the model finds things; there may be none.
    """

    segmentation: Segmentation
    path: Path
    title: str
    sizes: SegmentSizes
    are_findings: bool


@dataclass(frozen=True, eq=False)
class Loaded:
    """A series and what was read of it, with the results of a batch if there are some.

    Parameters
    ----------
    series : Series
        The series.
    value : Volume or tuple of Segmentation
        Its voxels; several label maps where segments overlap.
    found : Found or None
        What a model found in it.
    problems : tuple of str
        Why results could not be read.
    """

    series: Series
    value: Volume | tuple[Segmentation, ...]
    found: Found | None = None
    problems: tuple[str, ...] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should know about what was read."""
        parts = self.value if isinstance(self.value, tuple) else (self.value,)
        return tuple(dict.fromkeys(note for part in parts for note in part.notes))


@dataclass(frozen=True, eq=False)
class OpenedImage:
    """The layers of one image of the list.

    Parameters
    ----------
    layers : tuple of Layer
        The image, and its results if there are some.
    found : Found or None
        What the last layer was made of.
    """

    layers: tuple[Layer, ...]
    found: Found | None = None

    @property
    def labels(self) -> Labels | None:
        """The layer of the results."""
        last = self.layers[-1]
        return last if self.found is not None and isinstance(last, Labels) else None

    def still_in(self, viewer: Viewer) -> OpenedImage | None:
        """Return what of it is still in a viewer; None if nothing is."""
        there = tuple(layer for layer in self.layers if find_layer(viewer, layer_key(layer)) is not None)
        if not there:
            return None
        return replace(self, layers=there, found=self.found if there[-1] is self.layers[-1] else None)


class OpenedSeries:
    """The layers of the series that were loaded from a list.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        Where they are, until the user removes them.
    """

    def __init__(self, viewer: Viewer) -> None:
        self._viewer = viewer
        self._kept: dict[int, tuple[Series, OpenedImage]] = {}

    def keep(self, series: Series, opened: OpenedImage) -> None:
        """Remember the layers of a series; those of which nothing is left are forgotten."""
        self._kept = {key: kept for key, kept in self._kept.items() if kept[1].still_in(self._viewer) is not None}
        # With the series itself: once it is gone, another one may have its id.
        self._kept[id(series)] = series, opened

    def of(self, series: Series) -> OpenedImage | None:
        """Return the layers of a series, as far as they are still there."""
        kept = self._kept.get(id(series))
        return kept[1].still_in(self._viewer) if kept is not None and kept[0] is series else None

    def first_layer(self, series: Series) -> Layer | None:
        """Return the layer of the image itself, if it is still there."""
        kept = self._kept.get(id(series))
        if kept is None or kept[0] is not series:
            return None
        return find_layer(self._viewer, layer_key(kept[1].layers[0]))

    def close(self, series: Series) -> None:
        """Remove the layers of a series that are still there."""
        opened = self.of(series)
        for layer in opened.layers if opened is not None else ():
            self._viewer.layers.remove(layer)

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()


def load_with_results(
    series: Series,
    entry: tuple[BatchRecord, str] | None,
    on_progress: ProgressCallback,
    cancel: CancelToken,
    *,
    on_preview: PreviewCallback | None = None,
) -> Loaded:
    """Read a series and, where a model was run on it, its labels; in a thread.

    `on_preview` may receive a part of the image before the rest is read.

    Labels that cannot be read, or do not fit, are said and do not keep the image from being shown.

    Raises
    ------
    MedsegError
        If the series cannot be read.
    Cancelled
        If the user stopped it.
    """
    from napari_medseg.plugin.opening import load_series

    value = load_series(series, on_progress, cancel, on_preview)
    result = entry[0].get(entry[1]) if entry is not None else None
    if entry is None or result is None or not result.has_labels or not isinstance(value, Volume):
        return Loaded(series, value)
    path = entry[0].label_path(result)
    try:
        return Loaded(series, value, _found(path, entry[0], value, cancel))
    except MedsegError as error:
        return Loaded(series, value, problems=(str(error),))


def add_layers(viewer: Viewer, loaded: Loaded) -> OpenedImage:
    """Show what was loaded, the labels over their image."""
    if isinstance(loaded.value, tuple):
        names = names_of_parts(series_text(loaded.series), len(loaded.value))
        parts = zip(loaded.value, names, strict=True)
        return OpenedImage(tuple(viewer.add_layer(segmentation_to_layer(part, name)) for part, name in parts))
    image: Image = viewer.add_layer(volume_to_layer(loaded.value))
    found = loaded.found
    if found is None:
        return OpenedImage((image,))
    labels = segmentation_to_layer(found.segmentation, f"{image.name} – {found.title}", image)
    if found.are_findings:
        keep_note(labels, _ALL_SCORES)
    return OpenedImage((image, viewer.add_layer(labels)), found)


def _found(path: Path, record: BatchRecord, volume: Volume, cancel: CancelToken) -> Found:
    from napari_medseg.io import read_segmentation
    from napari_medseg.measure import segment_sizes

    read = read_segmentation(path, None, cancel, volume=volume)
    if read.array.shape != volume.spatial_shape or not read.geometry.matches(volume.geometry):
        raise MedsegError(f"{path.name} has another size or place than the image.", "Run the model on it again.")
    highest = max([int(read.array.max(initial=0)), *(segment.label for segment in read.segments)])
    # The scan's own source, so that saving knows what the labels belong to and whether lengths are known; and the
    # smallest type, since napari recolours bytes at once and wider labels slowly.
    segmentation = replace(
        read,
        array=read.array.astype(smallest_label_type(highest), order="K"),
        geometry=volume.geometry,
        source=volume.source,
    )
    return Found(segmentation, path, record.title, segment_sizes(segmentation), record.kind == "findings")
