"""Models in processes of their own, called from the viewer's. Importing this imports no network library."""

from __future__ import annotations

from napari_medseg.inference.worker.click_worker import ClickWorker, default_click_worker
from napari_medseg.inference.worker.client import InferenceWorker, default_worker
from napari_medseg.inference.worker.conversation import WorkerBugError

__all__ = ["ClickWorker", "InferenceWorker", "WorkerBugError", "default_click_worker", "default_worker"]
