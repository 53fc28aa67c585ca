"""Looks at a network while it is trained, and the end of a training that gets no better."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from napari_medseg.training.schedule import EarlyStopping

State = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Look:
    """How good a network was on a few cases.

    Parameters
    ----------
    measure : str
        What was measured, such as "Dice"; larger is better.
    values : tuple of float
        One a label, or a single one; NaN where nothing could be measured.
    """

    measure: str
    values: tuple[float, ...]

    @property
    def score(self) -> float:
        """The mean of the values that are known; 0 if none is."""
        known = [value for value in self.values if not math.isnan(value)]
        return sum(known) / len(known) if known else 0.0

    def __str__(self) -> str:
        """Return measure and values."""
        return " ".join([self.measure, *(f"{value:.4f}" for value in self.values)])


Watch = Callable[[torch.nn.Module], Look]
"""Looks at the averaged network now and then. It decides nothing, unless the recipe stops early."""


class BestWeights:
    """The weights of the best look so far, and how many looks since then were no better.

    Parameters
    ----------
    rule : EarlyStopping
        How many of those end the training.
    """

    def __init__(self, rule: EarlyStopping) -> None:
        self._rule = rule
        self._step = 0
        self._score = -math.inf
        self._looks_since = 0
        self._weights: dict[str, torch.Tensor] = {}

    @property
    def is_over(self) -> bool:
        """Whether training should end."""
        return self._looks_since >= self._rule.patience

    @property
    def weights(self) -> dict[str, torch.Tensor]:
        """Those of the best look; empty before the first one."""
        return self._weights

    def add(self, step: int, look: Look, weights: State) -> None:
        """Compare the weights after a step with the best ones; of equals the earlier are kept."""
        if look.score > self._score:
            self._step, self._score, self._looks_since = step, look.score, 0
            self._weights = {name: value.detach().to("cpu", copy=True) for name, value in weights.items()}
        else:
            self._looks_since += 1

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps of it."""
        return {
            "step": self._step,
            "score": self._score,
            "looks_since": self._looks_since,
            "average": self._weights,
        }

    def take_up(self, state: Mapping[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._step, self._score, self._looks_since = state["step"], state["score"], state["looks_since"]
        self._weights = state["average"]
