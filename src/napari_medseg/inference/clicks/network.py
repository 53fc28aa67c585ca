"""A trained click model, ready to answer in a window."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.backends.choice import CpuNetworks
from napari_medseg.inference.clicks.maps import CHANNELS, network_channels
from napari_medseg.inference.clicks.method import ClickMethod
from napari_medseg.inference.devices import choose_device
from napari_medseg.models.catalogue import find_model
from napari_medseg.models.network_files import load_network

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken
    from napari_medseg.inference.clicks.method import WindowView
    from napari_medseg.inference.clicks.window import FloatArray
    from napari_medseg.models.card import ModelCard
    from napari_medseg.models.catalogue import ModelFolder

_TRIED_FOR = 10_000
"""Windows that a session of clicks may want: trying the ways to compute them pays."""


class ReadyMethod(ClickMethod, Protocol):
    """A click model that was loaded."""

    @property
    def card(self) -> ModelCard:
        """What the model is."""

    def prepare(self) -> str:
        """Take the fastest way to compute it, and say which; the first time this may take seconds."""


class NetworkMethod:
    """A click network on a processor or a graphics card.

    Parameters
    ----------
    folder : ModelFolder
        Card and place of the model.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.

    Raises
    ------
    MedsegError
        If it is no click model, the device is not there, or the weights are not those of the card.
    """

    def __init__(self, folder: ModelFolder, *, device: str = "auto") -> None:
        card = folder.card
        if card.task != "clicks":
            raise MedsegError(f"{card.title} does not segment by clicks.", "Choose a click model.")
        if card.network.in_channels != len(CHANNELS) or len(set(card.input.window)) != 1:
            raise MedsegError(f"This version cannot show {card.title} what it wants to see.")
        self._card = card
        self._device = choose_device(device).name
        self._network = load_network(folder).eval().requires_grad_(False)
        flat = card.network.spatial_dims == 2
        self._format = torch.channels_last if flat else torch.channels_last_3d
        self._network.to(memory_format=self._format)
        self._network.to(self._device)
        self._on_processor = CpuNetworks(self._network, card)
        self._compute: Callable[[torch.Tensor], torch.Tensor] = self._network

    @property
    def card(self) -> ModelCard:
        """What the model is."""
        return self._card

    @property
    def name(self) -> str:
        """What it is, in the reader's words."""
        return self._card.title

    @property
    def spatial_dims(self) -> tuple[int, ...]:
        """Whether it reads planes (2) or volumes (3)."""
        return (self._card.network.spatial_dims,)

    @property
    def largest_zoom(self) -> float:
        """A network's window grows until it shows the whole scan."""
        return math.inf

    def side(self, spatial_dims: int) -> int:
        """Return the voxels of its window along each axis."""
        return self._card.input.window[0]

    def prepare(self) -> str:
        """Take the fastest way to compute it on this processor, and say which; the first time this takes seconds."""
        if self._device != "cpu":
            return self._device
        window = torch.zeros((1, len(CHANNELS), *self._card.input.window))
        window[:, :, tuple(n // 2 for n in self._card.input.window)] = 1.0
        fastest = self._on_processor.fastest(_TRIED_FOR, lambda: window)
        self._compute = fastest
        return fastest.name

    def chances(self, view: WindowView, cancel: CancelToken | None = None) -> FloatArray:
        """Return, for each voxel of a window, how likely it belongs to the object: 0 to 1.

        Raises
        ------
        MedsegError
            If the network gives values that are not finite.
        """
        channels = torch.from_numpy(network_channels(view.image, view.prompts, view.previous))[None]
        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=self._device == "cuda"):
            scores = self._compute(channels.contiguous(memory_format=self._format).to(self._device))
        found = np.asarray(torch.sigmoid(scores[0, 0].float()).cpu().numpy(), np.float32)
        if not np.isfinite(found).all():
            raise MedsegError("The model gave values that are not numbers.", "Install or train it again.")
        return found


def load_click_method(name: str | Path, device: str = "auto", *, user_folder: Path | None = None) -> ReadyMethod:
    """Load a click model of any family, by its name or its folder.

    Raises
    ------
    MedsegError
        If there is no such model or device, it is no click model, or a library that it needs is missing.
    """
    folder = find_model(str(name), user_folder)
    if folder.card.network.family == "sam":
        from napari_medseg.inference.clicks.foreign.sam import SamMethod

        return SamMethod(folder, device=device)
    if folder.card.network.family == "nninteractive":
        from napari_medseg.inference.clicks.foreign.nninteractive import NnInteractiveMethod

        return NnInteractiveMethod(folder, device=device)
    return NetworkMethod(folder, device=device)
