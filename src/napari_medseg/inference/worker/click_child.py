"""The process that answers clicks: it keeps click models loaded and computes one window after another.

Our own models are graphs of OpenVINO on a processor: the process then needs no torch. Others answer as soon as torch
has loaded them. Beside that, in a thread, a second copy of those that can be made faster looks for the way (the first
time this takes seconds) and takes its place when it is ready: no click waits for that, but those that come meanwhile
share the processor with it.
"""

from __future__ import annotations

import concurrent.futures
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_medseg.inference.clicks.classical import CLASSICAL
from napari_medseg.inference.clicks.maps import WindowPrompts
from napari_medseg.inference.clicks.method import WindowView
from napari_medseg.inference.worker.messages import ClickReply, Looked, LookRequest, Opened, OpenRequest, Ready
from napari_medseg.inference.worker.pipes import Outbox, failure, open_pipes
from napari_medseg.models.catalogue import find_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from napari_medseg.core.progress import CancelToken
    from napari_medseg.inference.clicks.method import ClickMethod
    from napari_medseg.inference.worker.messages import MethodSpec

    Load: TypeAlias = Callable[[MethodSpec], ClickMethod]

_METHODS_KEPT = 3
"""A model for slices, one for volumes, and one to compare with."""

_LARGEST_TWIN = 64_000_000
"""Bytes of weights up to which a model is loaded twice for a while; larger ones are others', which torch computes."""

_POLL_S = 0.02
"""How soon a cancel is noticed while a model loads."""

_NO_MEMORY = ("There is not enough memory for this click model.", "Close other programs, or choose another method.")


class ClickShelf:
    """The click models used last. Its methods are called from one thread; models load in another.

    Parameters
    ----------
    load : callable, optional
        Makes a method.
    """

    def __init__(self, load: Load | None = None) -> None:
        self._load = load or load_method
        self._methods: dict[MethodSpec, Future[ClickMethod]] = {}
        self._cards: dict[MethodSpec, str] = {}
        self._swapping = threading.Lock()
        self._loader = ThreadPoolExecutor(1, "medseg-load")
        self._preparer = ThreadPoolExecutor(1, "medseg-prepare")

    def open(self, spec: MethodSpec) -> Future[ClickMethod]:
        """Return a method that is loaded or loading, of the model as it is on disk now.

        Raises
        ------
        MedsegError
            If there is no such model.
        """
        card = _card(spec)
        if self._cards.get(spec) != card:
            with self._swapping:
                self._methods.pop(spec, None)
        self._cards[spec] = card
        return self.method(spec)

    def method(self, spec: MethodSpec) -> Future[ClickMethod]:
        """Return a method that is loaded or loading; one that failed to load is tried again."""
        with self._swapping:
            known = self._methods.pop(spec, None)
            if known is not None and not (known.done() and known.exception() is not None):
                self._methods[spec] = known
                return known
            while len(self._methods) >= _METHODS_KEPT:
                oldest = next(iter(self._methods))
                del self._methods[oldest]
                self._cards.pop(oldest, None)
            loading = self._methods[spec] = self._loader.submit(self._load, spec)
        loading.add_done_callback(partial(self._prepare_later, spec))
        return loading

    def _prepare_later(self, spec: MethodSpec, loaded: Future[ClickMethod]) -> None:
        if loaded.exception() is None and _can_be_prepared(loaded.result()):
            self._preparer.submit(self._prepare, spec, loaded)  # if that fails, the method stays as it was loaded

    def _prepare(self, spec: MethodSpec, loaded: Future[ClickMethod]) -> None:
        if self._methods.get(spec) is not loaded:
            return
        twin = self._load(spec)
        twin.prepare()  # type: ignore[attr-defined]  # asked by `_prepare_later`
        twin.chances(_blank_view(twin))  # the first time, libraries plan their work
        ready: Future[ClickMethod] = Future()
        ready.set_result(twin)
        with self._swapping:
            if self._methods.get(spec) is loaded:
                self._methods[spec] = ready


def load_method(spec: MethodSpec) -> ClickMethod:
    """Load a click model, with the library that it needs; or make a method that needs no model."""
    if spec.model_name in CLASSICAL:
        method: ClickMethod = CLASSICAL[spec.model_name]()
        return method
    from napari_medseg.inference.clicks.loading import load_click_method

    return load_click_method(spec.model_name, spec.device, user_folder=_user_folder(spec))


def look(request: LookRequest, cancel: CancelToken, shelf: ClickShelf) -> ClickReply:
    """Answer in a window, and put into words what went wrong."""
    try:
        loading = shelf.method(request.method)
        cancel.raise_if_cancelled()
        while not loading.done():
            concurrent.futures.wait([loading], _POLL_S)
            cancel.raise_if_cancelled()
        chances = loading.result().chances(request.view, cancel)
        return Looked(request.request_id, np.ascontiguousarray(chances, np.float32))
    except Exception as error:  # one click must not end the process: the viewer gets the traceback
        return failure(request.request_id, error, _NO_MEMORY)


def open_method(request: OpenRequest, shelf: ClickShelf, outbox: Outbox) -> None:
    """Begin to load a model; the reply is sent once it is loaded."""
    try:
        loading = shelf.open(request.method)
    except Exception as error:  # as above
        outbox.send(failure(request.request_id, error, _NO_MEMORY))
        return

    def reply(loaded: Future[ClickMethod]) -> None:
        error = loaded.exception()
        if isinstance(error, Exception):
            outbox.send(failure(request.request_id, error, _NO_MEMORY))
        else:
            outbox.send(Opened(request.request_id))

    loading.add_done_callback(reply)


def main() -> None:
    """Answer clicks until the viewer goes."""
    inbox, outbox = open_pipes()
    import napari_medseg.inference.clicks.loading  # noqa: F401

    outbox.send(Ready())
    shelf = ClickShelf()
    while True:
        request, cancel = inbox.next_request()
        if isinstance(request, OpenRequest):
            open_method(request, shelf, outbox)
        elif isinstance(request, LookRequest):
            outbox.send(look(request, cancel, shelf))
        inbox.forget(request.request_id)


def _card(spec: MethodSpec) -> str:
    if spec.model_name in CLASSICAL:
        return ""
    return find_model(spec.model_name, _user_folder(spec)).card.model_dump_json()


def _can_be_prepared(method: ClickMethod) -> bool:
    card = getattr(method, "card", None)
    return hasattr(method, "prepare") and (card is None or card.weights.size_bytes <= _LARGEST_TWIN)


def _user_folder(spec: MethodSpec) -> Path | None:
    return Path(spec.user_folder) if spec.user_folder else None


def _blank_view(method: ClickMethod) -> WindowView:
    """Return a window with nothing in it but a click in the middle."""
    dims = method.spatial_dims[0]
    shape = (method.side(dims),) * dims
    middle = np.array([[side / 2 for side in shape]])
    nothing = np.zeros(shape, np.float32)
    return WindowView(nothing, np.ones(shape, bool), WindowPrompts(middle, np.zeros((0, dims))), nothing)
