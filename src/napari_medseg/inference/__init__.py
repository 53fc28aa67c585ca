"""A model card and a volume become a segmentation. The names below are imported when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lazy_loader import attach

if TYPE_CHECKING:
    from napari_medseg.inference.channels import stack_channels
    from napari_medseg.inference.devices import choose_device
    from napari_medseg.inference.fit import check_fit
    from napari_medseg.inference.model import Model, load_model
    from napari_medseg.inference.worker import InferenceWorker, default_worker

__all__ = ["InferenceWorker", "Model", "check_fit", "choose_device", "default_worker", "load_model", "stack_channels"]

__getattr__, __dir__, _ = attach(
    __name__,
    submod_attrs={
        "channels": ["stack_channels"],
        "devices": ["choose_device"],
        "fit": ["check_fit"],
        "model": ["Model", "load_model"],
        "worker": ["InferenceWorker", "default_worker"],
    },
)
