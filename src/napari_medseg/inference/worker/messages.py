"""What the viewer's process and the worker process say to each other: pickled one after another through two pipes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from napari_medseg.core.geometry import Geometry
from napari_medseg.core.prompt import Prompt
from napari_medseg.core.segmentation import Segment
from napari_medseg.inference.clicks.method import WindowView
from napari_medseg.inference.clicks.window import FloatArray
from napari_medseg.inference.worker.blocks import BlockSpec


@dataclass(frozen=True)
class SegmentRequest:
    """Segment one frame. Names, paths and headers of the scan stay in the viewer's process."""

    request_id: int
    model_name: str
    user_folder: str | None
    device: str
    voxels: BlockSpec
    labels: BlockSpec
    geometry: Geometry
    modality: str
    units: str
    spacing_known: bool
    prompts: tuple[Prompt, ...]
    threshold: float | None


@dataclass(frozen=True)
class MethodSpec:
    """Which click model, and where to compute it: what `load_click_method` takes; or a key of `CLASSICAL`."""

    model_name: str
    user_folder: str | None
    device: str


@dataclass(frozen=True)
class OpenRequest:
    """Load a click model, unless it is loaded and unchanged."""

    request_id: int
    method: MethodSpec


@dataclass(frozen=True, eq=False)
class LookRequest:
    """Answer in one window. The view travels as it is: a few hundred kB in 2-D, some MB in 3-D."""

    request_id: int
    method: MethodSpec
    view: WindowView = field(repr=False)


@dataclass(frozen=True)
class CancelRequest:
    """Stop a request at its next step."""

    request_id: int


@dataclass(frozen=True)
class Ready:
    """The libraries are imported; requests are answered from now on."""


@dataclass(frozen=True)
class Attached:
    """Both blocks of a request are mapped: their names can go."""

    request_id: int


@dataclass(frozen=True)
class Progress:
    """One step of a request is done."""

    request_id: int
    done: int
    total: int
    label: str


@dataclass(frozen=True)
class Finished:
    """The labels stand in the block."""

    request_id: int
    segments: tuple[Segment, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Opened:
    """A click model is loaded."""

    request_id: int


@dataclass(frozen=True, eq=False)
class Looked:
    """The chances in a window."""

    request_id: int
    chances: FloatArray = field(repr=False)


@dataclass(frozen=True)
class Stopped:
    """The request was cancelled."""

    request_id: int


@dataclass(frozen=True)
class Refused:
    """The request failed for a reason that the user can read."""

    request_id: int
    message: str
    hint: str


@dataclass(frozen=True)
class Crashed:
    """The request met a bug."""

    request_id: int
    summary: str
    traceback: str


Request: TypeAlias = SegmentRequest | OpenRequest | LookRequest
Order: TypeAlias = Request | CancelRequest
Failure: TypeAlias = Stopped | Refused | Crashed
Answer: TypeAlias = Finished | Failure
ClickReply: TypeAlias = Opened | Looked | Failure
Report: TypeAlias = Attached | Progress | Finished | ClickReply
