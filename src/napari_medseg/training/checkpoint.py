"""The checkpoint of a run: all that it takes to go on as if nothing had happened."""

from __future__ import annotations

import pickle
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.atomic import TEMPORARY_PREFIX, atomic_write

if TYPE_CHECKING:
    from pathlib import Path

CHECKPOINT_FILE = "checkpoint.pt"
ANOTHER = "Remove it to begin anew, or choose another output folder."


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read the checkpoint of a run, its tensors into the processor's memory; None if there is none yet.

    Returns
    -------
    dict or None
        ``step``, ``seconds``, ``network``, ``average``, ``optimizer``, and since they are written ``random``,
        ``scaler`` and, of a training that may stop early, ``best`` and ``stopped``.

    Raises
    ------
    MedsegError
        If it is damaged.
    """
    path = folder / CHECKPOINT_FILE
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise MedsegError(f"The checkpoint in '{folder.name}' is damaged.", ANOTHER) from error
    return state


def write_checkpoint(state: dict[str, Any], folder: Path) -> None:
    """Write a checkpoint in place of the last one; a kill at any moment leaves one of the two whole."""
    with atomic_write(folder / CHECKPOINT_FILE) as temporary:
        torch.save(state, temporary)


def remove_unfinished(folder: Path) -> None:
    """Remove what kills during `write_checkpoint` have left: files as large as the checkpoint itself."""
    for path in folder.glob(f"{TEMPORARY_PREFIX}*-{CHECKPOINT_FILE}"):
        with suppress(OSError):
            path.unlink()


def is_finished(state: dict[str, Any], steps: int) -> bool:
    """Return whether a run has come to its end: the last step, or an earlier one that got no better."""
    return bool(state["step"] >= steps or state.get("stopped", False))


def kept_weights(state: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Return the averaged weights: of the best look where a training may stop early, else of the last step."""
    weights: dict[str, torch.Tensor] = state["best"]["average"] if "best" in state else state["average"]
    return weights
