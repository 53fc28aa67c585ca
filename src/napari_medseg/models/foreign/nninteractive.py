"""A folder of nnInteractive becomes an offer: nnU-Net's plans and checkpoint, and where its prompts go, as data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.foreign.documents import read_document
from napari_medseg.models.foreign.nnunet import find_results
from napari_medseg.models.foreign.nnunet_plans import read_architecture
from napari_medseg.models.foreign.offer import Choices, Offer
from napari_medseg.models.foreign.refusal import cannot_translate, not_in_order
from napari_medseg.models.foreign.words import NOT_STATED, catalogue_name, label_values, text, word

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.models.card import ModelCard

_NEWER, _OLDER = "inference_info.json", "inference_session_class.json"
"""Either tells nnInteractive's own program how prompts are drawn."""

_CHECKPOINT = "checkpoint_final.pth"
_OFFICIAL = ("Dataset225_nnInteractiveV2", "3d_fullres_ps192_bs24")
_OFFICIAL_LICENCE = "CC BY-NC-SA 4.0"
"""Of the model that its makers publish, whose first version came without a file that says so."""

_CHANNELS: dict[str, Any] = {"prev_seg": 0, "lasso": [1, 2], "points": [3, 4], "scribble": [5, 6]}
"""Channels after the image, and of prompts the positive one and the negative one; boxes share those of lassos."""

_MOST_CHANNELS = 32
_LARGEST_RADIUS = 32
_NOTES = (
    "It sees scans as they are displayed and with voxels of equal sides; its own program shows it the scan as stored.",
    "Large objects are seen coarsely and stay so; its own program looks again at full resolution.",
)


def is_nninteractive(folder: Path) -> bool:
    """Tell whether a folder, or the one folder in it, holds a model of nnInteractive."""
    return _model_folder(folder) is not None


def read_nninteractive(top: Path, choices: Choices) -> Offer:
    """Read a model of nnInteractive without running anything of it.

    Raises
    ------
    MedsegError
        If it is not in order, or something of it has no place on a card; the sentence names it.
    """
    folder = _model_folder(top)
    assert folder is not None
    plans = read_document(folder / "plans.json")
    configuration = _configuration(plans, choices.configuration)
    network, patch = read_architecture(plans, configuration)
    if len(patch) != 3 or len(set(patch)) != 1:
        raise cannot_translate("a window with sides of several lengths")
    drawing, n_channels = _drawing(folder)
    checkpoint = _checkpoint(folder, choices)
    title = word(folder.resolve().name, "The name of the model's folder")
    values = {
        "name": catalogue_name(choices.name, title),
        "title": title,
        "description": "Segments what is clicked on, in volumes (nnInteractive).",
        "task": "clicks",
        "modality": [],
        "body_part": "",
        "network": {
            "family": "nninteractive",
            "spatial_dims": 3,
            "in_channels": 1 + n_channels,
            "out_channels": 1,
            "arguments": {**network, "folds": 1, "axis_order": [2, 1, 0], "drawing": drawing},
        },
        "labels": label_values([(1, "object")]),
        "input": {"window": patch},
        "licence": _licence(folder, plans, configuration),
        "intended_use": NOT_STATED,
        "limitations": " ".join(_NOTES),
        "source": f"nnInteractive, {configuration}, {checkpoint.parent.name}",
    }
    build = partial(_build, values, configuration, checkpoint)
    return Offer("nnInteractive model", values, checkpoint.stat().st_size, build, (), _NOTES)


def _model_folder(top: Path) -> Path | None:
    for folder in find_results(top):
        if any((folder / name).is_file() for name in (_NEWER, _OLDER)):
            return folder
    return None


def _configuration(plans: dict[str, Any], wish: str) -> str:
    """Return the configuration that was trained; the checkpoint has the last word when it is read."""
    known = plans.get("configurations")
    names = list(known) if isinstance(known, dict) else []
    if wish in names:
        return wish
    if not wish and _OFFICIAL[1] in names:
        return _OFFICIAL[1]
    if not wish and len(names) == 1:
        return str(names[0])
    raise MedsegError(
        f"This folder has no configuration '{wish}'." if wish else "This folder names several configurations.",
        f"Choose the one that was trained: {', '.join(text(name)[:60] for name in names) or 'none'}.",
    )


