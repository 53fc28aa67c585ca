"""A network as the sliding window calls it: raw windows in, scores out."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.intensity import apply_intensity

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_medseg.inference.backends.choice import CpuNetworks
    from napari_medseg.inference.windows import Shape3
    from napari_medseg.models.intensity_rule import IntensityRule


_SIDES = 0
"""The axis along which left and right are mirrored."""


class NetworkPredictor:
    """Normalise, pad, run, and average over mirror images.

    Parameters
    ----------
    network : callable
        A `torch.nn.Module` in evaluation mode, on `device`, or another way to compute it.
    window : tuple of int
        Voxels that the network reads; smaller windows are centred in it after normalisation.
    rules : sequence of IntensityRule
        Applied to each window, one for each channel; none if the volume was normalised as a whole.
    mirror_axes : tuple of int
        Axes along which a window is also read backwards (all combinations), and the scores averaged. Windows in which
        the network sees nothing but background are read once only: nearly all of a head, at half the time.
    mirror_swaps : tuple of tuple of int
        Classes that are each other's mirror image along the first axis, such as the channels of left and right lung.
    mirror_background : bool
        Whether windows with nothing but background are read backwards too.
    has_background : bool
        Whether the network's first channel is the background; otherwise the background scores 0.
    spatial_dims : {2, 3}
        Whether the network reads planes (the third axis of the windows has one voxel then; rows come first) or volumes.
    padding_mode : str
        What surrounds a window that is too small, in the words of `torch.nn.functional.pad`; "constant" means zeros.
    device : str
        Where it runs.
    """

    def __init__(
        self,
        network: Callable[[torch.Tensor], torch.Tensor],
        window: Shape3,
        *,
        rules: Sequence[IntensityRule] = (),
        mirror_axes: tuple[int, ...],
        mirror_swaps: tuple[tuple[int, int], ...] = (),
        mirror_background: bool = False,
        has_background: bool = True,
        spatial_dims: int,
        padding_mode: str,
        device: str,
    ) -> None:
        self._network = network
        self._window = window
        self._rules = tuple(rules)
        self._mirrors = [axes for n in range(len(mirror_axes) + 1) for axes in itertools.combinations(mirror_axes, n)]
        self._swapped = {a: b for pair in mirror_swaps for a, b in (pair, pair[::-1])}
        self._mirror_background = mirror_background
        self._has_background = has_background
        self._spatial_dims = spatial_dims
        self._padding = padding_mode
        self._device = device

    @torch.inference_mode()
    def __call__(self, windows: torch.Tensor) -> torch.Tensor:
        """Turn windows (n, i, j, k) or (n, channel, i, j, k) of raw intensities into scores (n, class, *window).

        Raises
        ------
        MedsegError
            If the network gives values that are not finite.
        """
        scores = self._with_mirrors(self._prepared(windows))
        if not math.isfinite(float(scores.sum())):  # far quicker than asking each
            raise MedsegError(
                "The model gave values that are not numbers.", "Its weights may be damaged; install or train it again."
            )
        return scores

    @torch.inference_mode()
    def use_fastest(self, networks: CpuNetworks, n_windows: int, sample: Callable[[], torch.Tensor | None]) -> str:
        """Take the fastest way to compute so many windows on the processor, and return what computes it.

        `sample` gives one window of raw intensities, or None.
        """

        def as_read() -> torch.Tensor | None:
            window = sample()
            return None if window is None else self._as_read(self._prepared(window[None]))

        network = networks.fastest(n_windows * len(self._mirrors), as_read)
        self._network = network
        return network.name

    def _prepared(self, windows: torch.Tensor) -> torch.Tensor:
        """Return windows (n, channel, *window) of the intensities that the network reads."""
        windows = windows if windows.ndim == 5 else windows[:, None]
        # from pinned memory the card fetches the next windows by itself
        batch = windows.pin_memory() if self._device == "cuda" else windows
        batch = batch.to(self._device, non_blocking=True)
        if self._rules:
            batch = torch.stack([self._scaled(window) for window in batch])
        return self._padded(batch)

    def _scaled(self, window: torch.Tensor) -> torch.Tensor:
        return torch.stack([apply_intensity(rule, channel) for rule, channel in zip(self._rules, window, strict=True)])

    def _with_mirrors(self, batch: torch.Tensor) -> torch.Tensor:
        scores = self._run(batch)
        if len(self._mirrors) == 1:
            return scores
        seen = (scores[:, 1:] > scores[:, :1]).flatten(1).any(dim=1) | self._mirror_background
        if bool(seen.any()):
            total = scores[seen]
            for axes in self._mirrors[1:]:
                at = [axis + 2 for axis in axes]
                total += self._with_sides(self._run(batch[seen].flip(at)).flip(at), axes)
            scores[seen] = total / len(self._mirrors)
        return scores

    def _with_sides(self, scores: torch.Tensor, axes: tuple[int, ...]) -> torch.Tensor:
        """Give the scores of a mirrored image to the classes of the other side."""
        if _SIDES not in axes or not self._swapped:
            return scores
        return scores[:, [self._swapped.get(n, n) for n in range(scores.shape[1])]]

    def _run(self, batch: torch.Tensor) -> torch.Tensor:
        scores = self._scores(batch)
        return scores if self._has_background else torch.cat([torch.zeros_like(scores[:, :1]), scores], dim=1)

    def _scores(self, batch: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cuda", torch.float16, enabled=self._device == "cuda"):
            scores = self._network(self._as_read(batch)).float()
        return scores.transpose(-1, -2)[..., None] if self._spatial_dims == 2 else scores

    def _as_read(self, batch: torch.Tensor) -> torch.Tensor:
        """Return windows (n, channel, i, j, k) as the network's input: (n, channel, j, i) for one of planes."""
        if self._spatial_dims == 2:
            # (i, j) is (column, row): networks of planes see images as they are displayed
            return batch[..., 0].transpose(-1, -2)
        return batch.contiguous(memory_format=torch.channels_last_3d)

    def _padded(self, batch: torch.Tensor) -> torch.Tensor:
        pads: list[int] = []
        for size, n in zip(reversed(self._window), reversed(batch.shape[2:]), strict=True):
            missing = max(size - n, 0)
            pads += [missing // 2, missing - missing // 2]
        return F.pad(batch, pads, mode=self._padding) if any(pads) else batch
