"""A model card and a volume become a segmentation. The names below are imported when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_medseg.inference.devices import choose_device
    from napari_medseg.inference.fit import check_fit
    from napari_medseg.inference.model import Model, load_model
    from napari_medseg.inference.worker import InferenceWorker, default_worker

_HOMES = {
    "InferenceWorker": "worker",
    "Model": "model",
    "check_fit": "fit",
    "choose_device": "devices",
    "default_worker": "worker",
    "load_model": "model",
}

__all__ = ["InferenceWorker", "Model", "check_fit", "choose_device", "default_worker", "load_model"]


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value
