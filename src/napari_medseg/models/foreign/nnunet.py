"""A result folder of nnU-Net v2 becomes an offer: plans, labels and folds, read as data."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.foreign.documents import read_document
from napari_medseg.models.foreign.nnunet_labels import read_labels
from napari_medseg.models.foreign.nnunet_plans import Plan, read_plan
from napari_medseg.models.foreign.offer import Choices, Offer
from napari_medseg.models.foreign.refusal import not_in_order
from napari_medseg.models.foreign.words import NOT_STATED, catalogue_name, modality_word, text, word

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.models.card import ModelCard

_CHECKPOINTS = ("checkpoint_final.pth", "checkpoint_best.pth")
_FOLD = re.compile(r"^fold_(\d{1,3}|all)$")
_MOST_CHANNELS = 64
_NOTES = (
    "Scans of another spacing are interpolated linearly here, otherwise in this model's own program: edges differ by "
    "parts of a voxel.",
)


def find_results(folder: Path) -> list[Path]:
    """Return the folders of trained configurations in a folder, itself or up to three levels below."""
    found = []
    for pattern in ("plans.json", "*/plans.json", "*/*/plans.json", "*/*/*/plans.json"):
        found += [path.parent for path in sorted(folder.glob(pattern)) if (path.parent / "dataset.json").is_file()]
    return [path for path in found if _folds(path)]


def read_nnunet(results: list[Path], choices: Choices) -> Offer:
    """Read a result folder of nnU-Net v2 (Isensee et al., Nature Methods 2021) without running anything of it.

    Raises
    ------
    MedsegError
        If it is not in order, or does something that has no place on a card; the sentence names it.
    """
    folder, configuration = _chosen(results, choices.configuration)
    plans, dataset = read_document(folder / "plans.json"), read_document(folder / "dataset.json")
    folds = _chosen_folds(folder, choices.folds)
    channels = dataset.get("channel_names") or dataset.get("modality")
    if not isinstance(channels, dict) or not channels:
        raise not_in_order("its dataset.json names no channels")
    names = _channel_names(channels)
    plan = read_plan(plans, configuration, names)
    labels = read_labels(dataset)
    title = word(plans.get("dataset_name") or dataset.get("name") or folder.name, "The name of the model")
    modalities = {modality_word(name) for name in names} - {""}
    arguments = {**plan.network, "folds": len(folds), "axis_order": plan.axis_order}
    values = {
        "name": catalogue_name(choices.name, f"{title}-{configuration}"),
        "title": f"{title} (nnU-Net {configuration})",
        "description": text(dataset.get("description")) or f"{title}, trained with nnU-Net.",
        "task": "semantic",
        "modality": sorted(modalities),
        "body_part": "",
        "network": {
            "family": "nnunet",
            "spatial_dims": len(plan.input["window"]),
            "in_channels": len(names),
            "out_channels": labels.n_channels,
            "arguments": arguments,
        },
        "labels": labels.values,
        "output": "regions" if labels.has_regions else "classes",
        "input": plan.input,
        "licence": text(dataset.get("licence") or dataset.get("license"))[:200] or NOT_STATED,
        "intended_use": NOT_STATED,
        "limitations": _limitations(plan, labels.has_regions),
        "source": f"nnU-Net v2, {configuration}, folds {', '.join(fold.name.removeprefix('fold_') for fold in folds)}",
    }
    files = [_checkpoint(fold) for fold in folds]
    size = sum(path.stat().st_size for path in files)
    notes = () if plan.input.get("interpolation") == "cubic" or "spacing_mm" not in plan.input else _NOTES
    return Offer(
        "nnU-Net v2 folder", values, size, partial(_build, values, plan.image_axes, configuration, files), (), notes
    )


def _channel_names(channels: dict[str, Any]) -> list[str]:
    """Return the images that the network reads at once, in the order of their numbers."""
    if not all(str(number).isdecimal() for number in channels) or len(channels) > _MOST_CHANNELS:
        raise not_in_order("its channels are not numbered")
    return [word(channels[number], "The name of a channel") for number in sorted(channels, key=int)]


def _limitations(plan: Plan, has_regions: bool) -> str:
    words = []
    if plan.input.get("orientation") is None and len(plan.input["window"]) == 3:
        words.append("It reads the axes of a scan as they are stored, as nnU-Net does.")
    if has_regions:
        words.append("A region's label is what later regions do not cover.")
    return " ".join(words) or NOT_STATED


def _chosen(results: list[Path], wish: str) -> tuple[Path, str]:
    named = [(path, _configuration(path)) for path in results]
    fitting = [one for one in named if wish in ("", one[1])]
    names = ", ".join(sorted({name for _, name in named}))
    if not fitting:
        raise MedsegError(f"This nnU-Net folder has no configuration '{wish}'.", f"It has: {names}.")
    if len(fitting) > 1:
        raise MedsegError("This folder holds several trained models.", f"Choose a configuration: {names}.")
    return fitting[0]


def _configuration(folder: Path) -> str:
    """Return the configuration that a folder was trained with, from its name or because the plans have one only."""
    configurations = read_document(folder / "plans.json").get("configurations")
    if not isinstance(configurations, dict) or not configurations:
        raise not_in_order("its plans.json has no configurations")
    named = folder.name.rpartition("__")[2]
    if named in configurations:
        return named
    own = [name for name, one in configurations.items() if isinstance(one, dict) and "inherits_from" not in one]
    if len(own) == 1:
        return str(own[0])
    raise not_in_order("the name of its folder does not tell the configuration (Trainer__Plans__configuration)")


def _folds(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.glob("fold_*")) if _FOLD.match(path.name)]
    found = [path for path in found if any((path / name).is_file() for name in _CHECKPOINTS)]
    numbered = [path for path in found if path.name != "fold_all"]
    return numbered or found


def _chosen_folds(folder: Path, wish: Any) -> list[Path]:
    found = _folds(folder)
    if not wish:
        return found
    wanted = [path for path in sorted(folder.glob("fold_*")) if path.name.removeprefix("fold_") in wish]
    if len(wanted) != len(set(wish)) or not all(any((p / n).is_file() for n in _CHECKPOINTS) for p in wanted):
        names = ", ".join(path.name.removeprefix("fold_") for path in found)
        raise MedsegError(f"Not all of the folds {', '.join(wish)} are there.", f"There are: {names}.")
    return wanted


def _checkpoint(fold: Path) -> Path:
    return next(fold / name for name in _CHECKPOINTS if (fold / name).is_file())


def _build(
    values: dict[str, Any], image_axes: list[int], configuration: str, files: list[Path], target: Path
) -> ModelCard:
    from napari_medseg.models.foreign.nnunet_checkpoint import read_fold
    from napari_medseg.models.foreign.writing import write_network

    folds = [read_fold(path, configuration) for path in files]
    axes = sorted(image_axes[axis] for axis in folds[0].mirror_axes if axis < len(image_axes))
    full = {**values, "input": {**values["input"], "mirror_axes": axes}}
    return write_network(full, [fold.state for fold in folds], target)
