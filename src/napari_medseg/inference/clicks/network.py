"""A click network that torch computes, or what is faster on this processor."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.backends.choice import CpuNetworks
from napari_medseg.inference.clicks.facts import CardedMethod, require_channels
from napari_medseg.inference.clicks.maps import CHANNELS, network_channels
from napari_medseg.inference.devices import choose_device
from napari_medseg.models.network_files import load_network

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_medseg.core.progress import CancelToken
    from napari_medseg.inference.clicks.method import WindowView
    from napari_medseg.inference.clicks.window import FloatArray
    from napari_medseg.models.catalogue import ModelFolder

_TRIED_FOR = 10_000
"""Windows that a session of clicks may want: trying the ways to compute them pays."""


class NetworkMethod(CardedMethod):
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
        super().__init__(folder.card)
        card = folder.card
        require_channels(card)
        self._device = choose_device(device).name
        self._network = load_network(folder).eval().requires_grad_(False)
        flat = card.network.spatial_dims == 2
        self._format = torch.channels_last if flat else torch.channels_last_3d
        self._network.to(memory_format=self._format)
        self._network.to(self._device)
        self._on_processor = CpuNetworks(self._network, card)
        self._compute: Callable[[torch.Tensor], torch.Tensor] = self._network

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
