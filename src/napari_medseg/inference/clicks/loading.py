"""A click model of any family by its name, computed by the lightest library that can."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING, Protocol

from napari_medseg.inference.clicks.method import ClickMethod
from napari_medseg.inference.hardware import may_have_accelerator
from napari_medseg.models.catalogue import find_model

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.models.card import ModelCard
    from napari_medseg.models.catalogue import ModelFolder


class ReadyMethod(ClickMethod, Protocol):
    """A click model that was loaded. One with a ``prepare`` gets faster by it, which takes seconds the first time."""

    @property
    def card(self) -> ModelCard:
        """What the model is."""


def load_click_method(name: str | Path, device: str = "auto", *, user_folder: Path | None = None) -> ReadyMethod:
    """Load a click model of any family, by its name or its folder.

    On a processor our own networks are computed by OpenVINO where it is installed: torch is not imported.

    Raises
    ------
    MedsegError
        If there is no such model or device, it is no click model, or a library that it needs is missing.
    """
    folder = find_model(str(name), user_folder)
    if folder.card.network.family == "sam":
        from napari_medseg.inference.clicks.foreign.sam import SamMethod

        return SamMethod(folder, device=device)
    if folder.card.network.family == "nninteractive":
        from napari_medseg.inference.clicks.foreign.nninteractive import NnInteractiveMethod

        return NnInteractiveMethod(folder, device=device)
    graph = _as_graph(folder) if computes_as_graph(device) else None
    if graph is not None:
        return graph
    from napari_medseg.inference.clicks.network import NetworkMethod

    return NetworkMethod(folder, device=device)


def computes_as_graph(device: str) -> bool:
    """Tell whether our own networks are computed without torch on a device: "auto", "cpu", "cuda" or "mps"."""
    on_processor = device == "cpu" or (device == "auto" and not may_have_accelerator())
    return on_processor and importlib.util.find_spec("openvino") is not None


def _as_graph(folder: ModelFolder) -> ReadyMethod | None:
    """Return a model as a graph; None if it is of layers that only torch knows."""
    from napari_medseg.inference.backends.unet_graph import UnknownLayersError
    from napari_medseg.inference.clicks.graph import GraphMethod

    try:
        return GraphMethod(folder)
    except UnknownLayersError:
        return None
