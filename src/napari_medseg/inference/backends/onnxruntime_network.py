"""Networks computed by ONNX Runtime, where it and torch's exporter are installed."""

from __future__ import annotations

import warnings

import torch

from napari_medseg.models.networks.onnx_file import OnnxNetwork


class OnnxRuntimeNetwork:
    """A network exported for windows of one shape, at full precision.

    Parameters
    ----------
    network : torch.nn.Module
        In evaluation mode, on the processor.
    shape : tuple of int
        Channels and voxels of a window.

    Raises
    ------
    Exception
        Whatever torch raises for a network that it cannot export; ImportError or MedsegError where a library is
        missing.
    """

    name = "ONNX Runtime"

    def __init__(self, network: torch.nn.Module, shape: tuple[int, ...]) -> None:
        with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
            warnings.simplefilter("ignore")
            program = torch.onnx.export(network, (torch.zeros(1, *shape),), dynamo=True, verbose=False)
        if program is None:
            raise RuntimeError("torch exported nothing")
        self._network = OnnxNetwork()
        self._network.open(program.model_proto.SerializeToString())

    def __call__(self, batch: torch.Tensor) -> torch.Tensor:
        """Turn windows (n, channel, *window) into scores (n, class, *window), float32."""
        return torch.cat([self._network(window[None]) for window in batch.float()])
