"""Fakes for the panels: series without files, a model without a network, a worker whose steps the test sets free."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_medseg.core import (
    CancelToken,
    Geometry,
    MedsegError,
    ProgressCallback,
    Segment,
    Segmentation,
    Series,
    Source,
    Volume,
)
from napari_medseg.models.card import ModelCard

AFFINE = np.array([[-0.9, 0, 0, 40.0], [0, 0, 1.2, -50.0], [0, 2.0, 0, -20.0], [0, 0, 0, 1]])
"""Voxels run left, superior, anterior: an order in which no layer is shown."""


def make_card(name: str = "blobs", *, modality: tuple[str, ...] = ("MR",), dims: int = 3, **changes: Any) -> ModelCard:
    """Return a card that no weights belong to."""
    fields: dict[str, Any] = {
        "name": name,
        "title": name.title(),
        "description": f"Finds {name}.",
        "task": "semantic",
        "modality": modality,
        "body_part": "head",
        "network": {"family": "unet", "spatial_dims": dims, "in_channels": 1, "out_channels": 3},
        "labels": [
            {"value": 1, "name": "left blob", "colour": "#e69f00"},
            {"value": 2, "name": "right blob", "colour": "#56b4e9"},
        ],
        "input": {"window": [16] * dims},
        "licence": "BSD-3-Clause",
        "intended_use": "Tests.",
        "limitations": "Finds nothing real.",
        "weights": {"file": "w.safetensors", "sha256": "0" * 64, "size_bytes": 1, "dtype": "float32"},
    }
    return ModelCard.model_validate({**fields, **changes})


def make_volume(path: Path | None = None, *, modality: str = "MR", name: str = "scan") -> Volume:
    """Return a small volume with a gradient."""
    shape = (12, 10, 14)
    array = np.arange(np.prod(shape), dtype=np.int16).reshape(shape)
    source = Source("nifti", path, (path,) if path is not None else (), native_shape=shape)
    return Volume(array, Geometry.from_matrix(shape, AFFINE), modality=modality, name=name, source=source)


class FakeWorker:
    """Stands for the worker process: takes one step each time the test lets it, and notes what it was asked.

    With ``free`` set it does not wait. With ``grows`` set it shows its labels from the first step on, and an island at
    each step that is not in the result.
    """

    def __init__(self, n_steps: int = 4) -> None:
        self.n_steps = n_steps
        self.requests: list[dict[str, Any]] = []
        self.threads: list[threading.Thread] = []
        self.steps = threading.Semaphore(0)
        self.free = True
        self.error: Exception | None = None
        self.empty = False
        self.grows = False
        self.cancelled_at: int | None = None
        self.warmed = 0
        self.n_done = 0

    def warm_up(self) -> None:
        self.warmed += 1

    def segment(
        self,
        model_name: str,
        volume: Volume,
        *,
        device: str = "auto",
        prompts: Sequence[Any] = (),
        threshold: float | None = None,
        frame: int = 0,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        on_labels: Callable[[Any], None] | None = None,
    ) -> Segmentation:
        assert on_progress is not None and cancel is not None
        self.threads.append(threading.current_thread())
        asked = {"model": model_name, "device": device, "prompts": prompts, "frame": frame, "threshold": threshold}
        self.requests.append(asked)
        growing = np.zeros(volume.spatial_shape, np.uint8)
        for step in range(self.n_steps):
            while not self.free and not cancel.cancelled and not self.steps.acquire(timeout=0.01):
                pass
            if cancel.cancelled:
                self.cancelled_at = step
                cancel.raise_if_cancelled()
            growing[11, 9, step] = 2
            if self.grows and step == 0 and on_labels is not None:
                on_labels(np.broadcast_to(growing, growing.shape))  # read-only
            on_progress(step + 1, self.n_steps, "Window")
            self.n_done = step + 1
        if self.error is not None:
            raise self.error
        array = np.zeros(volume.spatial_shape, np.uint8)
        if not self.empty:
            array[1:4, 1:4, 1:4] = 1
            array[6:10, 2:6, 5:9] = 2
        segments = (Segment(1, "left blob", colour="#e69f00"), Segment(2, "right blob", colour="#56b4e9"))
        return Segmentation(array, volume.geometry, segments, source=volume.source, model=model_name)


class FakeLoader:
    """Loads a volume once the test lets it."""

    def __init__(self, volume: Volume | MedsegError, thumbnail: np.ndarray[Any, Any] | None = None) -> None:
        self.volume = volume
        self.gate = threading.Event()
        self.gate.set()
        self.threads: list[threading.Thread] = []
        self.picture = thumbnail
        self.n_thumbnails = 0

    def load(self, on_progress: ProgressCallback | None, cancel: CancelToken | None) -> Volume:
        assert on_progress is not None and cancel is not None
        self.threads.append(threading.current_thread())
        on_progress(0, 2, "Reading")
        while not self.gate.wait(timeout=0.01):
            cancel.raise_if_cancelled()
        on_progress(2, 2, "Reading")
        if isinstance(self.volume, MedsegError):
            raise self.volume
        return self.volume

    def thumbnail(self, size: int) -> np.ndarray[Any, Any] | None:
        self.n_thumbnails += 1
        return self.picture


def make_series(loader: FakeLoader, path: Path = Path("/scans/a"), **changes: Any) -> Series:
    """Return a series of the loader's volume."""
    fields: dict[str, Any] = {
        "uid": "1.2",
        "modality": "MR",
        "description": "T1 sagittal",
        "number": 3,
        "n_images": 14,
        "shape": (12, 10, 14),
        "spacing_mm": (0.9, 2.0, 1.2),
        "patient_name": "Doe^Jane",
        "patient_id": "P1",
        "study_uid": "9.1",
        "study_date": "2026-03-02",
        "study_description": "Head",
    }
    return Series(loader, path, **{**fields, **changes})


@pytest.fixture
def qtbot(qtbot: Any) -> Any:
    """pytest-qt's robot with the patience that a busy machine needs; what is awaited comes or the test is wrong."""
    qtbot.waitUntil = partial(qtbot.waitUntil, timeout=60_000)
    qtbot.waitSignal = partial(qtbot.waitSignal, timeout=60_000)
    return qtbot


@pytest.fixture
def worker() -> FakeWorker:
    return FakeWorker()


@pytest.fixture
def new_card() -> Callable[..., ModelCard]:
    return make_card


@pytest.fixture
def new_volume() -> Callable[..., Volume]:
    return make_volume


@pytest.fixture
def new_series() -> Callable[..., Series]:
    return make_series


@pytest.fixture
def new_loader() -> type[FakeLoader]:
    return FakeLoader


@pytest.fixture
def viewer() -> Iterator[Any]:
    """A viewer without a window."""
    from napari.components import ViewerModel

    model = ViewerModel()
    yield model
    model.layers.clear()
