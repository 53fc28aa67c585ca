"""A MONAI bundle becomes an offer: metadata, network, transforms and window, read as data."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_medseg.models.foreign.code import Code, needed_code, require_shown
from napari_medseg.models.foreign.documents import read_document
from napari_medseg.models.foreign.offer import Choices, Offer
from napari_medseg.models.foreign.references import Configuration, Expression, expressions_in
from napari_medseg.models.foreign.refusal import cannot_translate, not_in_order
from napari_medseg.models.foreign.transforms import plain_name, translate_transforms
from napari_medseg.models.foreign.words import (
    NOT_STATED,
    catalogue_name,
    label_values,
    modality_word,
    text,
    word,
)

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.models.card import ModelCard

_CONFIGURATIONS = ("inference.json", "inference.yaml", "inference.yml")
_WEIGHTS = ("model.safetensors", "model.pt", "model.pth")
_LICENCES = ("LICENSE", "LICENSE.txt", "LICENSE.md", "license.txt", "docs/license.txt", "docs/LICENSE")
_MOST_CHANNELS = 64
_NEEDED = ("network_def", "network", "preprocessing", "inferer", "postprocessing")
_RESERVED = ("_target_", "_desc_", "_disabled_", "_mode_", "_requires_")


def is_bundle(folder: Path) -> bool:
    """Tell whether a folder is a MONAI bundle."""
    return (folder / "configs" / "metadata.json").is_file()


def read_bundle(folder: Path, choices: Choices) -> Offer:
    """Read a MONAI bundle (https://docs.monai.io/en/stable/mb_specification.html) without running anything of it.

    Raises
    ------
    MedsegError
        If it is not in order, or does something that has no place on a card; the sentence names it.
    """
    metadata = read_document(folder / "configs" / "metadata.json")
    path = _one_of(folder / "configs", _CONFIGURATIONS)
    if path is None:
        raise not_in_order("it has no configs/inference.json")
    configuration = Configuration(read_document(path))
    needed = _needed(configuration)
    expressions = expressions_in(needed)
    if expressions:
        code = needed_code(folder, configuration.values.get("imports"), expressions)
        if not choices.run_code:
            return _unread(metadata, folder, choices, code)
        from napari_medseg.models.foreign.running import evaluate

        require_shown(code.lines, choices.code_sha256)
        configuration.evaluated.update(evaluate(path, code.imports, code.codes))
        needed = _needed(configuration)
    spec = _network(needed, metadata)
    sliding = _inferer(needed["inferer"])
    window = sliding["window"]
    inputs = (
        translate_transforms(needed["preprocessing"], window, _channel_names(metadata, spec["in_channels"])) | sliding
    )
    spec["spatial_dims"] = spec["spatial_dims"] or len(window)
    n_labels = _check_outputs(spec["out_channels"], needed["postprocessing"])
    values = _about(metadata, folder, choices) | {
        "network": spec,
        "labels": label_values(_labels(metadata, n_labels, spec["out_channels"])),
        "input": inputs,
    }
    weights = _weights(folder)
    return Offer("MONAI bundle", values, weights.stat().st_size, partial(_build, values, weights))


def _needed(configuration: Configuration) -> dict[str, Any]:
    """Return what of a configuration matters to us: nothing else of it is looked at."""
    found = {name: configuration.get(name) for name in _NEEDED if name != "network"}
    if found["network_def"] is None:
        found["network_def"] = configuration.get("network")
    steps = found["preprocessing"]
    if isinstance(steps, dict) and plain_name(str(steps.get("_target_"))) == "Compose":
        steps = steps.get("transforms")
    found["preprocessing"] = [_without_words(step) for step in steps] if isinstance(steps, list) else steps
    steps = found["postprocessing"]
    steps = steps.get("transforms") if isinstance(steps, dict) else steps
    found["postprocessing"] = [step for step in steps if _counts(step)] if isinstance(steps, list) else steps or []
    inferer = found["inferer"]
    if isinstance(inferer, dict):
        found["inferer"] = {key: value for key, value in inferer.items() if key not in ("device", "sw_device")}
    return found


def _without_words(step: Any) -> Any:
    """Leave out of a transform what cannot change its result; keep the foreground's rule as it is written."""
    if not isinstance(step, dict):
        return step
    kept = {key: value for key, value in step.items() if key not in ("keys", "device", "reader", "allow_missing_keys")}
    if isinstance(kept.get("select_fn"), Expression):
        kept["select_fn"] = kept["select_fn"].code
    return kept


def _counts(step: Any) -> bool:
    """Tell whether a step after the network changes labels, apart from bringing them back and saving them."""
    if not isinstance(step, dict):
        return True
    name = plain_name(str(step.get("_target_")))
    return step.get("_disabled_") is not True and name not in ("Invert", "SaveImage", "EnsureType", "CopyItems")


def _network(needed: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
    from napari_medseg.models.networks.names import MONAI_NETWORKS

    definition = needed["network_def"]
    if not isinstance(definition, dict) or not isinstance(definition.get("_target_"), str):
        raise not_in_order("its configuration has no network_def")
    target = definition["_target_"]
    module, _, name = target.rpartition(".")
    places = ("", "monai.networks.nets", f"monai.networks.nets.{MONAI_NETWORKS.get(name)}")
    if name not in MONAI_NETWORKS or module not in places:
        raise cannot_translate(f"the network '{target[:80]}', which is not one that this program knows,")
    if definition.get("_mode_", "default") not in ("default", "component"):
        raise cannot_translate(f"the network's mode '{str(definition['_mode_'])[:40]}'")
    arguments = {key: value for key, value in definition.items() if key not in _RESERVED}
    _refuse_objects(arguments)
    given = {key: arguments.pop(key, None) for key in ("spatial_dims", "in_channels", "out_channels")}
    if given["in_channels"] is None and name == "BasicUNet":
        given["in_channels"] = 1
    channels = _channels(metadata)
    in_channels = given["in_channels"] or channels[0]
    if not isinstance(in_channels, int) or not 1 <= in_channels <= _MOST_CHANNELS:
        raise not_in_order(f"its network reads {str(in_channels)[:20]} channels")
    dims = given["spatial_dims"]
    if dims not in (2, 3, None):
        raise not_in_order(f"its network has {dims} axes")
    out_channels = given["out_channels"] or channels[1]
    if not isinstance(out_channels, int) or not 1 <= out_channels <= 10_000:
        raise not_in_order(f"its network gives {str(out_channels)[:20]} channels")
    return {
        "family": "monai",
        "spatial_dims": dims,
        "in_channels": in_channels,
        "out_channels": out_channels,
        "arguments": {"class": name, **arguments},
    }


def _refuse_objects(value: Any) -> None:
    """Refuse arguments that are objects to be made, however deep they are: a card holds plain values."""
    parts = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    reserved = [key for key in value if str(key).startswith("_")] if isinstance(value, dict) else []
    if reserved:
        raise cannot_translate(f"'{str(value.get('_target_', reserved[0]))[:80]}' within the network")
    for part in parts:
        _refuse_objects(part)


def _channels(metadata: dict[str, Any]) -> tuple[Any, Any]:
    return _format(metadata, "inputs").get("num_channels"), _format(metadata, "outputs").get("num_channels")


def _channel_names(metadata: dict[str, Any], n_channels: int) -> list[str]:
    """Return what metadata call the images that the network reads at once."""
    named = _format(metadata, "inputs").get("channel_def")
    named = {str(key): value for key, value in named.items()} if isinstance(named, dict) else {}
    return [word(named.get(str(n)) or f"image {n + 1}", "The name of a channel") for n in range(n_channels)]


def _format(metadata: dict[str, Any], side: str) -> dict[str, Any]:
    """Return what metadata say about the first input or output of the network."""
    found = metadata.get("network_data_format")
    found = found.get(side) if isinstance(found, dict) else None
    first = next(iter(found.values()), None) if isinstance(found, dict) else None
    return first if isinstance(first, dict) else {}


def _inferer(inferer: Any) -> dict[str, Any]:
    name = str(inferer.get("_target_")).rpartition(".")[2] if isinstance(inferer, dict) else "none"
    if name not in ("SlidingWindowInferer", "SlidingWindowInfererAdapt"):
        raise cannot_translate(f"the inferer '{name[:60]}', which is not a sliding window,")
    size, overlap = inferer.get("roi_size"), inferer.get("overlap", 0.25)
    if not isinstance(size, list) or len(size) not in (2, 3) or not all(isinstance(n, int) and n > 0 for n in size):
        raise cannot_translate(f"the window {str(size)[:40]}")
    if not isinstance(overlap, int | float) or not 0 <= overlap < 1:
        raise cannot_translate(f"the overlap {str(overlap)[:20]}")
    blending = str(inferer.get("mode", "constant"))
    if blending not in ("gaussian", "constant"):
        raise cannot_translate(f"windows blended by '{blending[:40]}'")
    for name, known in (("sigma_scale", 0.125), ("padding_mode", "constant"), ("cval", 0)):
        if inferer.get(name, known) != known:
            raise cannot_translate(f"the inferer's {name} {str(inferer[name])[:40]}")
    return {"window": tuple(size), "overlap": float(overlap), "blending": blending}


def _check_outputs(out_channels: int, steps: Any) -> int:
    """Check that the steps after the network are those of a card; return how many labels there are."""
    if not isinstance(steps, list):
        raise not_in_order("its postprocessing is no list of steps")
    for step in steps:
        if not isinstance(step, dict) or not isinstance(step.get("_target_"), str):
            raise not_in_order("one of its steps after the network has no name")
        name = plain_name(step["_target_"])
        if name == "Activations":
            if step.get("sigmoid") is True and out_channels > 1:
                raise cannot_translate("several structures that may overlap (a sigmoid for each)")
            if step.get("other") is not None:
                raise cannot_translate("an activation of its own")
        elif name == "AsDiscrete":
            threshold = step.get("threshold")
            if isinstance(threshold, int | float) and not isinstance(threshold, bool) and threshold != 0.5:
                raise cannot_translate(f"the threshold {threshold}")
        else:
            raise cannot_translate(f"the step '{name[:60]}' after the network")
    return max(1, out_channels - 1)


def _labels(metadata: dict[str, Any], n_labels: int, out_channels: int) -> list[tuple[int, str]]:
    named = _format(metadata, "outputs").get("channel_def")
    named = {str(key): value for key, value in named.items()} if isinstance(named, dict) else {}
    if out_channels == 1:
        only = named.get("1") or named.get("0") or "structure"
        return [(1, only)]
    return [(value, named.get(str(value)) or f"structure {value}") for value in range(1, n_labels + 1)]


def _about(metadata: dict[str, Any], folder: Path, choices: Choices) -> dict[str, Any]:
    title = word(metadata.get("name") or folder.name, "The name of the model")
    modality = modality_word(_format(metadata, "inputs").get("modality"))
    return {
        "name": catalogue_name(choices.name, title, folder.name),
        "title": title,
        "description": text(metadata.get("description")) or title,
        "task": "semantic",
        "modality": [modality] if modality else [],
        "body_part": "",
        "licence": _licence(metadata, folder),
        "intended_use": text(metadata.get("intended_use")) or NOT_STATED,
        "limitations": text(metadata.get("limitations")) or NOT_STATED,
        "source": f"MONAI bundle, version {text(metadata.get('version'))[:40] or NOT_STATED}",
    }


def _licence(metadata: dict[str, Any], folder: Path) -> str:
    stated = text(metadata.get("license") or metadata.get("licence"))
    path = _one_of(folder, _LICENCES)
    if stated or path is None or path.stat().st_size > 1_000_000:
        return stated[:200] or NOT_STATED
    lines = [text(line) for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    return " ".join(line for line in lines if line)[:120].strip() or NOT_STATED


def _unread(metadata: dict[str, Any], folder: Path, choices: Choices, code: Code) -> Offer:
    """Return an offer that says what has to run before the rest can be read."""
    values = _about(metadata, folder, choices) | {"labels": []}

    def refuse(_target: Path) -> ModelCard:
        raise not_in_order("code has to run before it can be read")

    return Offer("MONAI bundle", values, _weights(folder).stat().st_size, refuse, code.lines)


def _weights(folder: Path) -> Path:
    path = _one_of(folder / "models", _WEIGHTS)
    if path is None:
        raise not_in_order("it has no models/model.pt (some bundles fetch it by their large_files.yml)")
    return path


def _one_of(folder: Path, names: tuple[str, ...]) -> Path | None:
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _build(values: dict[str, Any], weights: Path, target: Path) -> ModelCard:
    from napari_medseg.models.foreign.tensors import read_state
    from napari_medseg.models.foreign.writing import write_network

    return write_network(values, [read_state(weights)], target)
