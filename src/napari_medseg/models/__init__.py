"""What a model is: its card, where it lies, its network and weights. Importing this needs no network library."""

from __future__ import annotations

from napari_medseg.models.card import ModelCard
from napari_medseg.models.catalogue import ModelFolder, catalogue_problems, find_model, list_models

__all__ = ["ModelCard", "ModelFolder", "catalogue_problems", "find_model", "list_models"]
