"""Weights become a model: a folder with card, weights and test vector."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.io.atomic import atomic_write
from napari_medseg.models.card import ModelCard, QualityRecord, WeightsSpec
from napari_medseg.models.catalogue import CARD_FILE, ModelFolder
from napari_medseg.models.networks import build_network
from napari_medseg.models.verify import write_test_vector
from napari_medseg.models.weights import load_weights, save_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    import torch

    from napari_medseg.training.clicks.recipe import ClicksRecipe
    from napari_medseg.training.planes.recipe import PlanesRecipe
    from napari_medseg.training.recipe import Recipe

_WEIGHTS_FILE = "weights.safetensors"
_VECTOR_FILE = "test_vector.safetensors"


def write_model(
    recipe: Recipe | PlanesRecipe | ClicksRecipe,
    state: Mapping[str, torch.Tensor],
    path: Path,
    *,
    quality: Sequence[QualityRecord] = (),
    cpu_seconds_per_megavoxel: float | None = None,
) -> ModelFolder:
    """Write a model's folder.

    Parameters
    ----------
    recipe : Recipe, PlanesRecipe or ClicksRecipe
        What the model was trained by.
    state : mapping of str to Tensor
        Its weights; stored with 16 bits.
    path : Path
        The folder; made if it is not there. The card is written last.
    quality : sequence of QualityRecord
        What was measured.
    cpu_seconds_per_megavoxel : float, optional
        How long a million voxels take on one core.
    """
    path.mkdir(parents=True, exist_ok=True)
    weights = save_weights(state, path / _WEIGHTS_FILE, "float16")
    folder = ModelFolder(build_card(recipe, weights, quality, cpu_seconds_per_megavoxel), path)
    network = build_network(recipe.network)
    load_weights(network, folder)
    write_test_vector(network, recipe.network.in_channels, recipe.network.spatial_dims, path / _VECTOR_FILE)
    write_card(folder)
    return folder


def write_card(folder: ModelFolder) -> None:
    """Write the card of a model's folder."""
    with atomic_write(folder.path / CARD_FILE) as temporary:
        temporary.write_text(folder.card.model_dump_json(indent=2) + "\n", encoding="utf-8")


def build_card(
    recipe: Recipe | PlanesRecipe | ClicksRecipe,
    weights: WeightsSpec,
    quality: Sequence[QualityRecord] = (),
    cpu_seconds_per_megavoxel: float | None = None,
) -> ModelCard:
    """Join what the recipe says and what was measured."""
    words = recipe.card
    return ModelCard(
        name=recipe.name,
        title=words.title,
        description=words.description,
        task=words.task,
        modality=words.modality,
        body_part=words.body_part,
        network=recipe.network,
        labels=words.labels,
        input=recipe.input,
        postprocess=recipe.postprocess,
        training=words.training,
        quality=tuple(quality),
        licence=words.licence,
        intended_use=words.intended_use,
        limitations=words.limitations,
        weights=weights,
        test_vector=_VECTOR_FILE,
        cpu_seconds_per_megavoxel=cpu_seconds_per_megavoxel,
    )
