"""nnInteractive (Isensee et al., arXiv 2503.08373) as a click method, in volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.clicks.facts import CardedMethod
from napari_medseg.inference.clicks.foreign.drawing import Drawing, draw_channels
from napari_medseg.inference.devices import choose_device
from napari_medseg.models.network_files import load_network

if TYPE_CHECKING:
    from napari_medseg.core.progress import CancelToken
    from napari_medseg.inference.clicks.method import WindowView
    from napari_medseg.inference.clicks.window import FloatArray
    from napari_medseg.models.catalogue import ModelFolder


class NnInteractiveMethod(CardedMethod):
    """A network of nnInteractive in our windows.

    Parameters
    ----------
    folder : ModelFolder
        Card and place of the model.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.

    Raises
    ------
    MedsegError
        If the library that builds it is missing, the device is not there, or the weights are not those of the card.
    """

    def __init__(self, folder: ModelFolder, *, device: str = "auto") -> None:
        super().__init__(folder.card)
        network = folder.card.network
        try:
            self._drawing = Drawing.of(network.arguments["drawing"], network.in_channels - 1)
        except (KeyError, TypeError, ValueError) as error:
            raise MedsegError(f"The card of {folder.card.title} does not tell how prompts are drawn.") from error
        self._device = choose_device(device).name
        self._network = load_network(folder).eval().requires_grad_(False).to(self._device)

    def chances(self, view: WindowView, cancel: CancelToken | None = None) -> FloatArray:
        """Return, for each voxel of a window, how likely it belongs to the object: 0 to 1.

        Raises
        ------
        MedsegError
            If the network gives values that are not finite.
        Cancelled
            If the token was thrown.
        """
        channels = torch.from_numpy(draw_channels(view, self._drawing))[None]
        if cancel is not None:
            cancel.raise_if_cancelled()
        with torch.inference_mode(), torch.autocast("cuda", torch.float16, enabled=self._device == "cuda"):
            scores = self._network(channels.to(self._device))
        found = np.asarray(torch.sigmoid(scores[0, 0].float()).cpu().numpy(), np.float32)
        if not np.isfinite(found).all():
            raise MedsegError("The model gave values that are not numbers.", "Add it again.")
        return found
