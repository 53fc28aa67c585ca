"""A network in one file, ONNX or TorchScript, with a small card beside it."""

from __future__ import annotations

import hashlib
import shutil
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.card import ModelCard
from napari_medseg.models.foreign.documents import read_document
from napari_medseg.models.foreign.offer import Choices, Offer
from napari_medseg.models.foreign.refusal import not_in_order
from napari_medseg.models.foreign.words import NOT_STATED, catalogue_name, label_values, text, word

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CARD_NAMES = ("card.yaml", "card.yml")
_FORMATS = {".onnx": "onnx", ".ts": "torchscript", ".torchscript": "torchscript"}
_CLAIMS = ("Its card states figures of quality or data of training, which are left out: they were not measured here.",)
_DEFAULTS: dict[str, Any] = {
    "task": "semantic",
    "modality": [],
    "body_part": "",
    "licence": NOT_STATED,
    "intended_use": NOT_STATED,
    "limitations": NOT_STATED,
}


def is_network_file(path: Path) -> bool:
    """Tell whether a file's name is that of a network in one file."""
    return path.suffix.lower() in _FORMATS and path.is_file()


def read_network_file(path: Path, choices: Choices) -> Offer:
    """Read the card beside a network: its fields are those of `ModelCard`, most of which may be left out.

    Raises
    ------
    MedsegError
        If there is no card, it is not in order, or the file is a TorchScript program or asks for other files.
    """
    family = _FORMATS[path.suffix.lower()]
    if family == "torchscript":
        raise MedsegError(
            f"{path.name} is a TorchScript program, and this program runs no code that comes with a model.",
            "Export the network as ONNX (torch.onnx.export), or add its weights as a MONAI bundle.",
        )
    beside = next((path.parent / name for name in (f"{path.stem}.yaml", *CARD_NAMES) if _is_file(path, name)), None)
    if beside is None:
        raise MedsegError(f"{path.name} has no card beside it.", f"Write {path.stem}.yaml (docs/models.md tells how).")
    given = read_document(beside)
    claims = [given.pop(name, None) for name in ("quality", "training")]  # nobody here has measured or seen them
    network = given.get("network")
    if not isinstance(network, dict) or network.get("family", family) != family:
        raise not_in_order(f"{beside.name} does not describe the network of {path.name}")
    channels = _channels(given.get("input"))
    title = word(given.get("title") or path.stem, "The title of the model")
    values = {
        **_DEFAULTS,
        "description": title,
        **given,
        "title": title,
        "name": catalogue_name(choices.name, given.get("name"), title),
        "network": {"in_channels": max(1, len(channels)), **network, "family": family},
        "labels": _labels(given.get("labels")),
        **({"input": {**given["input"], "channels": channels}} if channels else {}),
        "source": f"ONNX, {text(path.name)[:80]}",
    }
    return Offer(
        "ONNX network", values, path.stat().st_size, partial(_build, values, path), (), _CLAIMS if any(claims) else ()
    )


def _is_file(path: Path, name: str) -> bool:
    return (path.parent / name).is_file()


def _channels(given: Any) -> list[dict[str, Any]]:
    """Return the images that the network reads at once; a list of names is enough."""
    channels = given.get("channels", []) if isinstance(given, dict) else []
    if not isinstance(channels, list):
        raise not_in_order("the channels of its card are no list")
    return [channel if isinstance(channel, dict) else {"name": str(channel)} for channel in channels]


def _labels(labels: Any) -> list[dict[str, Any]]:
    """Return labels with colours; a list of names is enough."""
    if not isinstance(labels, list) or not labels:
        raise not_in_order("its card has no labels")
    result: list[dict[str, Any]] = []
    for number, label in enumerate(labels, start=1):
        given: Mapping[str, Any] = label if isinstance(label, dict) else {"name": label}
        value = given.get("value", number)
        if not isinstance(value, int):
            raise not_in_order(f"the label '{str(value)[:40]}' is no number")
        result += [{**standing, **given} for standing in label_values([(value, str(given.get("name", "")))])]
    return result


def _build(values: dict[str, Any], path: Path, target: Path) -> ModelCard:
    from napari_medseg.models.networks.onnx_file import check_onnx

    copy = target / "network.onnx"
    shutil.copyfile(path, copy)
    content = copy.read_bytes()
    check_onnx(content, values["network"], tuple(values["input"]["window"]))
    weights = {
        "file": copy.name,
        "format": "onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_bytes": len(content),
        "dtype": "float32",
    }
    return ModelCard.model_validate({**values, "weights": weights})
