"""Segment Anything and its relatives (such as MedSAM) as a click method, on images and slices."""

from __future__ import annotations

import hashlib
import math
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.clicks.facts import CardedMethod
from napari_medseg.inference.clicks.foreign.picture import Picture, draw_picture
from napari_medseg.inference.devices import choose_device
from napari_medseg.models.network_files import load_network
from napari_medseg.models.networks.sam import SamNetwork

if TYPE_CHECKING:
    import numpy.typing as npt

    from napari_medseg.core.progress import CancelToken
    from napari_medseg.inference.clicks.method import WindowView
    from napari_medseg.inference.clicks.window import FloatArray
    from napari_medseg.models.catalogue import ModelFolder

_KEPT = 8
"""Images of which it is kept what the network saw: the slices next to the one that is worked on."""

_SUREST = 1e-3
"""How sure a mask counts when it is shown as scores: chances of this and of one less this."""


class SamMethod(CardedMethod):
    """A Segment Anything network. It looks at an image once, which takes seconds; each prompt then takes little.

    Parameters
    ----------
    folder : ModelFolder
        Card and place of the model.
    device : {"auto", "cpu", "cuda", "mps"}
        Where to compute.

    Raises
    ------
    MedsegError
        If the library transformers is missing, the device is not there, or the weights are not those of the card.
    """

    def __init__(self, folder: ModelFolder, *, device: str = "auto") -> None:
        super().__init__(folder.card)
        self._device = choose_device(device).name
        network = load_network(folder).eval().requires_grad_(False)
        assert isinstance(network, SamNetwork)
        if network.side != self._facts.window_side:
            raise MedsegError(f"This version cannot show {folder.card.title} what it wants to see.")
        self._network = network.to(self._device)
        arguments: dict[str, Any] = folder.card.network.arguments
        self._mean, self._deviation = (
            torch.tensor([float(n) for n in arguments[name]]).reshape(1, 3, 1, 1) for name in ("mean", "deviation")
        )
        self._seen: OrderedDict[bytes, torch.Tensor] = OrderedDict()

    def chances(self, view: WindowView, cancel: CancelToken | None = None) -> FloatArray:
        """Return, for each voxel of a window, how likely it belongs to the object: 0 to 1.

        Raises
        ------
        MedsegError
            If the network gives values that are not finite.
        Cancelled
            If the token was thrown.
        """
        picture = draw_picture(view)
        if picture is None or not picture.is_asked:
            return view.previous
        with torch.inference_mode():
            embedding = self._look(picture.grey, cancel)
            found = self._answer(picture, embedding)
        if not np.isfinite(found).all():
            raise MedsegError("The model gave values that are not numbers.", "Add it again.")
        return picture.to_window(found, view.image.shape)

    def _look(self, grey: npt.NDArray[np.uint8], cancel: CancelToken | None) -> torch.Tensor:
        """Return what the network sees in a picture; of the pictures it saw last it is known."""
        key = hashlib.blake2b(repr(grey.shape).encode() + grey.tobytes()).digest()
        known = self._seen.pop(key, None)
        if known is None:
            if cancel is not None:
                cancel.raise_if_cancelled()
            pixels = self._pixels(grey).to(self._device)
            with torch.autocast("cuda", torch.float16, enabled=self._device == "cuda"):
                known = self._network.embed(pixels).float()
        self._seen[key] = known
        while len(self._seen) > _KEPT:
            self._seen.popitem(last=False)
        return known

    def _pixels(self, grey: npt.NDArray[np.uint8]) -> torch.Tensor:
        """Scale a picture to the network's side, and fill up to a square with zeros on the right and below."""
        rows, columns = self._scaled(*grey.shape)
        picture = torch.from_numpy(grey)[None, None]
        scaled = F.interpolate(picture, (rows, columns), mode="bilinear", antialias=True).expand(1, 3, rows, columns)
        coloured = (scaled / 255 - self._mean) / self._deviation
        side = self._network.side
        return F.pad(coloured, (0, side - columns, 0, side - rows))

    def _scaled(self, rows: int, columns: int) -> tuple[int, int]:
        scale = self._network.side / max(rows, columns)
        return max(1, math.floor(rows * scale + 0.5)), max(1, math.floor(columns * scale + 0.5))

    def _answer(self, picture: Picture, embedding: torch.Tensor) -> FloatArray:
        """Return the chances on the picture, shape (rows, columns)."""
        rows, columns = self._scaled(*picture.shape)
        ratio = torch.tensor([columns / picture.shape[1], rows / picture.shape[0]])
        points = torch.from_numpy(picture.points) * ratio
        scores = self._network.scores(
            embedding,
            points.to(self._device) if len(points) else None,
            torch.from_numpy(picture.positive).to(self._device) if len(points) else None,
            None if picture.box is None else (torch.from_numpy(picture.box) * ratio.repeat(2)).to(self._device),
            None if picture.previous is None else self._mask(picture.previous, rows, columns).to(self._device),
        )
        side = (self._network.side, self._network.side)
        whole = F.interpolate(scores.float()[None, None], side, mode="bilinear", align_corners=False)
        part = F.interpolate(whole[..., :rows, :columns], picture.shape, mode="bilinear", align_corners=False)
        return np.asarray(torch.sigmoid(part[0, 0]).cpu().numpy(), np.float32)

    def _mask(self, previous: FloatArray, rows: int, columns: int) -> torch.Tensor:
        """Show the object so far as scores, as if the network had given them."""
        side, small = self._network.side, self._network.scores_side
        scaled = F.interpolate(torch.from_numpy(previous)[None, None], (rows, columns), mode="bilinear")
        square = F.pad(scaled, (0, side - columns, 0, side - rows))
        return torch.logit(F.interpolate(square, (small, small), mode="area"), eps=_SUREST)[0, 0]
