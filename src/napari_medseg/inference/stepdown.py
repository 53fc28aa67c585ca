"""What to do when memory runs out: ask for less, step by step, and take the processor in the end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Callable

Result = TypeVar("Result")

_GPU_BATCH = 4
_CPU_BATCH = 8
_CPU_BATCH_VOXELS = 800_000

_WORDS_OF_NO_MEMORY = (
    "out of memory",
    "defaultcpuallocator",
    "alloc_failed",
    "failed to allocate memory",
    "bad allocation",
    "bad_alloc",
)

_SENTENCE = "There is not enough memory to segment this scan."


@dataclass(frozen=True)
class Attempt:
    """How one run computes.

    Parameters
    ----------
    device : str
        Torch's name of the device.
    batch : int
        Windows in one call of the network.
    half_sums : bool
        Whether what neighbouring layers of windows share is kept at half precision, however small it is.
    sums_on : str
        Torch's name of the device that keeps these sums; `device` if empty.
    """

    device: str
    batch: int
    half_sums: bool = False
    sums_on: str = ""

    @property
    def sum_device(self) -> str:
        """Torch's name of the device that keeps the sums of windows."""
        return self.sums_on or self.device


def attempts_for(device: str, window_voxels: int) -> tuple[Attempt, ...]:
    """Return what to try on a device, one after another, each needing less than the one before."""
    batch = cpu_batch(window_voxels)
    on_cpu = [Attempt("cpu", batch), Attempt("cpu", 1, half_sums=True)]
    if device == "cpu":
        return tuple(on_cpu)
    on_card = [
        Attempt(device, _GPU_BATCH),
        Attempt(device, 1),
        Attempt(device, 1, half_sums=True),
        Attempt(device, 1, sums_on="cpu"),
    ]
    return (*on_card, *on_cpu)


class NotEnoughMemoryError(MemoryError):
    """A run was not begun, because it would need more memory than there is; the message is a sentence for the user."""


def cpu_batch(window_voxels: int) -> int:
    """Return how many windows the processor reads at once.

    Torch hands a convolution to oneDNN only if its input is large enough (``use_mkldnn`` in ATen's Convolution.cpp),
    and is nearly three times slower without: windows of 40 × 56 × 40 took 0.19 s one by one and 0.075 s each in fours.
    Large windows gain nothing from company.
    """
    return max(1, min(_CPU_BATCH, _CPU_BATCH_VOXELS // window_voxels))


def run_with_step_down(
    run: Callable[[Attempt], Result], device: str, window_voxels: int
) -> tuple[Result, tuple[str, ...]]:
    """Run, and run again with less where memory ran out.

    Parameters
    ----------
    run : callable
        Does the work in the way of an `Attempt`.
    device : str
        The device to begin with.
    window_voxels : int
        Voxels of one window.

    Returns
    -------
    result
        What `run` returned at last.
    notes : tuple of str
        One sentence for the user for every step down.

    Raises
    ------
    MedsegError
        If the processor's memory does not suffice either.
    """
    notes: list[str] = []
    attempts = attempts_for(device, window_voxels)
    for attempt, following in zip(attempts, (*attempts[1:], None), strict=True):
        try:
            return run(attempt), tuple(notes)
        except Exception as error:  # ONNX Runtime's are of no kind of Python's own
            if not is_out_of_memory(error):
                raise
            if following is None:
                sentence = str(error) if isinstance(error, NotEnoughMemoryError) else _SENTENCE
                raise MedsegError(sentence, "Confine the model to a box, or close other programs.") from error
            place = "The graphics card's memory"
            if attempt.device == "cpu" or isinstance(error, NotEnoughMemoryError):
                place = "Memory"
            notes.append(_note(place, attempt, following))
        _free_cache(attempt.device)
    raise AssertionError("the last attempt returns or raises")


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error means that memory ran out, on any device.

    Only CUDA has an exception of its own; the others are told by the words of torch, OpenVINO and ONNX Runtime.
    """
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    words = str(error).lower()
    return any(known in words for known in _WORDS_OF_NO_MEMORY)


def _note(place: str, attempt: Attempt, following: Attempt) -> str:
    if following.device != attempt.device:
        return f"{place} did not suffice; the processor computed instead."
    if following.sum_device != attempt.sum_device:
        return f"{place} did not suffice; sums were kept in the computer's memory."
    if following.half_sums and not attempt.half_sums:
        return f"{place} did not suffice; sums were kept at half precision."
    return f"{place} did not suffice; it computed in smaller steps."


def _free_cache(device: str) -> None:
    if device == "cuda":
        torch.cuda.empty_cache()
    elif device == "mps":
        torch.mps.empty_cache()
