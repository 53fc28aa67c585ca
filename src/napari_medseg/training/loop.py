"""The loop: batches in, averaged weights out; it can be stopped and taken up again at any checkpoint."""

from __future__ import annotations

import math
import pickle
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.io.atomic import atomic_write
from napari_medseg.models.networks import build_network

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
        """Return the loss of a network on the batch of a step; the same step gives the same batch."""
        ...


Start = Callable[[torch.nn.Module], None]
"""Gives a new network other weights than random ones."""

Watch = Callable[[torch.nn.Module], str]
"""Looks at the averaged network now and then; what it says goes into the log and decides nothing."""

_LONGEST_GRADIENT = 5.0
_CHECKPOINT = "checkpoint.pt"
_ANOTHER = "Remove it to begin anew, or choose another output folder."


class Training:
    """One network being trained.

    Parameters
    ----------
    recipe : Trainable
        Network and schedule.
    batches : Lessons
        What each step sees, and how far off the network is there.
    folder : Path
        Where the checkpoint and the log (``log.tsv``: step, seconds of processor time, rate, loss) are kept.
    start : Start, optional
        Called with the new network, unless a checkpoint is taken up.
    """

    def __init__(self, recipe: Trainable, batches: Lessons, folder: Path, start: Start | None = None) -> None:
        self._recipe = recipe
        self._batches = batches
        self._folder = folder
        torch.manual_seed(recipe.training.seed)
        state = read_checkpoint(folder)
        self._network = build_network(recipe.network)
        if start is not None and state is None:
            start(self._network)
        is_flat = recipe.network.spatial_dims == 2
        self._network.to(memory_format=torch.channels_last if is_flat else torch.channels_last_3d)
        self._average = {name: value.detach().clone() for name, value in self._network.state_dict().items()}
        self._optimizer = torch.optim.AdamW(self._network.parameters(), weight_decay=recipe.training.weight_decay)
        self._step = 0
        self._seconds = 0.0
        if state is not None:
            self._take_up(state)

    @property
    def network(self) -> torch.nn.Module:
        """The network with the averaged weights, for evaluation."""
        averaged = build_network(self._recipe.network)
        averaged.load_state_dict(self._average)
        return averaged.eval()

    def run(
        self,
        on_progress: ProgressCallback | None = None,
        cancel: CancelToken | None = None,
        watch: Watch | None = None,
    ) -> dict[str, torch.Tensor]:
        """Train to the end of the schedule.

        Returns
        -------
        dict of str to Tensor
            The averaged weights after the last step: no step is chosen by what it scores.

        Raises
        ------
        Cancelled
            If stopped; the last checkpoint remains.
        """
        schedule = self._recipe.training
        self._network.train()
        while self._step < schedule.steps:
            started = time.process_time()
            loss = self._take_step()
            self._seconds += time.process_time() - started
            self._step += 1
            last = self._step == schedule.steps
            if last or self._step % 25 == 0:
                self._log(loss)
            if last or self._step % schedule.checkpoint_every == 0:
                self._save()
            if watch is not None and (last or self._step % schedule.watch_every == 0):
                self._write(f"# {watch(self.network)}")
            report(on_progress, self._step, schedule.steps, "Training", cancel)
        return self._average

    def _take_step(self) -> float:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate(self._step, self._recipe.training)
        loss = self._batches.loss(self._network, self._step)
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self._network.parameters(), _LONGEST_GRADIENT)
        self._optimizer.step()
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

    def _log(self, loss: float) -> None:
        rate = learning_rate(self._step - 1, self._recipe.training)
        self._write(f"{self._step}\t{self._seconds:.1f}\t{rate:.2e}\t{loss:.4f}")

    def _write(self, line: str) -> None:
        with (self._folder / "log.tsv").open("a", encoding="utf-8") as log:
            log.write(f"{line}\n")

    def _save(self) -> None:
        state = {
            "step": self._step,
            "seconds": self._seconds,
            "network": self._network.state_dict(),
            "average": self._average,
            "optimizer": self._optimizer.state_dict(),
        }
        with atomic_write(self._folder / _CHECKPOINT) as temporary:
            torch.save(state, temporary)

    def _take_up(self, state: dict[str, Any]) -> None:
        try:
            self._network.load_state_dict(state["network"])
            self._optimizer.load_state_dict(state["optimizer"])
        except (RuntimeError, ValueError) as error:
            raise MedsegError("The checkpoint in the output folder is of another network.", _ANOTHER) from error
        self._average = state["average"]
        self._step, self._seconds = state["step"], state["seconds"]


def read_checkpoint(folder: Path) -> dict[str, Any] | None:
    """Read the checkpoint of a run: step, seconds, network, average, optimizer; None if there is none yet.

    Raises
    ------
    MedsegError
        If it is damaged.
    """
    path = folder / _CHECKPOINT
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise MedsegError(f"The checkpoint in '{folder.name}' is damaged.", _ANOTHER) from error
    return state


def learning_rate(step: int, schedule: Schedule[Any]) -> float:
    """Return the rate of a step: in each stage a linear warm-up, then half a cosine down to nothing."""
    found: tuple[Stage, int] = schedule.stage_at(step)
    stage, step = found
    part = (step + 1) / stage.steps
    if part < stage.warm_up:
        return stage.highest_rate * part / stage.warm_up
    turn = (part - stage.warm_up) / (1 - stage.warm_up)
    return stage.highest_rate * max(1e-3, 0.5 * (1 + math.cos(math.pi * turn)))
