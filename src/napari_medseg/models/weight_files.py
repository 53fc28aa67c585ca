"""Weights on disk as arrays: no network library is needed to read them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from napari_medseg.models.catalogue import ModelFolder

HINT = "Install the model again, or train it again."


def proven_weights(folder: ModelFolder) -> Path:
    """Return the file with a model's weights, after a look at its checksum.

    Raises
    ------
    MedsegError
        If the file is missing, or is not the one that the card describes.
    """
    path = folder.weights_path
    try:
        found = file_sha256(path)
    except OSError as error:
        raise MedsegError(f"The weights of the model '{folder.card.name}' cannot be read.", HINT) from error
    if found != folder.card.weights.sha256:
        raise MedsegError(f"The weights of the model '{folder.card.name}' are not those of its card.", HINT)
    return path


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_arrays(folder: ModelFolder) -> dict[str, npt.NDArray[Any]]:
    """Return a model's weights under torch's names; those of floating point as float32.

    Raises
    ------
    MedsegError
        If the file is missing, damaged or not the one that the card describes.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = proven_weights(folder)
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise MedsegError(f"The weights of the model '{folder.card.name}' are damaged.", HINT) from error
    return {
        name: array.astype(np.float32) if np.issubdtype(array.dtype, np.floating) else array
        for name, array in arrays.items()
    }
