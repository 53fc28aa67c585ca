"""The schedule of a training: stages one after another, each with a learning rate that rises and falls once."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Precision = Literal["auto", "full", "mixed"]


class Stage(BaseModel):
    """A part of the schedule.

    Parameters
    ----------
    steps : int
        How long it lasts.
    highest_rate : float
        Learning rate after the warm-up; from there it falls along half a cosine.
    warm_up : float
        Share of the steps over which the rate rises.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(ge=1)
    highest_rate: float = Field(default=2e-3, gt=0)
    warm_up: float = Field(default=0.1, ge=0, lt=1)


StageT = TypeVar("StageT", bound=Stage)


class EarlyStopping(BaseModel):
    """An end before the last step, once a network gets no better on patients that it does not learn from.

    Parameters
    ----------
    share : float
        Part of the patients, about, that is held back from training to be watched.
    patience : int
        Training ends when this many watches after the best one were no better. The weights of the best one are kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    share: float = Field(default=0.1, gt=0, le=0.5)
    patience: int = Field(default=5, ge=1)

    @property
    def parts(self) -> int:
        """Equal parts that the patients are divided into, of which one is held back."""
        return max(2, round(1 / self.share))


class Schedule(BaseModel, Generic[StageT]):
    """The whole of it.

    Parameters
    ----------
    seed : int
        The same seed gives the same weights.
    batch : int
        Samples of a step.
    stages : tuple of Stage
        One after another.
    weight_decay : float
        Of AdamW.
    average_decay : float
        How much of the averaged weights stays at each step.
    checkpoint_every : int
        Steps between checkpoints; fewer where all cases are seen in fewer.
    watch_every : int
        Steps between looks at the averaged network.
    watch_cases : int
        How many unseen cases are looked at, at most. Those decide nothing.
    early_stopping : EarlyStopping or None
        None trains to the last step. Otherwise the patients held back are looked at instead of unseen cases.
    precision : {"auto", "full", "mixed"}
        Numbers of 32 bits, or of 16 where these are exact enough. "auto" mixes on a GPU. On a processor all are full.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    batch: int = Field(default=2, ge=1)
    stages: tuple[StageT, ...] = Field(min_length=1)
    weight_decay: float = Field(default=1e-2, ge=0)
    average_decay: float = Field(default=0.995, ge=0, le=1)
    checkpoint_every: int = Field(default=100, ge=1)
    watch_every: int = Field(default=500, ge=1)
    watch_cases: int = Field(default=10, ge=0)
    early_stopping: EarlyStopping | None = None
    precision: Precision = "auto"

    @property
    def steps(self) -> int:
        """Steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    def stage_at(self, step: int) -> tuple[StageT, int]:
        """Return the stage that a step lies in, and the step's number within it."""
        for stage in self.stages[:-1]:
            if step < stage.steps:
                return stage, step
            step -= stage.steps
        return self.stages[-1], step
