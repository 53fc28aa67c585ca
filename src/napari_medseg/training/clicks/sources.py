"""Where scenes come from: made up, label maps, labelled cases, and images cut into parts of like intensity."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import report
from napari_medseg.io import read_volume
from napari_medseg.training.cases import find_cases, oriented
from napari_medseg.training.clicks.scenes import draw_scene
from napari_medseg.training.data import read_cases, read_image, read_labels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.training.clicks.recipe import ClicksRecipe

LabelArray = npt.NDArray[np.uint8]

_SLICES_OF_MAP = 12
_SLICES_OF_CASE = 2
_LONGEST_SIDE = 320
"""Pixels of radiographs: a window shows organs at about this size."""

_WAYS_OF_VOLUME = 8
"""How differently one volume without labels is cut into parts."""

_MOST_PARTS = 60
_IMAGE_ENDINGS = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True, eq=False)
class RawScene:
    """A scene whose objects are not yet found: see `napari_medseg.training.clicks.bank.Scene`."""

    kind: Literal["scenes", "maps", "labelled", "parts"]
    patient: str
    labels: LabelArray = field(repr=False)
    image: npt.NDArray[np.float16] | None = field(default=None, repr=False)


def drawn_scenes(
    recipe: ClicksRecipe, on_progress: ProgressCallback | None = None, cancel: CancelToken | None = None
) -> Iterator[RawScene]:
    """Draw the made-up scenes of a recipe."""
    n, shape = recipe.clicks.scenes, (recipe.clicks.scene_side,) * recipe.network.spatial_dims
    for number in range(n):
        report(on_progress, number + 1, n, "Drawing scenes", cancel)
        rng = np.random.default_rng([recipe.clicks.seed, number])
        yield RawScene("scenes", f"scenes/{number}", draw_scene(shape, rng))


def sources_of(
    recipe: ClicksRecipe,
    data: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[RawScene]:
    """Read all real data of a recipe; for networks of planes, slices of volumes along all axes.

    Raises
    ------
    MedsegError
        If something that the recipe names is missing.
    """
    rng = np.random.default_rng([recipe.clicks.seed, 1 << 20])
    flat = recipe.network.spatial_dims == 2
    for whole in _whole_scenes(recipe, data, on_progress, cancel):
        if not flat or whole.labels.ndim == 2:
            yield whole
        else:
            yield from _slices(whole, _SLICES_OF_MAP if whole.kind == "maps" else _SLICES_OF_CASE, rng)


def _whole_scenes(
    recipe: ClicksRecipe, data: Path, on_progress: ProgressCallback | None, cancel: CancelToken | None
) -> Iterator[RawScene]:
    clicks = recipe.clicks
    if clicks.label_maps is not None:
        paths = sorted((data / clicks.label_maps).glob("*.nii*"))
        if not paths:
            raise MedsegError(f"There are no label maps in '{clicks.label_maps}'.", "Choose another data folder.")
        for done, path in enumerate(paths):
            report(on_progress, done + 1, len(paths), "Reading label maps", cancel)
            labels = _renumbered(_cropped(oriented(read_volume(path))))
            yield RawScene("maps", f"{clicks.label_maps}/{path.name}", labels)
    for source in clicks.volumes:
        cases = find_cases(data, source)
        for done, case in enumerate(cases):
            report(on_progress, done + 1, len(cases), "Reading volumes", cancel)
            image = _unit(oriented(read_volume(case.image)))
            labels = _renumbered(oriented(read_volume(case.labels)))
            patient = f"{source.images.split('/')[0]}/{case.patient}"
            yield RawScene("labelled", patient, labels, image)
            yield RawScene("parts", patient, like_parts(image, done), image)
    for description in clicks.planes:
        found = read_cases(description, data).cases
        for done, plane in enumerate(found):
            report(on_progress, done + 1, len(found), "Reading radiographs", cancel)
            pixels = read_image(plane.image)
            every = max(1, round(max(pixels.array.shape) / _LONGEST_SIDE))
            image = _unit(pixels.array[::every, ::every])
            labels = _renumbered(read_labels(plane, pixels)[::every, ::every])
            patient = f"{description.images.split('/')[0]}/{plane.patient}"
            yield RawScene("labelled", patient, labels, image)
            yield RawScene("parts", patient, like_parts(image, done), image)
    for pattern in clicks.unlabelled_volumes:
        yield from _unlabelled_volumes(data, pattern, on_progress, cancel)
    for folder in clicks.unlabelled:
        yield from _unlabelled(data / folder, folder, clicks.unlabelled_images, on_progress, cancel)


def _unlabelled(
    path: Path, name: str, n: int, on_progress: ProgressCallback | None, cancel: CancelToken | None
) -> Iterator[RawScene]:
    files = sorted(file for file in path.rglob("*") if file.suffix.lower() in _IMAGE_ENDINGS)
    if not files:
        raise MedsegError(f"There are no images in '{name}'.", "Choose another data folder.")
    chosen = [files[at] for at in np.linspace(0, len(files) - 1, min(n, len(files))).astype(int)]
    for done, file in enumerate(chosen):
        report(on_progress, done + 1, len(chosen), "Reading images", cancel)
        pixels = read_image(file).array
        every = max(1, round(max(pixels.shape) / _LONGEST_SIDE))
        image = _unit(pixels[::every, ::every])
        # A patient's images are numbered: 00000123_004.png.
        yield RawScene("parts", f"{name.split('/')[0]}/{file.stem.split('_')[0]}", like_parts(image, done), image)


def _unlabelled_volumes(
    data: Path, pattern: str, on_progress: ProgressCallback | None, cancel: CancelToken | None
) -> Iterator[RawScene]:
    """Read volumes without labels; each is cut into parts in several ways. Series over time are left out."""
    paths = sorted(data.glob(pattern))
    if not paths:
        raise MedsegError(f"There are no volumes '{pattern}'.", "Choose another data folder.")
    for done, path in enumerate(paths):
        report(on_progress, done + 1, len(paths), "Reading volumes", cancel)
        volume = read_volume(path)
        if volume.array.ndim != 3:
            continue
        image = _unit(oriented(volume))
        for way in range(_WAYS_OF_VOLUME):
            patient = f"{pattern.split('/')[0]}/{path.parent.name}"
            yield RawScene("parts", patient, like_parts(image, _WAYS_OF_VOLUME * done + way), image)


def like_parts(image: npt.NDArray[np.float16], seed: int) -> LabelArray:
    """Cut an image into connected parts of like intensity, the largest numbered from 1: objects with real edges."""
    import cc3d
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng([seed, 7])
    smooth = gaussian_filter(image.astype(np.float32), rng.uniform(0.8, 2.0))
    n = int(rng.integers(3, 8))
    steps = np.quantile(smooth, np.linspace(0, 1, n + 1)[1:-1])
    if rng.random() < 0.5:
        steps = np.linspace(smooth.min(), smooth.max(), n + 1)[1:-1]
    levels = np.digitize(smooth, steps).astype(np.uint8) + 1
    parts = cc3d.connected_components(levels, connectivity=6 if image.ndim == 3 else 4)
    counts = np.bincount(parts.ravel())
    counts[0] = 0
    numbers = np.zeros(len(counts), np.uint8)
    largest = np.argsort(-counts)[:_MOST_PARTS]
    numbers[largest] = np.arange(1, len(largest) + 1)
    return np.asarray(numbers[parts], np.uint8)


def _slices(whole: RawScene, n: int, rng: np.random.Generator) -> Iterator[RawScene]:
    """Cut a volume into slices along each axis, where there are labels."""
    for axis in range(3):
        across = tuple(a for a in range(3) if a != axis)
        filled = np.flatnonzero(np.count_nonzero(whole.labels, axis=across) > 30)
        for at in rng.permutation(filled)[:n].tolist():
            image = None if whole.image is None else np.ascontiguousarray(whole.image.take(at, axis))
            yield RawScene(whole.kind, whole.patient, np.ascontiguousarray(whole.labels.take(at, axis)), image)


def _cropped(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    box = []
    for axis in range(3):
        at = np.flatnonzero(labels.any(axis=tuple(n for n in range(3) if n != axis)))
        box.append(slice(int(at[0]), int(at[-1]) + 1))
    return np.pad(labels[tuple(box)], 6)


def _renumbered(labels: npt.NDArray[Any]) -> LabelArray:
    """Give labels the numbers 0, 1, 2 …; there are fewer than 255 in any of our maps."""
    values, index = np.unique(labels, return_inverse=True)
    first = 0 if values[0] == 0 else 1
    return np.minimum(index.reshape(labels.shape) + first, 254).astype(np.uint8)


def _unit(image: npt.NDArray[Any]) -> npt.NDArray[np.float16]:
    """Bring an image's percentiles 0.5 and 99.5 to 0 and 1."""
    values = image.astype(np.float32)
    low, high = np.percentile(values, (0.5, 99.5))
    return np.asarray(np.clip((values - low) / max(float(high - low), 1e-6), 0, 1), np.float16)
