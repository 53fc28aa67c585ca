"""``napari-medseg models``: the catalogue."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from napari_medseg.core.progress import ProgressCallback
    from napari_medseg.models import ModelCard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("--json", action="store_true", help="write the whole model cards as JSON")
    parser.add_argument(
        "--add", type=Path, metavar="FOLDER", help="first copy a model's folder, such as `train` writes, among yours"
    )
    parser.add_argument("--overwrite", action="store_true", help="let it take the place of your model of its name")


def run(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Print every model card, shortly; before that, add a model if asked to.

    Raises
    ------
    MedsegError
        If the model to add is not in order, or there is one of its name.
    """
    from napari_medseg.models import catalogue_problems, list_models

    if arguments.add is not None:
        from napari_medseg.models.catalogue import read_model_folder
        from napari_medseg.models.installing import install_model

        added = install_model(read_model_folder(arguments.add.expanduser()), overwrite=arguments.overwrite)
        print(f"added {added.card.name}", file=sys.stderr)
    cards = list_models()
    if arguments.json:
        print(json.dumps([card.model_dump(mode="json") for card in cards], indent=2))
    else:
        print("\n".join(line for card in cards for line in describe(card)))
    for problem in catalogue_problems():
        print(f"not listed: {problem}", file=sys.stderr)
    return 0


def describe(card: ModelCard) -> list[str]:
    """Return the lines that tell a reader about one model."""
    labels = ", ".join(f"{label.value} {label.name}" for label in card.labels)
    lines = [
        f"{card.name}: {card.title}",
        f"  for {', '.join(card.modality)}; labels: {labels}",
        f"  {card.weights.size_bytes / 1e6:.1f} MB; licence {card.licence}",
    ]
    return lines + [
        f"  {record.metric} {record.label}: {record.mean:.3f} "
        f"({record.ci_low:.3f} to {record.ci_high:.3f}) on {record.n} cases of {record.dataset}"
        for record in card.quality
    ]
