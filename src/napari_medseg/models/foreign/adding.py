"""Other people's models become the user's own: read, shown, and on a yes installed."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from napari_medseg.core.errors import MedsegError
from napari_medseg.models import catalogue
from napari_medseg.models.card import ModelCard
from napari_medseg.models.catalogue import CARD_FILE, ModelFolder, read_model_folder
from napari_medseg.models.foreign.bundle import is_bundle, read_bundle
from napari_medseg.models.foreign.nninteractive import is_nninteractive, read_nninteractive
from napari_medseg.models.foreign.nnunet import find_results, read_nnunet
from napari_medseg.models.foreign.offer import Choices, Offer
from napari_medseg.models.foreign.own_file import CARD_NAMES, is_network_file, read_network_file
from napari_medseg.models.foreign.refusal import not_in_order
from napari_medseg.models.foreign.sam import is_sam, read_sam
from napari_medseg.models.foreign.words import as_claimed, require_visible, word
from napari_medseg.models.foreign.zip_file import unpack_model
from napari_medseg.models.installing import install_model

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_medseg.core.progress import CancelToken, ProgressCallback

_LONGEST = 1000
_UNPROVEN = {"file": "weights.safetensors", "sha256": "0" * 64, "size_bytes": 1, "dtype": "float32"}
_UNPROVEN_ONNX = {**_UNPROVEN, "file": "network.onnx", "format": "onnx"}


@contextmanager
def open_offer(
    path: Path,
    choices: Choices | None = None,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Iterator[Offer]:
    """Read a foreign model; what a ZIP file unpacks to is there until the block ends.

    Parameters
    ----------
    path : Path
        A folder, a ZIP file, or a network in one file with its card beside it.
    choices : Choices, optional
        What the user says about it.
    on_progress, cancel
        As everywhere.

    Yields
    ------
    Offer
        What it is. Nothing was installed, and nothing of it was run unless the choices allow it.

    Raises
    ------
    MedsegError
        If it is of no known format, not in order, or cannot be translated.
    """
    chosen = choices or Choices()
    if path.suffix.lower() != ".zip":
        yield _checked(_read(path, chosen))
        return
    if not path.is_file():
        raise MedsegError(f"There is no file {path.name}.")
    with tempfile.TemporaryDirectory(prefix="napari-medseg-model-") as name:
        folder = Path(name)
        unpack_model(path, folder, on_progress, cancel)
        inside = [one for one in folder.iterdir() if one.name != "__MACOSX"]
        top = inside[0] if len(inside) == 1 and inside[0].is_dir() else folder
        yield _checked(_read(top, chosen))


def add_offer(
    offer: Offer, user_folder: Path | None = None, *, overwrite: bool = False, origin: str = ""
) -> ModelFolder:
    """Make a foreign model one of the user's own; it is there whole or not at all.

    Parameters
    ----------
    offer : Offer
        What `open_offer` gave, within its block.
    user_folder : Path, optional
        By default `default_user_folder`.
    overwrite : bool
        Whether it may take the place of another model of its name.
    origin : str
        Where it came from and its checksum, for the card.

    Raises
    ------
    MedsegError
        If its weights would run code, are damaged or not those of its network, or there is a model of its name.
    """
    parent = catalogue.default_user_folder() if user_folder is None else user_folder
    if (parent / offer.name).exists() and not overwrite:
        raise MedsegError(
            f"There is a model '{offer.name}' among yours already.",
            "Add it on the command line, with --name NAME or with --overwrite to take its place.",
        )
    if is_builtin(offer.name) and not overwrite:
        raise MedsegError(
            f"'{offer.name}' is the name of a model that comes with this program.",
            "Add it on the command line, with --name NAME or with --overwrite to take its place.",
        )
    with tempfile.TemporaryDirectory(prefix="napari-medseg-model-") as name:
        folder = Path(name)
        card = offer.build(folder)
        if origin:
            card = card.model_copy(update={"source": f"{card.source}; {origin}".lstrip("; ")})
        (folder / CARD_FILE).write_text(card.model_dump_json(indent=1), encoding="utf-8")
        return install_model(ModelFolder(card, folder), parent, overwrite=overwrite)


def is_builtin(name: str) -> bool:
    """Tell whether a name is that of a model that comes with the program."""
    return (catalogue.builtin_folder() / name / CARD_FILE).is_file()


def _read(path: Path, choices: Choices) -> Offer:
    try:
        return _read_any(path, choices)
    except (TypeError, ValueError, KeyError, AttributeError) as error:  # values of another kind than they must be
        raise not_in_order("its files do not hold what they must") from error


def _read_any(path: Path, choices: Choices) -> Offer:
    if is_network_file(path):
        return read_network_file(path, choices)
    if not path.is_dir():
        raise _unknown(path)
    _refuse_links(path)
    if (path / CARD_FILE).is_file():
        return _own_model(path, choices)
    if is_bundle(path):
        return read_bundle(path, choices)
    if is_nninteractive(path):
        return read_nninteractive(path, choices)
    results = find_results(path)
    if results:
        return read_nnunet(results, choices)
    if is_sam(path):
        return read_sam(path, choices)
    files = [one for one in sorted(path.iterdir()) if is_network_file(one)]
    if len(files) == 1:
        return read_network_file(files[0], choices)
    raise _unknown(path)


def _unknown(path: Path) -> MedsegError:
    if not path.exists():
        return MedsegError(f"There is nothing at {path.name}.", "Give a folder, a ZIP file or an https address.")
    return MedsegError(
        f"{path.name} is no model of a known format.",
        "Known are MONAI bundles, nnU-Net v2 result folders, nnInteractive and Segment Anything models, ONNX files "
        f"with a card ({' or '.join(CARD_NAMES)}) beside them, and folders that `train` writes.",
    )


def _refuse_links(folder: Path) -> None:
    """Refuse links that lead out of a folder: what is read must be what is shown."""
    top = folder.resolve()
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(place) / name
            if path.is_symlink() and not path.resolve().is_relative_to(top):
                raise not_in_order(f"'{name[:80]}' in it is a link that leads out of its folder")


def _own_model(path: Path, choices: Choices) -> Offer:
    """Offer a model that is one of ours already, such as `train` writes."""
    folder = read_model_folder(path)
    values = folder.card.model_dump(mode="json")
    values["quality"] = [{**record, "note": as_claimed(record["note"])} for record in values["quality"]]
    if choices.name:
        values["name"] = choices.name

    def copy(target: Path) -> ModelCard:
        import shutil

        for name in (folder.card.weights.file, folder.card.test_vector):
            if name is not None:
                try:
                    shutil.copyfile(path / name, target / name)
                except OSError as error:
                    raise not_in_order(f"it has no {name}") from error
        return ModelCard.model_validate(values)

    return Offer("napari-medseg model", values, folder.card.weights.size_bytes, copy)


def _checked(offer: Offer) -> Offer:
    """Check the card to be, before anything is copied or asked."""
    if offer.runs and not offer.values["labels"]:
        return offer
    values: dict[str, Any] = dict(offer.values)
    unproven = _UNPROVEN_ONNX if values["network"]["family"] == "onnx" else _UNPROVEN
    values["weights"] = values.get("weights") or unproven
    try:
        card = ModelCard.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "card"
        raise not_in_order(f"{where}: {first['msg']}") from error
    require_visible(values)
    for what, shown in (
        *(("modality", one) for one in card.modality),
        *(("quality", part) for record in card.quality for part in (record.dataset, record.metric, record.label)),
        ("title", card.title),
        ("licence", card.licence),
        *(("label", one.name) for one in card.labels),
    ):
        word(shown, f"The model's {what}", _LONGEST)
    if card.n_classes != len(card.labels) + 1:
        raise not_in_order(f"it names {len(card.labels)} labels, and its network gives {card.n_classes - 1}")
    return replace(offer, values={**offer.values, "name": card.name})
