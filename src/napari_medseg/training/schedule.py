"""The schedule of a training: stages one after another, each with a learning rate that rises and falls once."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field


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
    highest_rate: float = 2e-3
    warm_up: float = 0.1


StageT = TypeVar("StageT", bound=Stage)


class Schedule(BaseModel, Generic[StageT]):
    """The whole of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    batch: int = Field(default=2, ge=1)
    stages: tuple[StageT, ...] = Field(min_length=1)
    weight_decay: float = 1e-2
    average_decay: float = 0.995
    checkpoint_every: int = 100
    watch_every: int = 500
    watch_cases: int = 10

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
