"""MONAI's U-Net as a graph of OpenVINO, from its weights alone: it starts in a moment and needs no torch.

The same layers as `napari_medseg.models.networks.unet.build_unet` makes, under the names that its weights have.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openvino
from openvino import opset13 as ops

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from openvino import Model, Node

    from napari_medseg.models.card import NetworkSpec

    Weights = Mapping[str, npt.NDArray[Any]]

_KNOWN = frozenset({"channels", "strides", "num_res_units", "norm", "head"})
_NORMS = ("batch", "instance", "group")
_SMALLEST = 1e-5
"""Torch's default: added to every variance."""


class UnknownLayersError(Exception):
    """A network that this module cannot build; torch can."""


def build_unet_graph(spec: NetworkSpec, weights: Weights, window: Sequence[int]) -> Model:
    """Build a graph that turns a window (1, channel, *window) into scores (1, class, *window).

    Parameters
    ----------
    spec : NetworkSpec
        Of the family "unet".
    weights : mapping of str to ndarray
        Under torch's names.
    window : sequence of int
        Voxels along each axis.

    Raises
    ------
    UnknownLayersError
        If the network has layers or arguments that are not known here.
    """
    arguments: dict[str, Any] = dict(spec.arguments)
    norm, groups = _norm(arguments.get("norm", "instance"))
    if spec.family != "unet" or not set(arguments) <= _KNOWN or int(arguments.get("num_res_units", 0)) < 1:
        raise UnknownLayersError(spec.family)
    builder = _Builder(spec, weights, norm, groups)
    windows = ops.parameter([1, spec.in_channels, *window], np.float32)
    try:
        scores = builder.network(windows)
    except KeyError as error:
        raise UnknownLayersError(str(error)) from error
    return openvino.Model([scores], [windows], spec.family)


def _norm(said: Any) -> tuple[str, int]:
    name, options = (said, {}) if isinstance(said, str) else (said[0], dict(said[1]))
    groups = int(options.pop("num_groups", 0))
    if str(name).lower() not in _NORMS or options:
        raise UnknownLayersError(str(said))
    return str(name).lower(), groups


class _Builder:
    """The layers of one network.

    Parameters
    ----------
    spec : NetworkSpec
        Its arguments.
    weights : mapping of str to ndarray
        Its weights.
    norm, groups : str, int
        How layers are normalised.
    """

    def __init__(self, spec: NetworkSpec, weights: Weights, norm: str, groups: int) -> None:
        self._spec, self._weights = spec, weights
        self._norm_kind, self._groups = norm, groups
        self._dims = spec.spatial_dims
        arguments: dict[str, Any] = dict(spec.arguments)
        self._channels = [int(n) for n in arguments["channels"]]
        self._strides = [int(n) for n in arguments["strides"]]
        self._units = int(arguments["num_res_units"])

    def network(self, windows: Node) -> Node:
        """Return the scores."""
        if "head" not in self._spec.arguments:
            return self._level(windows, "model.", 0)
        features = self._level(windows, "features.model.", 0)
        found = self._convolution(ops.concat([windows, features], 1), "mix.", 1)
        return self._convolution(self._prelu(found, "bend."), "score.", 1)

    def _level(self, x: Node, name: str, level: int) -> Node:
        """Return what a level and all those below it make of their input."""
        stride = self._strides[level]
        down = self._residual(x, f"{name}0.", stride, self._units)
        if level + 2 < len(self._channels):
            below = self._level(down, f"{name}1.submodule.", level + 1)
        else:
            below = self._residual(down, f"{name}1.submodule.", 1, self._units)
        joined = ops.concat([down, below], 1)
        up = self._adn(self._transposed(joined, f"{name}2.0.conv.", stride), f"{name}2.0.adn.")
        return self._residual(up, f"{name}2.1.", 1, 1, plain_end=level == 0)

    def _residual(self, x: Node, name: str, stride: int, units: int, *, plain_end: bool = False) -> Node:
        """Return a residual unit of so many convolutions; the last may come without norm and activation."""
        found = x
        for unit in range(units):
            found = self._convolution(found, f"{name}conv.unit{unit}.conv.", stride if unit == 0 else 1)
            if not (plain_end and unit == units - 1):
                found = self._adn(found, f"{name}conv.unit{unit}.adn.")
        passed = x
        if f"{name}residual.weight" in self._weights:
            passed = self._convolution(x, f"{name}residual.", stride)
        return ops.add(found, passed)

    def _convolution(self, x: Node, name: str, stride: int) -> Node:
        kernel = self._weight(f"{name}weight")
        pads = [(n - 1) // 2 for n in kernel.shape[2:]]
        strides, ones = [stride] * self._dims, [1] * self._dims
        found = ops.convolution(x, ops.constant(kernel), strides, pads, pads, ones)
        return ops.add(found, self._shaped(self._weight(f"{name}bias")))

    def _transposed(self, x: Node, name: str, stride: int) -> Node:
        kernel = self._weight(f"{name}weight")
        pads = [(n - 1) // 2 for n in kernel.shape[2:]]
        found = ops.convolution_backprop_data(
            x,
            ops.constant(kernel),
            strides=[stride] * self._dims,
            pads_begin=pads,
            pads_end=pads,
            dilations=[1] * self._dims,
            output_padding=[stride - 1] * self._dims,
        )
        return ops.add(found, self._shaped(self._weight(f"{name}bias")))

    def _adn(self, x: Node, name: str) -> Node:
        """Normalise, then bend."""
        return self._prelu(self._normalised(x, f"{name}N."), f"{name}A.")

    def _normalised(self, x: Node, name: str) -> Node:
        if self._norm_kind == "batch":
            factor = self._weight(f"{name}weight") / np.sqrt(self._weight(f"{name}running_var") + _SMALLEST)
            shift = self._weight(f"{name}bias") - self._weight(f"{name}running_mean") * factor
            return ops.add(ops.multiply(x, self._shaped(factor)), self._shaped(shift))
        if self._norm_kind == "group":
            factor, shift = self._weight(f"{name}weight"), self._weight(f"{name}bias")
            return ops.group_normalization(x, ops.constant(factor), ops.constant(shift), self._groups, _SMALLEST)
        axes = ops.constant(np.arange(2, 2 + self._dims, dtype=np.int64))
        return ops.mvn(x, axes, True, _SMALLEST, "inside_sqrt")

    def _prelu(self, x: Node, name: str) -> Node:
        return ops.prelu(x, ops.constant(self._weight(f"{name}weight")))

    def _shaped(self, values: npt.NDArray[np.float32]) -> Node:
        return ops.constant(values.reshape(1, -1, *[1] * self._dims))

    def _weight(self, name: str) -> npt.NDArray[np.float32]:
        return np.asarray(self._weights[name], np.float32)
