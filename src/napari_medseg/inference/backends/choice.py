"""Which way of computing a network is fastest on this processor: tried out once, where it pays, and remembered."""

from __future__ import annotations

import hashlib
import importlib.util
import platform
import time
from functools import cached_property, partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_medseg.inference.backends.network import CompiledNetwork, TorchNetwork, computes_bfloat16
from napari_medseg.inference.backends.store import remember_choice, remembered_choice

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from napari_medseg.models.card import ModelCard

_PAYS_FROM_S = 15.0
"""Of torch's time; a conversion takes about five seconds."""

_MEASURED_FIRST = 8
"""Windows from which on one is computed to tell how long all will take."""

_CLEARLY_FASTER = 0.9
_SAME_SCORES = 1e-3
"""Part of the range of scores by which another library may differ at full precision."""

_SAME_STRUCTURES = 0.995
"""Dice of every structure, from which on reduced precision is good enough."""

_BUILT_BY = (
    "napari-medseg",
    "monai",
    "torchvision",
    "dynamic-network-architectures",
    "openvino",
    "onnxruntime",
)
"""What may compute another result from the same weights in another version."""


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
        self._chosen: CompiledNetwork | None = None
        self._is_final = True

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
        if self._chosen is not None:
            return self._chosen
        known = remembered_choice(self._key)
        if known is not None:
            self._chosen = self._build(known)
            return self._chosen
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
        self._chosen = self._try_all(window)
        if self._is_final:
            remember_choice(self._key, self._chosen.name)
        return self._chosen

    @property
    def _window_shape(self) -> tuple[int, ...]:
        window = self._card.input.window
        return (self._card.network.in_channels, *(window if self._card.network.spatial_dims == 3 else window[::-1]))

    @cached_property
    def _key(self) -> str:
        """What the choice depends on, as letters and digits."""
        parts = [self._card.weights.sha256, self._card.network.model_dump_json(), str(self._window_shape)]
        parts += [platform.processor(), platform.machine(), str(torch.get_num_threads()), torch.__version__]
        parts += [f"{package} {_version(package)}" for package in _BUILT_BY]
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
            except (OSError, MemoryError):
                self._is_final = False  # another process converts it too, the disk is full: another time
                continue
            except Exception:  # these libraries refuse some networks, each in its own words
                continue
            agree = _nearly_agree if isinstance(candidate, TorchNetwork) else _agree
            if seconds < fewest and agree(scores, reference):
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


def _agree(scores: torch.Tensor, reference: torch.Tensor) -> bool:
    """Tell whether scores are the same, but for the rounding of sums in another order."""
    if scores.shape != reference.shape or not bool(torch.isfinite(scores).all()):
        return False
    spread = float(reference.max() - reference.min())
    return float((scores - reference).abs().max()) <= _SAME_SCORES * max(spread, 1e-6)


def _nearly_agree(scores: torch.Tensor, reference: torch.Tensor) -> bool:
    """Tell whether scores give the same structures. A window without any proves nothing."""
    if scores.shape != reference.shape or not bool(torch.isfinite(scores).all()):
        return False
    found, expected = (_labels(values).numpy() for values in (scores, reference))
    structures = [label for label in np.unique(expected).tolist() if label]
    return bool(structures) and all(_overlap(found == label, expected == label) for label in structures)


def _overlap(found: npt.NDArray[np.bool_], expected: npt.NDArray[np.bool_]) -> bool:
    both = np.count_nonzero(found) + np.count_nonzero(expected)
    return bool(2 * np.count_nonzero(found & expected) >= _SAME_STRUCTURES * both)


def _labels(scores: torch.Tensor) -> torch.Tensor:
    return (scores > 0).long() if scores.shape[1] == 1 else scores.argmax(dim=1)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
