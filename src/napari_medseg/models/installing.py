"""A model's folder becomes one of the user's models, which the viewer and the command line list."""

from __future__ import annotations

import os
import secrets
import shutil
from contextlib import suppress
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.atomic import TEMPORARY_PREFIX
from napari_medseg.models.catalogue import CARD_FILE, ModelFolder, default_user_folder, find_model, read_model_folder

if TYPE_CHECKING:
    from pathlib import Path


def install_model(model: ModelFolder, user_folder: Path | None = None, *, overwrite: bool = False) -> ModelFolder:
    """Copy a model among the user's own; it is there whole or not at all.

    Parameters
    ----------
    model : ModelFolder
        The model; its weights must be those of its card.
    user_folder : Path, optional
        By default `default_user_folder`.
    overwrite : bool
        Whether it may take the place of another model of its name.

    Returns
    -------
    ModelFolder
        The copy.

    Raises
    ------
    MedsegError
        If the weights are not those of the card, there is a model of this name, or the folder cannot be written.
    """
    from napari_medseg.models.weight_files import file_sha256

    parent = default_user_folder() if user_folder is None else user_folder
    target = parent / model.card.name
    new = parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}"
    old = parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}"
    try:
        if target.exists() and target.resolve() == model.path.resolve():
            return model
        if file_sha256(model.weights_path) != model.card.weights.sha256:
            raise MedsegError(f"The weights of the model '{model.card.name}' are not those of its card.")
        if target.exists() and not overwrite:
            raise MedsegError(
                f"There is a model '{model.card.name}' among yours already.", "Add --overwrite to take its place."
            )
        new.mkdir(parents=True)
        for name in (model.card.weights.file, model.card.test_vector, CARD_FILE):
            if name is not None:
                shutil.copyfile(model.path / name, new / name)
        with suppress(FileNotFoundError):
            os.replace(target, old)
        os.replace(new, target)
    except OSError as error:
        if old.exists() and not target.exists():
            os.replace(old, target)
        raise MedsegError(
            f"The model '{model.card.name}' could not be copied to {parent}.", error.strerror or ""
        ) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return read_model_folder(target)


def remove_model(name: str, user_folder: Path | None = None) -> None:
    """Remove one of the user's models.

    Parameters
    ----------
    name : str
        In the catalogue.
    user_folder : Path, optional
        By default `default_user_folder`.

    Raises
    ------
    MedsegError
        If it is not one of the user's, or cannot be removed.
    """
    parent = default_user_folder() if user_folder is None else user_folder
    model = find_model(name, parent)
    if model.path.parent.resolve() != parent.resolve() or model.path.is_symlink():
        raise MedsegError(f"The model '{name}' is not one of yours.", "Only models that you added can be removed.")
    old = parent / f"{TEMPORARY_PREFIX}{secrets.token_hex(6)}"
    try:
        os.replace(model.path, old)
    except OSError as error:
        raise MedsegError(f"The model '{name}' cannot be removed.", error.strerror or "") from error
    shutil.rmtree(old, ignore_errors=True)
