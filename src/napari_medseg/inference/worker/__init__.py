"""Models in a process of their own, called from the viewer's. Importing this imports no network library."""

from __future__ import annotations

from napari_medseg.inference.worker.client import InferenceWorker, default_worker
from napari_medseg.inference.worker.conversation import WorkerBugError

__all__ = ["InferenceWorker", "WorkerBugError", "default_worker"]
