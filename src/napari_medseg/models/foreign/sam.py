"""A Segment Anything model in the layout of transformers becomes an offer: configuration and safetensors, as data."""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.foreign.documents import read_document
from napari_medseg.models.foreign.offer import Choices, Offer
from napari_medseg.models.foreign.refusal import not_in_order
from napari_medseg.models.foreign.words import NOT_STATED, catalogue_name, label_values, text, word
from napari_medseg.models.networks.names import SAM_ARGUMENTS

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.models.card import ModelCard

_CONFIG = "config.json"
_WEIGHTS = "model.safetensors"
_PARTS = {"vision": "vision_config", "prompts": "prompt_encoder_config", "decoder": "mask_decoder_config"}
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet, which Segment Anything's own colours are scaled by."""

_TWINS = ("shared_image_embedding.positional_embedding", "prompt_encoder.shared_embedding.positional_embedding")
"""Two names of the same numbers, of which a file holds one or both."""

_LICENCE = re.compile(r"^licen[cs]e:[ \t]*(.+)$", re.MULTILINE)
_LONGEST_CARD = 20_000


def is_sam(folder: Path) -> bool:
    """Tell whether a folder is a model of transformers' own classes; which one, `read_sam` looks at."""
    return (folder / _CONFIG).is_file() and "model_type" in read_document(folder / _CONFIG)


def read_sam(folder: Path, choices: Choices) -> Offer:
    """Read a folder that ``SamModel.save_pretrained`` wrote, or that was fetched from where such folders lie.

    Raises
    ------
    MedsegError
        If it is another kind of model, is not in order, or its weights are a pickle.
    """
    config = read_document(folder / _CONFIG)
    kind = text(config["model_type"])[:40]
    if kind != "sam":
        raise MedsegError(
            f"This is a model of the kind '{kind}', which this program does not know.",
            "Of transformers' models it knows those of the kind 'sam', such as SAM and MedSAM.",
        )
    weights = folder / _WEIGHTS
    if not weights.is_file():
        raise _no_weights(folder)
    parts = {ours: _part(config, theirs, SAM_ARGUMENTS[ours]) for ours, theirs in _PARTS.items()}
    side = parts["vision"].get("image_size", 1024)
    if not isinstance(side, int) or not 16 <= side <= 4096:
        raise not_in_order("its image_size is no number of pixels")
    title = word(folder.resolve().name, "The name of the model's folder")
    values = {
        "name": catalogue_name(choices.name, title),
        "title": f"{title} (Segment Anything)",
        "description": "Segments what is clicked on, on images and slices.",
        "task": "clicks",
        "modality": [],
        "body_part": "",
        "network": {
            "family": "sam",
            "spatial_dims": 2,
            "in_channels": 3,
            "out_channels": 1,
            "arguments": {**parts, **_colours(folder)},
        },
        "labels": label_values([(1, "object")]),
        "input": {"window": [side, side]},
        "licence": _licence(folder),
        "intended_use": NOT_STATED,
        "limitations": "It sees a slice whole, scaled to its own size: what is small in it is seen coarsely.",
        "source": "Segment Anything in the layout of transformers",
    }
    return Offer("Segment Anything model", values, weights.stat().st_size, partial(_build, values, weights))


def _no_weights(folder: Path) -> MedsegError:
    pickles = [path.name for path in sorted(folder.iterdir()) if path.suffix in (".bin", ".pth", ".pt", ".ckpt")]
    if not pickles:
        return not_in_order(f"it has no {_WEIGHTS}")
    return MedsegError(
        f"The weights in {pickles[0][:80]} are a pickle, which could run code, and there is no {_WEIGHTS}.",
        f"Fetch {_WEIGHTS} of the same model, or let transformers write it (save_pretrained).",
    )


def _part(config: dict[str, Any], name: str, known: tuple[str, ...]) -> dict[str, Any]:
    given = config.get(name)
    if not isinstance(given, dict):
        raise not_in_order(f"its {_CONFIG} has no {name}")
    return {key: given[key] for key in known if given.get(key) is not None}


def _colours(folder: Path) -> dict[str, Any]:
    """Return how the three colours are scaled."""
    path = folder / "preprocessor_config.json"
    given = read_document(path) if path.is_file() else {}
    colours = {"mean": given.get("image_mean", list(_MEAN)), "deviation": given.get("image_std", list(_DEVIATION))}
    for what, numbers in colours.items():
        if not isinstance(numbers, list) or len(numbers) != 3 or not all(isinstance(n, int | float) for n in numbers):
            raise not_in_order(f"the {what} of its colours is not three numbers")
    if not all(n > 0 for n in colours["deviation"]):
        raise not_in_order("the deviation of its colours is not above 0")
    return colours


def _licence(folder: Path) -> str:
    """Return what the head of its README.md states, where such folders tell it, or else the first line of LICENSE."""
    readme = _start(folder / "README.md")
    if readme.startswith("---"):
        stated = _LICENCE.search(readme[3:].partition("\n---")[0])
        if stated:
            return text(stated[1].strip("\"' "))[:200] or NOT_STATED
    return text(_start(folder / "LICENSE").strip().partition("\n")[0])[:200] or NOT_STATED


def _start(path: Path) -> str:
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(_LONGEST_CARD)
    except OSError:
        return ""


def _build(values: dict[str, Any], weights: Path, target: Path) -> ModelCard:
    from napari_medseg.models.foreign.tensors import read_state
    from napari_medseg.models.foreign.writing import write_network

    state = read_state(weights)
    for name, twin in (_TWINS, _TWINS[::-1]):
        if name in state and twin not in state:
            state[twin] = state[name]
    return write_network(values, [state], target)
