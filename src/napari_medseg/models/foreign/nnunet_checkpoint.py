"""One fold of nnU-Net: its weights, and along which axes it may be mirrored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from napari_medseg.models.foreign.refusal import not_in_order
from napari_medseg.models.foreign.tensors import State, read_checkpoint, state_in

if TYPE_CHECKING:
    from pathlib import Path

_SCALAR = np.float64(0).__reduce__()[0]
"""What makes single numbers of numpy when they are read."""

_SCALARS: list[Any] = [
    np.dtype,
    np.dtypes.Float64DType,
    np.dtypes.Float32DType,
    np.dtypes.Int64DType,
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
]
"""Single numbers of numpy, which nnU-Net's log of the training is made of; nothing else is let in."""


@dataclass(frozen=True)
class Fold:
    """What is kept of a checkpoint.

    Parameters
    ----------
    state : dict
        Weights by name.
    mirror_axes : tuple of int
        Axes of the network.
    """

    state: State
    mirror_axes: tuple[int, ...]


def read_fold(path: Path, configuration: str) -> Fold:
    """Read a checkpoint of nnU-Net.

    Raises
    ------
    MedsegError
        If it is damaged, would run code, or belongs to another configuration.
    """
    content = read_checkpoint(path, torch.serialization.safe_globals(_SCALARS))
    if not isinstance(content, dict) or not isinstance(content.get("network_weights"), dict):
        raise not_in_order(f"{path.name} is no checkpoint of nnU-Net")
    trained = content.get("init_args")
    trained = trained.get("configuration") if isinstance(trained, dict) else None
    if trained is not None and trained != configuration:
        raise not_in_order(f"{path.parent.name} was trained as '{str(trained)[:60]}', not as '{configuration}'")
    axes = content.get("inference_allowed_mirroring_axes") or ()
    if not all(isinstance(axis, int) and 0 <= axis < 3 for axis in axes):
        raise not_in_order(f"{path.name} names axes that there are not")
    return Fold(state_in(content, path), tuple(axes))
