"""Pictures of the best, the median and the worst case, with what each model found in them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from napari_medseg.core.colours import label_colour
from napari_medseg.training.data import read_image, read_instances, read_labels
from napari_medseg.training.report.models import shapes_known
from napari_medseg.training.report.results import FoundBox
from napari_medseg.training.report.summary import main_measure, main_scores
from napari_medseg.training.report.views import CaseView
from napari_medseg.training.report.wording import quality

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.training.report.results import Comparison

Labels = npt.NDArray[np.uint8]

_FILL = 0.28
_REFERENCE_COLOUR = "#ffffff"
_DASH = 5
_PLAIN = 48
"""Grey, on which both the colours and the black and white line are seen."""


@dataclass(frozen=True)
class Tile:
    """A picture, what stands above it, and what below."""

    heading: str
    note: str
    svg: str


@dataclass(frozen=True)
class Example:
    """A case: why it is shown, its name, and its pictures, the reference first."""

    rank: str
    name: str
    tiles: tuple[Tile, ...]


def make_examples(comparison: Comparison, *, with_images: bool = True) -> list[Example]:
    """Draw the best, the median and the worst case by the mean of all models' main measure.

    Parameters
    ----------
    comparison : Comparison
        The results.
    with_images : bool
        Draw on the images; else on a plain ground, for a report that others may see who may not see the images.

    Raises
    ------
    MedsegError
        If a case can no longer be read.
    """
    scores = np.array([main_scores(comparison, model) for model in comparison.models])
    indices = [n for n, ok in enumerate(comparison.measured_by_all) if ok]
    return [
        _example(comparison, rank, indices[at], scores[:, at].tolist(), with_images)
        for rank, at in choose_cases(scores)
    ]


def choose_cases(scores: npt.NDArray[np.float64]) -> list[tuple[str, int]]:
    """Return which columns of a table (models, cases) to show, and why; cases without a score come last."""
    known = ~np.isnan(scores)
    means = np.where(known, scores, 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    ranked = [int(at) for at in np.argsort(-means, kind="stable") if known[:, at].any()]
    if not ranked:
        return [("first", 0)] if scores.shape[1] else []
    chosen = {ranked[0]: "best", ranked[-1]: "worst", ranked[len(ranked) // 2]: "median"}
    if len(ranked) < 3:
        chosen = {ranked[0]: "best", ranked[-1]: "worst"} if len(ranked) == 2 else {ranked[0]: "only"}
    return sorted(((rank, at) for at, rank in chosen.items()), key=lambda one: ranked.index(one[1]))


def _example(comparison: Comparison, rank: str, index: int, scores: Sequence[float], with_image: bool) -> Example:
    case = comparison.cases[index]
    image = read_image(case.image)
    stored = image.array.T[:, :, None] if image.array.ndim == 2 else image.array
    reference = np.zeros(stored.shape, dtype=np.uint8)
    boxes: list[FoundBox] = []
    if shapes_known(comparison.cases):
        own = read_labels(case, image)
        reference = own.T[:, :, None] if own.ndim == 2 else own
    else:
        columns, rows = stored.shape[:2]
        instances = read_instances(case, image)
        for (x0, y0, x1, y1), label in zip(instances.boxes.tolist(), instances.labels.tolist(), strict=True):
            boxes.append(FoundBox((x0 / columns, y0 / rows, x1 / columns, y1 / rows), 1.0, label))
    view = CaseView.of_reference(image.geometry, reference)
    grey, true = view.grey(stored), view.labels(reference)
    if not with_image:
        grey = np.full_like(grey, _PLAIN)
    colours = colours_of(comparison)
    tiles = [Tile("Reference", "as the data have it", draw_tile(grey, true, np.zeros_like(true), (), boxes, colours))]
    for model, score in zip(comparison.models, scores, strict=True):
        found = model.cases[index]
        labels = np.zeros_like(true) if found.labels is None else found.labels.unpack()
        note = f"{main_measure(comparison)} {quality(score)}"
        svg = draw_tile(grey, labels, true, found.boxes, boxes, colours)
        tiles.append(Tile(model.card.name, note, svg))
    return Example(rank, case.name, tuple(tiles))


def colours_of(comparison: Comparison) -> dict[int, str]:
    """Return the colour of each of the data's labels: that of the standing palette, the same for all models."""
    return {label: label_colour(label) for label in range(1, len(comparison.classes) + 1)}


def draw_tile(
    grey: npt.NDArray[np.uint8],
    found: Labels,
    reference: Labels,
    boxes: Sequence[FoundBox],
    reference_boxes: Sequence[FoundBox],
    colours: dict[int, str],
) -> str:
    """Draw an image with what was found, in colour, and the reference, in lines of black and white.

    Parameters
    ----------
    grey : ndarray of uint8, shape (rows, columns)
        The image.
    found, reference : ndarray of uint8, same shape
        Labels.
    boxes, reference_boxes : sequence of FoundBox
        As parts of the image's sides.
    colours : dict of int to str
        "#rrggbb" by label.

    Returns
    -------
    str
        An svg element with the picture inside.
    """
    picture = np.repeat(grey[:, :, None].astype(np.float32), 3, axis=2)
    for label, colour in colours.items():
        rgb, inside = _rgb(colour), found == label
        picture[inside] = (1 - _FILL) * picture[inside] + _FILL * rgb
        picture[outline(inside)] = rgb
    dashes = (np.add(*np.indices(grey.shape)) // _DASH) % 2 == 0
    for label in np.unique(reference[reference > 0]):
        picture[outline(reference == label)] = 0
        picture[outline(reference == label) & dashes] = 255
    rows, columns = grey.shape
    parts = [f'<image width="{columns}" height="{rows}" href="{_data_url(picture)}"/>']
    parts += [_rectangle(box, rows, columns, _REFERENCE_COLOUR, "") for box in reference_boxes]
    parts += [_rectangle(box, rows, columns, colours.get(box.label, "#e69f00"), f"{box.score:.2f}") for box in boxes]
    return f'<svg viewBox="0 0 {columns} {rows}" role="img" aria-label="image with labels">{"".join(parts)}</svg>'


def outline(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Return the pixels of a mask, shape (rows, columns), that have a neighbour outside it or outside the picture."""
    padded = np.pad(mask, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return np.asarray(mask & ~inner)


def _rectangle(found: FoundBox, rows: int, columns: int, colour: str, text: str) -> str:
    x0, y0, x1, y1 = (part * side for part, side in zip(found.box, (columns, rows, columns, rows), strict=True))
    dash = "" if text else ' stroke-dasharray="6 4"'
    place = f'x="{x0:.1f}" y="{y0:.1f}" width="{x1 - x0:.1f}" height="{y1 - y0:.1f}"'
    shape = f'<rect {place} fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
    if not text:
        return shape
    above = y0 - 6 if y0 > 28 else y0 + 24
    return f'{shape}<text x="{x0 + 2:.1f}" y="{above:.1f}" class="score" style="fill: {colour}">{escape(text)}</text>'


def _rgb(colour: str) -> npt.NDArray[np.float32]:
    return np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)], dtype=np.float32)


def _data_url(picture: npt.NDArray[np.float32]) -> str:
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(picture.astype(np.uint8)).save(target, "JPEG", quality=88, subsampling=0)
    return f"data:image/jpeg;base64,{base64.b64encode(target.getvalue()).decode('ascii')}"
