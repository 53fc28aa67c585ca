"""Which way of computing a network is fastest on this processor: tried out once, where it pays, and remembered."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import time
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import torch

from napari_medseg.inference.backends.network import CompiledNetwork, TorchNetwork, computes_bfloat16
from napari_medseg.inference.backends.store import remember_choice, remembered_choice

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_medseg.models.card import ModelCard

_PAYS_FROM_S = 15.0
"""Of torch's time; a conversion takes about five seconds."""

_MEASURED_FIRST = 8
"""Windows from which on one is computed to tell how long all will take."""

_CLEARLY_FASTER = 0.9
_SAME_LABELS = 0.9999
_NEARLY_SAME_LABELS = 0.999
"""Of a window's voxels, when computed at full and at reduced precision."""


class CpuNetworks:
    """The ways to compute one model's network on the processor.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode; on the processor whenever this is asked.
    card : ModelCard
        Whose network it is: names it in what is remembered.
    """

    def __init__(self, network: torch.nn.Module, card: ModelCard) -> None:
        self._card = card
        self._module = network
        self._torch = TorchNetwork(network)
        self._chosen: dict[tuple[int, ...], CompiledNetwork] = {}

    def fastest(self, n_windows: int, sample: Callable[[], torch.Tensor | None]) -> CompiledNetwork:
        """Return the way to compute so many windows.

        Alternatives to torch are tried once it has computed, or is about to compute, for longer than trying takes.

        Parameters
        ----------
        n_windows : int
            How often the network will run.
        sample : callable
            Gives one window (1, channel, *window) as the network will see it; None if there is nothing to see.
        """
        if self._card.network.family == "onnx":  # a form of its own already
            return self._torch
        shape = self._window_shape
        if shape in self._chosen:
            return self._chosen[shape]
        known = remembered_choice(self._key)
        if known is not None:
            self._chosen[shape] = self._build(known)
            return self._chosen[shape]
        window = sample() if n_windows >= _MEASURED_FIRST and not self._torch.windows else None
        if window is not None:
            self._torch(window)  # the first time, torch plans its work
            self._torch(window)
        a_window = self._torch.seconds / max(self._torch.windows, 1)
        if self._torch.seconds + n_windows * a_window < _PAYS_FROM_S:
            return self._torch
        window = sample() if window is None else window
        if window is None:
            return self._torch
        self._chosen[shape] = self._try_all(window)
        remember_choice(self._key, self._chosen[shape].name)
        return self._chosen[shape]

    @property
    def _window_shape(self) -> tuple[int, ...]:
        window = self._card.input.window
        return (self._card.network.in_channels, *(window if self._card.network.spatial_dims == 3 else window[::-1]))

    @property
    def _key(self) -> str:
        """What the choice depends on, as letters and digits."""
        parts = [self._card.weights.sha256, self._card.network.model_dump_json(), str(self._window_shape)]
        parts += [platform.processor(), platform.machine(), str(torch.get_num_threads()), torch.__version__]
        parts += [_version("openvino"), _version("onnxruntime")]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]

    def _ways(self) -> dict[str, Callable[[], CompiledNetwork]]:
        ways: dict[str, Callable[[], CompiledNetwork]] = {self._torch.name: lambda: self._torch}
        if computes_bfloat16():
            reduced = TorchNetwork(self._module, reduced=True)
            ways[reduced.name] = lambda: reduced
        if _version("openvino"):
            from napari_medseg.inference.backends.openvino_network import OpenVinoNetwork

            ways[OpenVinoNetwork.name] = partial(OpenVinoNetwork, self._module, self._window_shape, self._key)
        if _version("onnxruntime") and importlib.util.find_spec("onnxscript") is not None:
            from napari_medseg.inference.backends.onnxruntime_network import OnnxRuntimeNetwork

            ways[OnnxRuntimeNetwork.name] = partial(OnnxRuntimeNetwork, self._module, self._window_shape)
        return ways

    def _build(self, name: str) -> CompiledNetwork:
        way = self._ways().get(name)
        if way is None:
            return self._torch
        try:
            return way()
        except Exception:  # a cache that was damaged, a library that was updated: torch always works
            return self._torch

    def _try_all(self, window: torch.Tensor) -> CompiledNetwork:
        best: CompiledNetwork = self._torch
        reference = self._torch(window)
        fewest = _seconds(self._torch, window) * _CLEARLY_FASTER
        for name, way in self._ways().items():
            if name == self._torch.name:
                continue
            try:
                candidate = way()
                scores = candidate(window)
                seconds = _seconds(candidate, window)
            except Exception:  # these libraries refuse some networks, each in its own words
                continue
            wanted = _NEARLY_SAME_LABELS if isinstance(candidate, TorchNetwork) else _SAME_LABELS
            if seconds < fewest and _agreement(scores, reference) >= wanted:
                best, fewest = candidate, seconds * _CLEARLY_FASTER
        return best


def _seconds(network: CompiledNetwork, window: torch.Tensor) -> float:
    """Return the shorter time of two runs."""
    times = []
    for _ in range(2):
        begin = time.perf_counter()
        network(window)
        times.append(time.perf_counter() - begin)
    return min(times)


def _agreement(scores: torch.Tensor, reference: torch.Tensor) -> float:
    """Return the part of voxels that get the same label; 0 if scores are not of the same kind."""
    if scores.shape != reference.shape or not bool(torch.isfinite(scores).all()):
        return 0.0
    if scores.shape[1] == 1:
        return float(((scores > 0) == (reference > 0)).float().mean())
    return float((scores.argmax(dim=1) == reference.argmax(dim=1)).float().mean())


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
