"""Whether a model still gives what it gave when it was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.atomic import atomic_write
from napari_medseg.models.catalogue import ModelFolder, find_model
from napari_medseg.models.network_files import load_network

if TYPE_CHECKING:
    from pathlib import Path

_TOLERANCE = 0.02
"""Largest difference of a score that other processors and library versions account for; classes differ by units."""

_TEST_SIDE = {2: 64, 3: 16}
"""Pixels along each axis of a test image: networks of planes halve it five times."""

_SEED = 20261123


@dataclass(frozen=True)
class VerifyResult:
    """Outcome of `verify`.

    Parameters
    ----------
    ok : bool
        Whether the scores are those of the card's test vector.
    max_difference : float
        Largest difference of a score; NaN if it could not be computed.
    message : str
        The outcome in one sentence.
    """

    ok: bool
    max_difference: float
    message: str


def verify(name_or_folder: str | Path | ModelFolder, user_folder: Path | None = None) -> VerifyResult:
    """Run a model on its test vector and compare.

    Parameters
    ----------
    name_or_folder : str, Path or ModelFolder
        A name of the catalogue, a model's folder, or what `find_model` gave.
    user_folder : Path, optional
        See `list_models`.

    Returns
    -------
    VerifyResult
        Not ok also if weights or test vector are missing, damaged or not those of the card.

    Raises
    ------
    MedsegError
        If there is no such model.
    """
    folder = name_or_folder if isinstance(name_or_folder, ModelFolder) else find_model(name_or_folder, user_folder)
    title = f"The model '{folder.card.name}'"
    if folder.card.test_vector is None:
        return VerifyResult(False, float("nan"), f"{title} has no test vector.")
    try:
        vector = load_file(folder.path / folder.card.test_vector)
        network = load_network(folder)
        difference = _difference(network, vector)
    except MedsegError as error:
        return VerifyResult(False, float("nan"), str(error))
    except (OSError, SafetensorError, KeyError) as error:
        return VerifyResult(False, float("nan"), f"{title} has a test vector that cannot be read ({error}).")
    if difference <= _TOLERANCE:
        return VerifyResult(True, difference, f"{title} gives what it gave when it was made.")
    return VerifyResult(False, difference, f"{title} gives other scores than when it was made, by {difference:.3g}.")


def write_test_vector(network: torch.nn.Module, n_channels: int, spatial_dims: int, path: Path) -> None:
    """Write an input and the scores that a network gives for it.

    Parameters
    ----------
    network : torch.nn.Module
        With its weights as they are stored.
    n_channels, spatial_dims : int
        Of its input.
    path : Path
        Target, ``*.safetensors``.
    """
    generator = torch.Generator().manual_seed(_SEED)
    image = torch.randn((1, n_channels, *[_TEST_SIDE[spatial_dims]] * spatial_dims), generator=generator)
    with atomic_write(path) as temporary:
        temporary.write_bytes(save({"image": image, "scores": _scores(network, image)}))


def _difference(network: torch.nn.Module, vector: dict[str, torch.Tensor]) -> float:
    given, expected = _scores(network, vector["image"]), vector["scores"]
    if given.shape != expected.shape:
        return float("inf")
    difference = (given - expected).abs().max()
    return float(difference) if bool(torch.isfinite(difference)) else float("inf")


@torch.inference_mode()
def _scores(network: torch.nn.Module, image: torch.Tensor) -> torch.Tensor:
    network.eval()
    scores: torch.Tensor = getattr(network, "probe", network)(image)  # a detector's findings hang on thresholds
    return scores.float().contiguous()
