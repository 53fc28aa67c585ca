"""Networks compiled by OpenVINO, which needs half the time of torch or less on most processors."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_medseg.inference.backends.store import drop, kept_folder

if TYPE_CHECKING:
    from pathlib import Path

    from openvino import Model

_FILE = "network.xml"


class OpenVinoNetwork:
    """A network compiled for windows of one shape, at full precision.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode, on the processor.
    shape : tuple of int
        Channels and voxels of a window.
    key : str
        Names what was converted; the conversion, which takes seconds, is kept under it in the user's cache.

    Raises
    ------
    Exception
        Whatever OpenVINO raises for a network that it cannot convert; ImportError where it is not installed.
    """

    name = "OpenVINO"

    def __init__(self, network: torch.nn.Module, shape: tuple[int, ...], key: str) -> None:
        import openvino

        core = openvino.Core()
        folder = kept_folder(key, lambda place: _convert(network, shape, place))
        # Two files, a description of layers and their numbers: nothing in them is run as code.
        try:
            model = core.read_model(folder / _FILE)
        except Exception:  # cut short, by a full disk for example
            drop(key)
            raise
        options = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        options["INFERENCE_NUM_THREADS"] = str(torch.get_num_threads())
        compiled = core.compile_model(model, "CPU", options)
        self._shape = tuple(compiled.output(0).shape)
        self._request = compiled.create_infer_request()

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Turn windows (n, channel, *window) into scores (n, class, *window), float32."""
        import openvino

        scores = []
        for window in batch.float():
            found = np.empty(self._shape, np.float32)  # the network writes into it: no copy
            self._request.set_output_tensor(0, openvino.Tensor(found, shared_memory=True))
            self._request.infer({0: window[None].contiguous().numpy()}, share_inputs=True)
            scores.append(torch.from_numpy(found))
        return scores[0] if len(scores) == 1 else torch.cat(scores)


def _convert(network: torch.nn.Module, shape: tuple[int, ...], folder: Path) -> None:
    import openvino

    example = torch.zeros(1, *shape)
    with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")  # tracing warns of shapes that are constant: so they are
        model: Model = openvino.convert_model(network, example_input=example, input=[example.shape])
    openvino.save_model(model, folder / _FILE, compress_to_fp16=False)
