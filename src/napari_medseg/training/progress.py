"""A line that says how a training goes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_NEWEST_SHARE = 0.1


class Pace:
    """How many seconds a step takes, lately.

    Parameters
    ----------
    clock : callable
        Gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._n_steps = 0
        self.seconds_a_step = 0.0

    def add_step(self) -> None:
        """Count a step; what came between two of them, such as a look at the network, counts as well."""
        now = self._clock()
        self._n_steps += 1
        share = max(_NEWEST_SHARE, 1 / self._n_steps)
        self.seconds_a_step += (now - self._started - self.seconds_a_step) * share
        self._started = now


def progress_label(title: str, left: int, seconds_a_step: float, loss: float, rate: float, look: str) -> str:
    """Return the line: title, a colon, and what changes from step to step, the most wanted first.

    Parameters
    ----------
    title : str
        What is being done.
    left : int
        Steps still to go.
    seconds_a_step : float
        How long they take.
    loss, rate : float
        Of the last step.
    look : str
        What was seen at the last look at the network; empty before the first.
    """
    parts = [
        f"{duration(left * seconds_a_step)} left",
        f"loss {loss:.3f}",
        f"{seconds_a_step:.2g} s a step",
        *([look] if look else []),
        f"rate {rate:.1e}",
    ]
    return f"{title}: {', '.join(parts)}"


def duration(seconds: float) -> str:
    """Return a time as a person would say it."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"
