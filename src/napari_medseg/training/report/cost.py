"""What a model costs: seconds, memory, parameters, size on disk."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.io import read_volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.inference import Model
    from napari_medseg.models.catalogue import ModelFolder
    from napari_medseg.training.data import LabelledCase

_N_TIMED = 6


class Cost(NamedTuple):
    """See `ModelResult`, whose fields these are."""

    seconds: float
    peak_bytes: int
    device_peak_bytes: int
    parameters: int
    file_bytes: int
    device: str
    threads: int


def measure_cost(
    model: Model,
    folder: ModelFolder,
    cases: Sequence[LabelledCase],
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> Cost:
    """Call a model on a few cases spread over the set, as a user would, before anything else takes time or memory.

    The first call warms up, and its time counts only if it is the only one. Cases that cannot be segmented do not
    count.
    """
    import torch

    on_card = model.device == "cuda"
    if on_card:
        torch.cuda.reset_peak_memory_stats()
    chosen = sorted({round(at) for at in np.linspace(0, len(cases) - 1, min(_N_TIMED, len(cases)))})
    seconds = []
    for done, index in enumerate(chosen):
        report(on_progress, done, len(chosen), f"Timing {folder.card.name}", cancel)
        try:
            volume = read_volume(cases[index].image)
            started = time.perf_counter()
            model.segment(volume, cancel=cancel)  # its labels lie in main memory: a graphics card has finished
            seconds.append(time.perf_counter() - started)
        except MedsegError:
            continue  # measuring the case tells why
    if chosen:
        report(on_progress, len(chosen), len(chosen), f"Timing {folder.card.name}", cancel)
    counted = seconds[1:] or seconds
    return Cost(
        float(np.median(counted)) if counted else float("nan"),
        peak_memory(),
        int(torch.cuda.max_memory_allocated()) if on_card else 0,
        count_parameters(folder),
        folder.weights_path.stat().st_size,
        model.device,
        torch.get_num_threads(),
    )


def count_parameters(folder: ModelFolder) -> int:
    """Return how many numbers of a network are learnt."""
    import torch

    from napari_medseg.models.networks import build_network

    with torch.device("meta"):  # shapes alone, no memory
        network = build_network(folder.card.network)
    return sum(parameter.numel() for parameter in network.parameters())


def peak_memory() -> int:
    """Return the largest memory that this process has held, in bytes; 0 where the system does not tell."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(peak if sys.platform == "darwin" else peak * 1024)
