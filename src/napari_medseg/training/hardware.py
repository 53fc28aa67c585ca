"""What a training runs on, and with numbers of how many bits."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from napari_medseg.inference.devices import Accelerators, choose_device, find_accelerators

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_medseg.training.schedule import Precision

DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class Hardware:
    """Where the steps are computed.

    Parameters
    ----------
    device : torch.device
        Processor or GPU.
    mixed : torch.dtype or None
        The 16-bit numbers of what can be computed with them; None computes everything with 32 bits.
    """

    device: torch.device = torch.device("cpu")  # noqa: RUF009 (it cannot be changed)
    mixed: torch.dtype | None = None

    @property
    def is_cuda(self) -> bool:
        """Whether it is a GPU."""
        return self.device.type == "cuda"

    @property
    def description(self) -> str:
        """What it is, in words for the user."""
        if not self.is_cuda:
            return "the processor"
        numbers = "numbers of 32 bits" if self.mixed is None else f"mixed numbers ({str(self.mixed).split('.')[-1]})"
        return f"the graphics card {torch.cuda.get_device_name(self.device)}, with {numbers}"

    def autocast(self) -> AbstractContextManager[object]:
        """Compute what is inside with mixed numbers, if so chosen."""
        if self.mixed is None:
            return nullcontext()
        return torch.autocast(self.device.type, dtype=self.mixed)

    def scaler(self) -> torch.amp.GradScaler:
        """Return what keeps small gradients from vanishing in float16; for other numbers it does nothing."""
        return torch.amp.GradScaler(self.device.type, enabled=self.mixed is torch.float16)

    def random_state(self) -> dict[str, torch.Tensor]:
        """Return the state of torch's generators, for a checkpoint."""
        states = {"cpu": torch.get_rng_state()}
        return states | {"cuda": torch.cuda.get_rng_state(self.device)} if self.is_cuda else states

    def set_random_state(self, states: dict[str, torch.Tensor]) -> None:
        """Set torch's generators as `random_state` found them."""
        torch.set_rng_state(states["cpu"])
        if self.is_cuda and "cuda" in states:
            torch.cuda.set_rng_state(states["cuda"], self.device)

    @contextmanager
    def repeatable(self, family: str) -> Iterator[None]:
        """Let a GPU add up in the same order each time, so that the same seed gives the same weights; slower.

        Not for a Mask R-CNN: torchvision's RoIAlign can do so only compiled, with a compiler that users need not have.
        On a processor the order is always the same for the same number of threads.

        Parameters
        ----------
        family : str
            Of the network.
        """
        if not self.is_cuda or family == "maskrcnn":
            yield
            return
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it
        before = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
        torch.use_deterministic_algorithms(True, warn_only=True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(before[0], warn_only=before[1])


CPU = Hardware()


def choose_hardware(wish: str, precision: Precision, accelerators: Accelerators | None = None) -> Hardware:
    """Choose where to train.

    Parameters
    ----------
    wish : {"auto", "cpu", "cuda"}
        "auto" takes an NVIDIA or AMD card where there is one, else the processor.
    precision : {"auto", "full", "mixed"}
        As the recipe has it; on a processor everything is full.
    accelerators : Accelerators, optional
        What the machine offers; asked from torch if None.

    Raises
    ------
    MedsegError
        If the machine has no such device.
    """
    offered = accelerators if accelerators is not None or wish == "cpu" else find_accelerators()
    without_apple = Accelerators(offered.cuda) if offered is not None else None
    device = torch.device(choose_device(wish, without_apple).name)
    if device.type != "cuda" or precision == "full":
        return Hardware(device)
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return Hardware(device, torch.bfloat16 if has_bfloat16 else torch.float16)
