from __future__ import annotations

import threading

import pytest

from napari_medseg.core import Cancelled, CancelToken
from napari_medseg.io.dicom.parallel import run_tasks


@pytest.mark.parametrize("n_threads", [1, 3, 20])
@pytest.mark.parametrize("n_tasks", [0, 1, 10, 500])
def test_every_task_is_done_once_and_told(n_threads: int, n_tasks: int) -> None:
    done: list[int] = []
    told: list[tuple[int, int]] = []
    run_tasks(list(range(n_tasks)), done.append, n_threads, "Work", lambda n, total, _: told.append((n, total)))
    assert sorted(done) == list(range(n_tasks))
    assert told == [(n, n_tasks) for n in range(n_tasks + 1)]


def test_one_thread_keeps_the_order() -> None:
    done: list[int] = []
    run_tasks(list(range(50)), done.append, 1, "Work")
    assert done == list(range(50))


@pytest.mark.parametrize("n_threads", [1, 4])
def test_the_first_error_ends_it_and_the_rest_is_dropped(n_threads: int) -> None:
    begun: list[int] = []

    def work(task: int) -> None:
        begun.append(task)
        if task == 7:
            raise ValueError("seven")

    with pytest.raises(ValueError, match="seven"):
        run_tasks(list(range(100_000)), work, n_threads, "Work")
    assert len(begun) < 100_000
    assert threading.active_count() < 10


def test_a_cancel_in_the_progress_stops_and_waits_for_what_runs() -> None:
    begun: list[int] = []

    def stop(done: int, total: int, label: str) -> None:
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_tasks(list(range(100_000)), begun.append, 2, "Work", stop)
    n_begun = len(begun)
    assert n_begun < 100_000
    assert len(begun) == n_begun, "no thread goes on"


def test_a_token_stops_before_the_first_task() -> None:
    token, begun = CancelToken(), []
    token.cancel()
    with pytest.raises(Cancelled):
        run_tasks([1, 2], begun.append, 2, "Work", cancel=token)
    assert begun == []
