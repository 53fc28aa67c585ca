"""A pretrained backbone as files: its weights, and what is known of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from napari_medseg.core.errors import MedsegError
from napari_medseg.io.atomic import atomic_write
from napari_medseg.models.card import DataSource
from napari_medseg.training.planes.recipe import PlanesPart

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

_WEIGHTS = "backbone.safetensors"
_ABOUT = "backbone.json"


class BackboneAbout(PlanesPart):
    """What is known of a backbone.

    Parameters
    ----------
    name : str
        That of the recipe it was trained by.
    backbone : str
        Which of `BACKBONES`.
    sources : tuple of DataSource
        What it has learnt from.
    measure : str
        What was measured on pictures of patients that it has not seen.
    value, ci_low, ci_high : float
        The measure, and its 95 % interval.
    n : int
        Pictures measured.
    """

    name: str
    backbone: str
    sources: tuple[DataSource, ...]
    measure: str
    value: float
    ci_low: float
    ci_high: float
    n: int = Field(ge=1)


def write_backbone(state: Mapping[str, torch.Tensor], about: BackboneAbout, folder: Path) -> None:
    """Write weights and what is known of them into a folder; the weights first."""
    with atomic_write(folder / _WEIGHTS) as temporary:
        save_file({name: value.contiguous() for name, value in state.items()}, temporary)
    with atomic_write(folder / _ABOUT) as temporary:
        temporary.write_text(about.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_about(folder: Path) -> BackboneAbout:
    """Read what is known of the backbone in a folder.

    Raises
    ------
    MedsegError
        If there is none, or it is damaged.
    """
    try:
        return BackboneAbout.model_validate_json((folder / _ABOUT).read_text(encoding="utf-8"))
    except OSError as error:
        raise MedsegError(f"There is no pretrained backbone in '{folder.name}'.", "Train one first.") from error
    except (ValidationError, UnicodeDecodeError) as error:
        raise MedsegError(f"The backbone in '{folder.name}' is damaged.", "Train it again.") from error


def read_backbone(folder: Path) -> dict[str, torch.Tensor]:
    """Read the weights of the backbone in a folder.

    Raises
    ------
    MedsegError
        If there are none, or they are damaged.
    """
    try:
        return load_file(folder / _WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise MedsegError(f"The backbone in '{folder.name}' cannot be read.", "Train it again.") from error
