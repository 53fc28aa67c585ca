"""The loop: batches in, averaged weights out; it can be stopped and taken up again at any checkpoint."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.models.networks import build_network
from napari_medseg.training.checkpoint import (
    ANOTHER,
    kept_weights,
    read_checkpoint,
    remove_unfinished,
    write_checkpoint,
)
from napari_medseg.training.hardware import CPU, Hardware
from napari_medseg.training.journal import Journal, StepRow
from napari_medseg.training.progress import Pace, progress_label
from napari_medseg.training.watching import BestWeights, Look, Watch

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.models.card import NetworkSpec
    from napari_medseg.training.schedule import Schedule, Stage


class Trainable(Protocol):
    """What the loop asks of a recipe."""

    @property
    def network(self) -> NetworkSpec:
        """What to build."""
        ...

    @property
    def training(self) -> Schedule[Any]:
        """How long, and at which rates."""
        ...


class Lessons(Protocol):
    """What a network learns from, step by step."""

    def loss(self, network: torch.nn.Module, step: int) -> torch.Tensor:
        """Return the loss of a network on the batch of a step, on the network's device.

        The same step gives the same batch, after the same steps if they are `Remembering`.
        """
        ...


@runtime_checkable
class Remembering(Protocol):
    """Lessons that depend on what went before: their state is part of every checkpoint."""

    def state(self) -> dict[str, Any]:
        """Return it, of tensors, numbers, lists and mappings."""
        ...

    def take_up(self, state: dict[str, Any]) -> None:
        """Go on from it."""
        ...


Start = Callable[[torch.nn.Module], None]
"""Gives a new network other weights than random ones."""

_LONGEST_GRADIENT = 5.0
_LOG_EVERY = 25


@dataclass(frozen=True)
class Surroundings:
    """What a training is done in, and what decides nothing about the weights on one device.

    Parameters
    ----------
    hardware : Hardware
        Where the steps are computed.
    title : str
        What progress is reported as.
    epoch_steps : int or None
        Steps in which all cases are seen: checkpoints are never further apart, so that a kill loses no more.
    tensorboard : bool
        Whether to write for TensorBoard, whose package must be installed then.
    """

    hardware: Hardware = CPU
    title: str = "Training"
    epoch_steps: int | None = None
    tensorboard: bool = False


_ALONE = Surroundings()


class Training:
    """One network being trained.

    Parameters
    ----------
    recipe : Trainable
        Network and schedule.
    batches : Lessons
        What each step sees, and how far off the network is there.
    folder : Path
        Where the checkpoint is kept, and what `Journal` writes.
    start : Start, optional
        Called with the new network, unless a checkpoint is taken up.
    surroundings : Surroundings, optional
        By default the processor, silent.
    """

    def __init__(
        self,
        recipe: Trainable,
        batches: Lessons,
        folder: Path,
        start: Start | None = None,
        surroundings: Surroundings = _ALONE,
    ) -> None:
        self._recipe = recipe
        self._batches = batches
        self._folder = folder
        self._surroundings = surroundings
        self._hardware = surroundings.hardware
        torch.manual_seed(recipe.training.seed)
        remove_unfinished(folder)
        state = read_checkpoint(folder)
        self._network = build_network(recipe.network)
        if start is not None and state is None:
            start(self._network)
        is_flat = recipe.network.spatial_dims == 2
        memory_format = torch.channels_last if is_flat else torch.channels_last_3d
        self._network.to(memory_format=memory_format)
        self._network.to(self._hardware.device)
        self._average = {name: value.detach().clone() for name, value in self._network.state_dict().items()}
        self._optimizer = torch.optim.AdamW(self._network.parameters(), weight_decay=recipe.training.weight_decay)
        self._scaler = self._hardware.scaler()
        early = recipe.training.early_stopping
        self._best = None if early is None else BestWeights(early)
        self._look: Look | None = None
        self._step = 0
        self._seconds = 0.0
        if state is not None:
            self._take_up(state)

    @property
    def network(self) -> torch.nn.Module:
        """The network with the averaged weights, for evaluation, on the device of the training."""
        averaged = build_network(self._recipe.network)
        averaged.load_state_dict(self._average)
        return averaged.to(self._hardware.device).eval()

    def run(
        self,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        watch: Watch | None = None,
    ) -> dict[str, torch.Tensor]:
        """Train to the end of the schedule, or until the recipe's early stopping ends it.

        Returns
        -------
        dict of str to Tensor
            The averaged weights after the last step: no step is chosen by what it scores, unless the recipe stops
            early; then those of the best look.

        Raises
        ------
        MedsegError
            If the recipe stops early and nothing is watched.
        Cancelled
            If stopped; the last checkpoint remains.
        """
        if self._best is not None and watch is None:
            raise MedsegError("A training that may stop early must watch cases.", "Hold patients back.")
        self._network.train()
        with (
            self._hardware.repeatable(self._recipe.network.family),
            Journal(self._folder, self._step, with_board=self._surroundings.tensorboard) as journal,
        ):
            self._go_on(journal, on_progress, cancel, watch)
        return {name: value.cpu() for name, value in kept_weights(self._state()).items()}

    @property
    def _is_over(self) -> bool:
        return self._step >= self._recipe.training.steps or (self._best is not None and self._best.is_over)

    def _go_on(
        self, journal: Journal, on_progress: ProgressCallback | None, cancel: CancelToken | None, watch: Watch | None
    ) -> None:
        schedule = self._recipe.training
        checkpoint_every = min(schedule.checkpoint_every, self._surroundings.epoch_steps or schedule.checkpoint_every)
        pace = Pace()
        while not self._is_over:
            started = time.process_time()
            loss = self._take_step()
            self._seconds += time.process_time() - started
            self._step += 1
            rate = learning_rate(self._step - 1, schedule)
            last = self._step == schedule.steps
            if last or self._step % _LOG_EVERY == 0:
                journal.add_step(StepRow(self._step, self._seconds, rate, loss))
            if last or self._step % schedule.watch_every == 0:
                if watch is not None:
                    self._watch(watch, journal)
                journal.draw()
            # After the look, which may be the best one: what it chose is part of the checkpoint.
            if self._step % checkpoint_every == 0 or self._is_over:
                write_checkpoint(self._state(), self._folder)
            pace.add_step()
            seen = "" if self._look is None else str(self._look)
            label = progress_label(
                self._surroundings.title, schedule.steps - self._step, pace.seconds_a_step, loss, rate, seen
            )
            report(on_progress, self._step, schedule.steps, label, cancel)

    def _take_step(self) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self._step, self._recipe.training)
        with self._hardware.autocast():
            loss = self._batches.loss(self._network, self._step)
        self._optimizer.zero_grad()
        self._scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self._scaler.unscale_(self._optimizer)
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), _LONGEST_GRADIENT)
        self._scaler.step(self._optimizer)
        self._scaler.update()
        self._add_to_average()
        return loss.item()

    @torch.no_grad()
    def _add_to_average(self) -> None:
        decay = min(self._recipe.training.average_decay, (1 + self._step) / (10 + self._step))
        for name, value in self._network.state_dict().items():
            if value.is_floating_point():
                self._average[name].lerp_(value, 1 - decay)
            else:
                self._average[name].copy_(value)

    def _watch(self, watch: Watch, journal: Journal) -> None:
        with torch.random.fork_rng(devices=[]):  # a look changes nothing, neither what is drawn after it
            self._look = watch(self.network)
        journal.add_look(self._step, self._look)
        if self._best is not None:
            self._best.add(self._step, self._look, self._average)

    def _state(self) -> dict[str, Any]:
        state = {
            "step": self._step,
            "seconds": self._seconds,
            "network": self._network.state_dict(),
            "average": self._average,
            "optimizer": self._optimizer.state_dict(),
            "scaler": self._scaler.state_dict(),
            "random": self._hardware.random_state(),
        }
        if isinstance(self._batches, Remembering):
            state["lessons"] = self._batches.state()
        if self._best is not None:
            state |= {"best": self._best.state(), "stopped": self._best.is_over}
        return state

    def _take_up(self, state: dict[str, Any]) -> None:
        try:
            self._network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise MedsegError("The checkpoint in the output folder is of another network.", ANOTHER) from error
        self._average = {name: value.to(self._hardware.device) for name, value in state["average"].items()}
        self._step, self._seconds = state["step"], state["seconds"]
        if state.get("scaler"):
            self._scaler.load_state_dict(state["scaler"])
        if "random" in state:
            self._hardware.set_random_state(state["random"])
        if isinstance(self._batches, Remembering) and "lessons" in state:
            self._batches.take_up(state["lessons"])
        if self._best is not None and "best" in state:
            self._best.take_up(state["best"])


def learning_rate(step: int, schedule: Schedule[Any]) -> float:
    """Return the rate of a step: in each stage a linear warm-up, then half a cosine down to nothing."""
    found: tuple[Stage, int] = schedule.stage_at(step)
    stage, step = found
    part = (step + 1) / stage.steps
    if part < stage.warm_up:
        return stage.highest_rate * part / stage.warm_up
    turn = (part - stage.warm_up) / (1 - stage.warm_up)
    return stage.highest_rate * max(1e-3, 0.5 * (1 + math.cos(math.pi * turn)))
