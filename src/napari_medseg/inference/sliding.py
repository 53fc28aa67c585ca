"""The sliding window: scores of overlapping windows, blended, and handed on slab by slab.

Memory follows classes × one slab: as soon as no later window touches a plane, its scores are final and go to the sink,
which keeps labels or whatever it needs of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Protocol

import torch

from napari_medseg.inference.windows import Shape3, WindowPlan, gaussian_weights

Predictor = Callable[[torch.Tensor], torch.Tensor]
"""From windows (n, i, j, k) to scores (n, class, i, j, k)."""


class WindowSource(Protocol):
    """Where windows come from."""

    def read(self, starts: Shape3) -> torch.Tensor | None:
        """Return the window (i, j, k) that begins there, or None where there is nothing to see."""


class SlabSink(Protocol):
    """Where finished scores go."""

    def put(self, start: int, scores: torch.Tensor, weights: torch.Tensor) -> None:
        """Take scores (class, i, j, k) of the planes from `start` on along the rolling axis.

        Scores are sums over windows; `weights` (i, j, k) is what they are to be divided by (0 where no window was
        computed). Both are overwritten afterwards.
        """


def slide(
    plan: WindowPlan,
    source: WindowSource,
    predict: Predictor,
    sink: SlabSink,
    *,
    n_classes: int,
    batch: int = 1,
    device: str = "cpu",
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
    sink : SlabSink
        Takes the blended scores.
    n_classes : int
        Channels of the network's output.
    batch : int
        Windows in one call of the network.
    device : str
        Where scores are summed.
    on_window : callable, optional
        Called with the number of windows done, before the first and after every batch; it may raise to stop.
    """
    rolling = plan.rolling_axis
    slab = _Slab(plan, n_classes, device)
    done = 0
    if on_window is not None:
        on_window(done)
    for start, following in _with_next(plan.starts[rolling], plan.shape[rolling]):
        slab.move_to(start)
        for n_read, seen in _batches(_row(plan, rolling, start), source, batch):
            if seen:
                scores = predict(torch.stack([window for _, window in seen]))
                for (starts, _), score in zip(seen, scores, strict=True):
                    slab.add(starts, score)
            done += n_read
            if on_window is not None:
                on_window(done)
        slab.hand_on(following, sink)


class _Slab:
    """Sums of weighted scores over one window's thickness along the rolling axis."""

    def __init__(self, plan: WindowPlan, n_classes: int, device: str) -> None:
        self._plan = plan
        self._axis = plan.rolling_axis
        shape = list(plan.shape)
        shape[self._axis] = min(plan.window[self._axis], plan.shape[self._axis])
        self._scores = torch.zeros((n_classes, *shape), device=device)
        self._weights = torch.zeros(shape, device=device)
        self._window_weights = torch.from_numpy(gaussian_weights(plan.window)).to(device)
        self._start = 0

    def move_to(self, start: int) -> None:
        """Drop the planes before `start`, which have been handed on."""
        steps = start - self._start
        for tensor, axis in ((self._scores, self._axis + 1), (self._weights, self._axis)):
            thickness = tensor.shape[axis]
            kept = max(thickness - steps, 0)
            if steps and kept:
                tensor.narrow(axis, 0, kept).copy_(tensor.narrow(axis, steps, kept).clone())
            if steps:
                tensor.narrow(axis, kept, thickness - kept).zero_()
        self._start = start

    def add(self, starts: Shape3, score: torch.Tensor) -> None:
        """Add one window's scores (class, i, j, k); a small volume is centred in its window."""
        within, target = [], []
        for axis, (first, size, n) in enumerate(zip(starts, self._plan.window, self._plan.shape, strict=True)):
            skipped = max(size - n, 0) // 2
            length = min(size, n)
            begin = first - self._start if axis == self._axis else first
            within.append(slice(skipped, skipped + length))
            target.append(slice(begin, begin + length))
        weights = self._window_weights[tuple(within)]
        self._scores[(slice(None), *target)].addcmul_(score[(slice(None), *within)].to(weights.device), weights)
        self._weights[tuple(target)] += weights

    def hand_on(self, stop: int, sink: SlabSink) -> None:
        """Give the planes up to `stop` to the sink."""
        n = stop - self._start
        sink.put(self._start, self._scores.narrow(self._axis + 1, 0, n), self._weights.narrow(self._axis, 0, n))


def _with_next(starts: tuple[int, ...], end: int) -> Iterator[tuple[int, int]]:
    return zip(starts, (*starts[1:], end), strict=True)


def _row(plan: WindowPlan, rolling: int, start: int) -> Iterator[Shape3]:
    """All windows that begin at one plane of the rolling axis."""
    choices = [(start,) if axis == rolling else plan.starts[axis] for axis in range(3)]
    return itertools.product(*choices)  # type: ignore[return-value]


def _batches(
    row: Iterator[Shape3], source: WindowSource, size: int
) -> Iterator[tuple[int, list[tuple[Shape3, torch.Tensor]]]]:
    """Read windows until there are enough to see; give how many were read, and those."""
    n_read, seen = 0, []
    for starts in row:
        window = source.read(starts)
        n_read += 1
        if window is not None:
            seen.append((starts, window))
        if len(seen) == size:
            yield n_read, seen
            n_read, seen = 0, []
    if n_read:
        yield n_read, seen
