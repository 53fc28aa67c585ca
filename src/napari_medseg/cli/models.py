"""``napari-medseg models``: the catalogue, and what comes into it and goes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from napari_medseg.cli import models_add
from napari_medseg.cli.asking import agreed

if TYPE_CHECKING:
    import argparse

    from napari_medseg.core.progress import ProgressCallback
    from napari_medseg.models import ModelCard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command and of what it does besides listing."""
    parser.add_argument("--json", action="store_true", help="write the whole model cards as JSON")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", title="besides listing")
    about = "add a model: a MONAI bundle, an nnU-Net v2 folder, an ONNX file, or what `train` writes"
    models_add.add_arguments(actions.add_parser("add", help=about, description=f"{about[0].upper()}{about[1:]}."))
    remove = actions.add_parser("remove", help="remove a model of yours", description="Remove a model of yours.")
    remove.add_argument("name", help="its name in the list")
    remove.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Print every model card, shortly; or add or remove a model.

    Raises
    ------
    MedsegError
        If the model to add or to remove is refused.
    """
    if arguments.action == "add":
        return models_add.run(arguments, on_progress)
    if arguments.action == "remove":
        return _remove(arguments.name, arguments.yes)
    from napari_medseg.models import catalogue_problems, list_models

    cards = list_models()
    if arguments.json:
        print(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
    else:
        print("\n".join(line for card in cards for line in describe(card)))
    for problem in catalogue_problems():
        print(f"not listed: {problem}", file=sys.stderr)
    return 0


def _remove(name: str, yes: bool) -> int:
    from napari_medseg.models.installing import remove_model

    if not yes and not agreed(f"Remove the model '{name}'?"):
        return 1
    remove_model(name)
    print(f"removed {name}", file=sys.stderr)
    return 0


def describe(card: ModelCard) -> list[str]:
    """Return the lines that tell a reader about one model."""
    from napari_medseg.models.foreign.words import CLAIMED

    labels = ", ".join(f"{label.value} {label.name}" for label in card.labels)
    lines = [
        f"{card.name}: {card.title}",
        f"  for {', '.join(card.modality) or 'any modality'}; labels: {labels}",
        f"  {card.weights.size_bytes / 1e6:.1f} MB; licence {card.licence}",
    ]
    if card.task == "clicks":
        lines.insert(
            2, f"  answers clicks {'in volumes' if card.network.spatial_dims == 3 else 'on images and slices'}"
        )
    elif card.network.in_channels > 1:
        lines.insert(2, f"  reads {card.network.in_channels} images at once: {', '.join(card.channel_names)}")
    counted = "objects" if card.task == "clicks" else "cases"
    return lines + [
        f"  {record.metric} {record.label}: {record.mean:.3f} "
        f"({record.ci_low:.3f} to {record.ci_high:.3f}) on {record.n} {counted} of {record.dataset}"
        f"{f', {CLAIMED}' if record.note.startswith(CLAIMED) else ''}"
        for record in card.quality
    ]
