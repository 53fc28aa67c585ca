"""A click network as a graph of OpenVINO: ready in a moment, in little memory, on a processor."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np
import openvino

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.backends.unet_graph import UnknownLayersError, build_unet_graph
from napari_medseg.inference.clicks.facts import CardedMethod, require_channels
from napari_medseg.inference.clicks.maps import network_channels
from napari_medseg.models.weight_files import HINT, read_arrays

if TYPE_CHECKING:
    from openvino import InferRequest

    from napari_medseg.core.progress import CancelToken
    from napari_medseg.inference.backends.unet_graph import Weights
    from napari_medseg.inference.clicks.method import WindowView
    from napari_medseg.inference.clicks.window import FloatArray
    from napari_medseg.models.catalogue import ModelFolder

_TOLERANCE = 0.02
"""Difference of a score from the model's own test vector beyond which torch has to compute it."""


class GraphMethod(CardedMethod):
    """A click network without torch. It is called from one thread at a time.

    Parameters
    ----------
    folder : ModelFolder
        Card and place of the model.

    Raises
    ------
    UnknownLayersError
        If it has layers that only torch knows, or does not give what its test vector says.
    MedsegError
        If it is no click model, or its weights are not those of the card.
    """

    def __init__(self, folder: ModelFolder) -> None:
        super().__init__(folder.card)
        require_channels(folder.card)
        if folder.card.network.family != "unet" or folder.card.weights.dtype == "bfloat16":  # numpy lacks that type
            raise UnknownLayersError(folder.card.network.family)
        weights = read_arrays(folder)
        self._prove(folder, weights)
        self._request = self._compiled(weights, folder.card.input.window)

    def chances(self, view: WindowView, cancel: CancelToken | None = None) -> FloatArray:
        """Return, for each voxel of a window, how likely it belongs to the object: 0 to 1.

        Raises
        ------
        MedsegError
            If the network gives values that are not finite.
        """
        channels = network_channels(view.image, view.prompts, view.previous)[None]
        scores = _scores(self._request, channels)[0, 0]
        if not np.isfinite(scores).all():
            raise MedsegError("The model gave values that are not numbers.", "Install or train it again.")
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * scores), np.float32)  # the sigmoid, which here never overflows

    def _compiled(self, weights: Weights, window: tuple[int, ...]) -> InferRequest:
        graph = build_unet_graph(self._card.network, weights, window)
        options = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": str(_threads()),
        }
        return openvino.Core().compile_model(graph, "CPU", options).create_infer_request()

    def _prove(self, folder: ModelFolder, weights: Weights) -> None:
        """Compare with the scores that torch gave when the model was made."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        if folder.card.test_vector is None:
            return
        try:
            vector = load_file(folder.path / folder.card.test_vector)
            image, expected = vector["image"], vector["scores"]
        except (OSError, SafetensorError, KeyError) as error:
            raise MedsegError(f"The test vector of the model '{folder.card.name}' cannot be read.", HINT) from error
        found = _scores(self._compiled(weights, image.shape[2:]), image)
        if found.shape != expected.shape or not np.abs(found - expected).max() <= _TOLERANCE:
            raise UnknownLayersError(folder.card.name)


def _scores(request: InferRequest, channels: FloatArray) -> FloatArray:
    return np.asarray(request.infer({0: np.ascontiguousarray(channels, np.float32)})[0])


def _threads() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
