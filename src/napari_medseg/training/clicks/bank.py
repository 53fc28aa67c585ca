"""All that can be clicked on in a training, made once and kept in the run's folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.atomic import atomic_write
from napari_medseg.training.clicks.sources import drawn_scenes, sources_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.training.clicks.recipe import ClicksRecipe
    from napari_medseg.training.clicks.sources import RawScene

KINDS = ("scenes", "maps", "labelled", "parts")
BANK_FILE = "scenes.npz"
_VERSION = 1
"""Of what is made: another number makes it anew."""

_MOST_TARGETS = 48
_FEWEST_VOXELS = {2: 12, 3: 40}
_LARGEST_SHARE = 0.7
"""Of a scene that an object may fill."""

_EXACT_VOXELS = 120_000
"""A larger part's middle is found on every second or third voxel."""


@dataclass(frozen=True, eq=False)
class Target:
    """An object of a scene.

    Parameters
    ----------
    value : int
        Its label.
    centre : ndarray, shape (axes,)
        The middle of its largest part, where the first click goes.
    low, high : ndarray, shape (axes,)
        First and last voxel of that part along each axis.
    """

    value: int
    centre: npt.NDArray[np.float64]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]

    @property
    def size(self) -> float:
        """Its longest side in voxels."""
        return float((self.high - self.low).max()) + 1


@dataclass(frozen=True, eq=False)
class Scene:
    """Labels, perhaps with an image, and the objects among them.

    Parameters
    ----------
    kind : int
        Index into `KINDS`.
    patient : str
        Whose; scenes of one patient are all learnt from, or all held out.
    labels : ndarray of uint8
        Of two or three axes; 255 does not occur.
    image : ndarray of float16 or None
        From 0 to 1; None if an image is to be made up.
    targets : tuple of Target
        At least one.
    """

    kind: int
    patient: str
    labels: npt.NDArray[np.uint8] = field(repr=False)
    image: npt.NDArray[np.float16] | None = field(repr=False)
    targets: tuple[Target, ...] = field(repr=False)


@dataclass(frozen=True)
class Bank:
    """Scenes to learn from, and scenes that are held out."""

    learnt: tuple[Scene, ...]
    held: tuple[Scene, ...]


def load_bank(
    recipe: ClicksRecipe,
    data: Path,
    folder: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Bank:
    """Return the scenes of a recipe; made the first time, then read from a run's folder.

    Raises
    ------
    MedsegError
        If data are missing.
    """
    path = folder / BANK_FILE
    key = _key(recipe)
    scenes = _read(path, key)
    if scenes is None:
        dims = recipe.network.spatial_dims
        raw = [*drawn_scenes(recipe, on_progress, cancel), *sources_of(recipe, data, on_progress, cancel)]
        scenes = [scene for scene in (find_targets(one, dims) for one in raw) if scene is not None]
        _write(scenes, path, key)
    held = held_patients(sorted({scene.patient for scene in scenes}), recipe.clicks.held_out)
    bank = Bank(
        tuple(scene for scene in scenes if scene.patient not in held),
        tuple(scene for scene in scenes if scene.patient in held),
    )
    if not bank.learnt or not bank.held:
        raise MedsegError("There is too little to click on in the data.", "Add cases, or made-up scenes.")
    return bank


def held_patients(patients: Sequence[str], share: float) -> set[str]:
    """Choose the patients that are held out: about a share of each source, always the same ones.

    Parameters
    ----------
    patients : sequence of str
        ``source/name``.
    share : float
        Of each source; one at the least.
    """
    sources: dict[str, list[str]] = {}
    for patient in patients:
        sources.setdefault(patient.split("/")[0], []).append(patient)
    held: set[str] = set()
    for members in sources.values():
        ordered = sorted(members, key=lambda name: hashlib.sha256(name.encode()).digest())
        held |= set(ordered[: max(1, round(share * len(members)))] if len(members) > 1 else ())
    return held


def find_targets(raw: RawScene, dims: int) -> Scene | None:
    """Find the objects of a scene; None if there is none of a fit size."""
    import cc3d

    from napari_medseg.training.clicks.user import middle_of

    parts = cc3d.connected_components(raw.labels, connectivity=26 if dims == 3 else 8)
    statistics = cc3d.statistics(parts)
    counts, boxes = statistics["voxel_counts"], statistics["bounding_boxes"]
    largest: dict[int, int] = {}
    for part in np.argsort(-counts.astype(np.int64)).tolist():
        box = boxes[part]
        if part == 0 or not _FEWEST_VOXELS[dims] <= counts[part] <= _LARGEST_SHARE * raw.labels.size:
            continue
        inside = parts[box] == part
        value = int(raw.labels[box][inside][0])
        largest.setdefault(value, part)
    targets = []
    for value, part in list(largest.items())[:_MOST_TARGETS]:
        box = boxes[part]
        low = np.array([side.start for side in box], np.float64)
        high = np.array([side.stop - 1 for side in box], np.float64)
        inside = parts[box] == part
        every = max(1, int(np.ceil((inside.size / _EXACT_VOXELS) ** (1 / dims))))
        coarse = inside[tuple(slice(None, None, every) for _ in range(dims))]
        if coarse.any():
            centre = low + every * np.array(middle_of(coarse), np.float64)
            targets.append(Target(value, centre, low, high))
    if not targets:
        return None
    return Scene(KINDS.index(raw.kind), raw.patient, raw.labels, raw.image, tuple(targets))


def _key(recipe: ClicksRecipe) -> str:
    what = recipe.clicks.model_dump_json(exclude={"name", "held_out", "shares"})
    return hashlib.sha256(f"{_VERSION} {recipe.network.spatial_dims} {what}".encode()).hexdigest()


def _write(scenes: Sequence[Scene], path: Path, key: str) -> None:
    about = [
        {
            "kind": scene.kind,
            "patient": scene.patient,
            "shape": scene.labels.shape,
            "has_image": scene.image is not None,
            "targets": [[t.value, *(float(x) for x in (*t.centre, *t.low, *t.high))] for t in scene.targets],
        }
        for scene in scenes
    ]
    images = [scene.image.ravel() for scene in scenes if scene.image is not None]
    arrays: dict[str, npt.NDArray[Any]] = {
        "about": np.frombuffer(json.dumps({"key": key, "scenes": about}).encode(), np.uint8),
        "labels": np.concatenate([scene.labels.ravel() for scene in scenes]),
        "images": np.concatenate([np.zeros(0, np.float16), *images]),
    }
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def _read(path: Path, key: str) -> list[Scene] | None:
    """Return what was kept; None if there is nothing, or something made otherwise."""
    if not path.is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as kept:
            about = json.loads(kept["about"].tobytes())
            if about["key"] != key:
                return None
            return _scenes(about["scenes"], kept["labels"], kept["images"])
    except (OSError, ValueError, KeyError):
        return None


def _scenes(about: list[dict[str, Any]], labels: npt.NDArray[Any], images: npt.NDArray[Any]) -> list[Scene]:
    scenes = []
    at = image_at = 0
    for one in about:
        shape, dims = tuple(one["shape"]), len(one["shape"])
        n = int(np.prod(shape))
        image = None
        if one["has_image"]:
            image = images[image_at : image_at + n].reshape(shape)
            image_at += n
        targets = tuple(
            Target(int(t[0]), *(np.array(t[1 + dims * part : 1 + dims * (part + 1)]) for part in range(3)))
            for t in one["targets"]
        )
        scenes.append(Scene(one["kind"], one["patient"], labels[at : at + n].reshape(shape), image, targets))
        at += n
    return scenes
