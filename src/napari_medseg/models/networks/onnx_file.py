"""A network in an ONNX file, run by ONNX Runtime."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.networks.onnx_parts import asks_for_other_files

if TYPE_CHECKING:
    from napari_medseg.models.card import NetworkSpec

_TYPES = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
_HINT = "Export the network again (docs/models.md tells how)."


class OnnxNetwork(torch.nn.Module):
    """Runs an ONNX network on the processor, or on an NVIDIA card if ONNX Runtime can use it.

    `open` gives it the network; until then it is empty.
    """

    def __init__(self) -> None:
        super().__init__()
        self._content = b""
        self._sessions: dict[str, Any] = {}

    def open(self, content: bytes) -> None:
        """Take a network, the bytes of an ONNX file."""
        self._content, self._sessions = content, {}

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return the network's first output, on the device of the image."""
        if image.device.type not in self._sessions:
            self._sessions[image.device.type] = open_session(self._content, image.device.type)
        session = self._sessions[image.device.type]
        given = session.get_inputs()[0]
        values = image.detach().cpu().contiguous().numpy().astype(_TYPES[given.type], copy=False)
        # many networks are exported for one window at a time
        parts = np.split(values, len(values)) if isinstance(given.shape[0], int) else [values]
        scores = [session.run(None, {given.name: part})[0] for part in parts]
        return torch.from_numpy(np.concatenate(scores).astype(np.float32, copy=False)).to(image.device)


def build_onnx(_spec: NetworkSpec) -> OnnxNetwork:
    """Make room for a network that `OnnxNetwork.open` fills."""
    return OnnxNetwork()


def open_session(content: bytes, device: str) -> Any:
    """Open an ONNX network for a device.

    Raises
    ------
    MedsegError
        If ONNX Runtime is missing or refuses the network, or it asks for other files.
    """
    if asks_for_other_files(content):
        raise MedsegError(
            "The ONNX file takes weights from other files.", "Save it as one file, without external data."
        )
    try:
        import onnxruntime
    except ImportError as error:
        raise MedsegError(
            "ONNX networks need the package onnxruntime.", "Install it with: pip install 'napari-medseg[onnx]'."
        ) from error
    wanted = ["CUDAExecutionProvider"] if device == "cuda" else []
    offered = onnxruntime.get_available_providers()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = torch.get_num_threads()
    # the bytes are read as what was looked through, not as a format of the runtime's own that they might resemble
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return onnxruntime.InferenceSession(
            content, options, providers=[*(name for name in wanted if name in offered), "CPUExecutionProvider"]
        )
    except Exception as error:  # ONNX Runtime raises types of its own, which it does not document
        raise MedsegError("ONNX Runtime cannot open this network.", _HINT) from error


def check_onnx(content: bytes, network: dict[str, Any], window: tuple[int, ...]) -> None:
    """Check that an ONNX network reads what its card says and gives what it says.

    Raises
    ------
    MedsegError
        Naming the first thing that differs.
    """
    session = open_session(content, "cpu")
    inputs, output = session.get_inputs(), session.get_outputs()[0]
    if len(inputs) != 1 or inputs[0].type not in _TYPES:
        raise MedsegError("The ONNX network reads other things than one image of floating-point numbers.", _HINT)
    dims = int(network["spatial_dims"])
    size = window if dims == 3 else window[::-1]
    n_channels = int(network.get("in_channels", 1))
    expected = {
        "input": (inputs[0].shape, (n_channels, *size)),
        "output": (output.shape, (network["out_channels"], *size)),
    }
    for side, (shape, wanted) in expected.items():
        fixed = all(not isinstance(n, int) or n == m for n, m in zip(shape[1:], wanted, strict=False))
        if len(shape) != dims + 2 or not fixed:
            raise MedsegError(f"The {side} of the ONNX network, {shape}, is not that of its card, {wanted}.", _HINT)
