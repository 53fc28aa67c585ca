"""``napari-medseg models``: the catalogue."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse

    from napari_medseg.core.progress import ProgressCallback
    from napari_medseg.models import ModelCard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("--json", action="store_true", help="write the whole model cards as JSON")


def run(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Print every model card, shortly."""
    from napari_medseg.models import catalogue_problems, list_models

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
