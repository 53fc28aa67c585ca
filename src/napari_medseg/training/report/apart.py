"""A model is measured in a process of its own: what it holds is told from what others held, and it can be ended."""

from __future__ import annotations

import multiprocessing
import signal
from typing import TYPE_CHECKING, Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.training.report.measuring import MeasuringTask, measure_model

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from napari_medseg.training.report.results import ModelResult

_WAIT_SECONDS = 0.1


def measure_apart(
    task: MeasuringTask, on_progress: ProgressCallback | None = None, cancel: CancelToken | None = None
) -> ModelResult:
    """Do `measure_model` in a fresh process, which is ended if this is left for whatever reason.

    Raises
    ------
    MedsegError
        As `measure_model`; or if the process died.
    Cancelled
        If the token or the callback stopped it.
    """
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(theirs, task), name=f"measure {task.model.card.name}", daemon=True)
    process.start()
    theirs.close()
    try:
        return _listen(ours, task.model.card.name, on_progress, cancel)
    finally:
        process.kill()
        process.join()
        ours.close()


def _listen(
    pipe: Connection[Any, Any], name: str, on_progress: ProgressCallback | None, cancel: CancelToken | None
) -> ModelResult:
    while True:
        if cancel is not None:
            cancel.raise_if_cancelled()
        if not pipe.poll(_WAIT_SECONDS):
            continue
        try:
            kind, content = pipe.recv()
        except EOFError as error:
            raise MedsegError(
                f"The process that measured {name} ended before its time.", "It may have run out of memory."
            ) from error
        if kind == "failed":
            raise content
        if kind == "done":
            result: ModelResult = content
            return result
        report(on_progress, *content)


def _measure(pipe: Connection[Any, Any], task: MeasuringTask) -> None:
    """Run in the other process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches both; the first process ends this one
    try:
        result = measure_model(task, lambda *step: pipe.send(("step", step)))
    except MedsegError as error:
        pipe.send(("failed", error))
    else:
        pipe.send(("done", result))
