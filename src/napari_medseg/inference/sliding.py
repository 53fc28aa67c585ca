"""The sliding window: scores of overlapping windows, blended, and handed on block by block."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

import torch

from napari_medseg.inference.rolling import Block, RollingSum, window_numbers
from napari_medseg.inference.windows import Shape3, WindowPlan, window_weights

Predictor = Callable[[torch.Tensor], torch.Tensor]
"""From windows (n, i, j, k) to scores (n, class, i, j, k), which may be overwritten."""


_UNSEEN_AT_ONCE = 16
"""Windows of nothing after which progress is told all the same."""


class WindowSource(Protocol):
    """Where windows come from."""

    def read(self, starts: Shape3) -> torch.Tensor | None:
        """Return the window (i, j, k) that begins there, or None where there is nothing to see."""


class BlockSink(Protocol):
    """Where finished scores go."""

    @property
    def needs_weights(self) -> bool:
        """Whether `put` wants the weights."""

    def put(self, number: Shape3, block: Block, scores: torch.Tensor | None, weights: torch.Tensor | None) -> None:
        """Take the scores (class, i, j, k) of a block; all blocks come, in the order of `window_numbers`.

        Scores are sums over windows; `weights` (1, i, j, k) is what they are to be divided by, and 0 where no window
        was computed. Both may be overwritten, and are None for a block that no computed window covers; weights are also
        None for a sink that does not need them.
        """


@torch.inference_mode()
def slide(
    plan: WindowPlan,
    source: WindowSource,
    predict: Predictor,
    sink: BlockSink,
    *,
    n_classes: int,
    batch: int = 1,
    device: str = "cpu",
    half_sums: bool = False,
    relative_to_first: bool = False,
    on_window: Callable[[int], None] | None = None,
) -> None:
    """Run a network over all windows of a plan.

    Parameters
    ----------
    plan : WindowPlan
        Where the windows lie.
    source : WindowSource
        Gives their voxels.
    predict : callable
        The network.
    sink : BlockSink
        Takes the blended scores.
    n_classes : int
        Channels of the network's output.
    batch : int
        Windows in one call of the network.
    device : str
        Where scores are summed.
    half_sums : bool
        Keep what layers of windows share at half precision; large sums are in any case.
    relative_to_first : bool
        Whether each class is compared with the first one, as with regions; see `RollingSum`.
    on_window : callable, optional
        Called with the number of windows done, before the first and after every batch; it may raise to stop.
    """
    weights = torch.from_numpy(window_weights(plan)).to(device)[_inside(plan)]
    scores_sum = RollingSum(
        plan, n_classes, device, shift_invariant=True, half=half_sums, relative_to_first=relative_to_first
    )
    weights_sum = RollingSum(plan, 1, device, shift_invariant=False) if sink.needs_weights else None
    done = 0
    if on_window is not None:
        on_window(done)
    for numbers, windows in _batches(plan, source, batch):
        seen = [window for window in windows if window is not None]
        scores = iter(predict(torch.stack(seen)) if seen else ())
        for number, window in zip(numbers, windows, strict=True):
            score = None if window is None else next(scores)[(slice(None), *_inside(plan))].to(device).mul_(weights)
            block, score = scores_sum.add(number, score)
            weight = None
            if weights_sum is not None:
                _, weight = weights_sum.add(number, None if window is None else weights[None].clone())
            sink.put(number, block, score, weight)
        done += len(numbers)
        if on_window is not None:
            on_window(done)


def _inside(plan: WindowPlan) -> Block:
    """Return the part of a window that lies in the volume: a small volume is centred in its window."""
    i, j, k = (
        slice((skipped := max(size - n, 0) // 2), skipped + min(size, n))
        for size, n in zip(plan.window, plan.shape, strict=True)
    )
    return i, j, k


def _batches(
    plan: WindowPlan, source: WindowSource, size: int
) -> Iterator[tuple[list[Shape3], list[torch.Tensor | None]]]:
    """Read windows until there are enough to see; give those that were read, with their numbers."""
    numbers: list[Shape3] = []
    windows: list[torch.Tensor | None] = []
    n_seen = 0
    for number in window_numbers(plan):
        window = source.read(plan.begin(number))
        numbers.append(number)
        windows.append(window)
        n_seen += window is not None
        if n_seen == size or (not n_seen and len(numbers) == _UNSEEN_AT_ONCE):
            yield numbers, windows
            numbers, windows, n_seen = [], [], 0
    if numbers:
        yield numbers, windows