def _drawing(folder: Path) -> tuple[dict[str, Any], int]:
    """Return how prompts are drawn, and into how many channels."""
    if (folder / _NEWER).is_file():
        facts, decay = read_document(folder / _NEWER), 0.98
    else:
        facts, decay = _older_facts(folder / _OLDER)
    if facts.get("pad_mode_image", "constant") != "constant":
        raise cannot_translate("a window that is filled with something else than zeros")
    radius = facts.get("point_radius", 4)
    if not isinstance(radius, int) or not 1 <= radius <= _LARGEST_RADIUS:
        raise not_in_order("its point_radius is no number of voxels")
    thickness = facts.get("preferred_scribble_thickness", 2)
    thickness = max(thickness) if isinstance(thickness, list) and thickness else thickness
    decay = facts.get("interaction_decay", decay)
    if not isinstance(thickness, int) or not 1 <= thickness <= _LARGEST_RADIUS:
        raise not_in_order("its preferred_scribble_thickness is no number of voxels")
    if not isinstance(decay, int | float) or not 0 < decay <= 1:
        raise not_in_order("its interaction_decay is not above 0 and up to 1")
    named = facts.get("channel_mapping", {})
    if not isinstance(named, dict):
        raise not_in_order("its channel_mapping is not a list of names")
    count = int(facts.get("interaction_channels", 6)) + 1
    places = {name: _places(named.get(name, standing), count) for name, standing in _CHANNELS.items()}
    if not 1 <= count <= _MOST_CHANNELS or len(places["prev_seg"]) != 1:
        raise not_in_order("its channel_mapping does not fit its network")
    if any(len(pair) != 2 for name, pair in places.items() if name != "prev_seg"):
        raise not_in_order("its channel_mapping does not fit its network")
    channels = {
        "previous": places["prev_seg"][0],
        "region": places["lasso"],
        "points": places["points"],
        "scribbles": places["scribble"],
    }
    return {"radius": radius, "thickness": thickness, "decay": decay, **channels}, count


def _places(given: Any, count: int) -> list[int]:
    """Return channels counted from the first; some files count from the last."""
    numbers = given if isinstance(given, list) else [given]
    if not all(isinstance(n, int) and -count <= n < count for n in numbers):
        raise not_in_order("its channel_mapping names channels that there are not")
    return [n % count for n in numbers]


def _older_facts(path: Path) -> tuple[dict[str, Any], float]:
    """Read the older file, which may hold a single word: then nothing but a faster decay is meant."""
    try:
        start = path.read_text(encoding="utf-8")[:1000].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise not_in_order(f"{path.name} cannot be read") from error
    return ({}, 0.9) if start.startswith('"') else (read_document(path), 0.98)


def _checkpoint(folder: Path, choices: Choices) -> Path:
    found = [path for path in sorted(folder.glob("fold_*")) if (path / _CHECKPOINT).is_file()]
    if choices.folds:
        found = [path for path in found if path.name.removeprefix("fold_") in choices.folds]
    if len(found) != 1:
        raise MedsegError("This folder does not hold just one trained network.", "Choose a fold with --fold.")
    return found[0] / _CHECKPOINT


def _licence(folder: Path, plans: dict[str, Any], configuration: str) -> str:
    """Return the first line of its LICENSE that says something, as nnInteractive's own program does."""
    try:
        lines = (folder / "LICENSE").read_text(encoding="utf-8", errors="replace")[:20_000].splitlines()
    except OSError:
        lines = []
    stated = next((text(line)[:200] for line in lines if text(line)), "")
    official = (plans.get("dataset_name"), configuration) == _OFFICIAL
    return stated or (_OFFICIAL_LICENCE if official else NOT_STATED)


def _build(values: dict[str, Any], configuration: str, checkpoint: Path, target: Path) -> ModelCard:
    from napari_medseg.models.foreign.nnunet_checkpoint import read_fold
    from napari_medseg.models.foreign.writing import write_network

    return write_network(values, [read_fold(checkpoint, configuration).state], target)
