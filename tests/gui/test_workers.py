"""Jobs: where they run, what arrives, and what does not."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from napari_medseg.core import CancelToken, MedsegError, ProgressCallback
from napari_medseg.gui import workers
from napari_medseg.gui.workers import Job, LatestJob, as_message

pytestmark = pytest.mark.gui


def test_work_runs_beside_the_gui_thread_and_its_result_arrives_on_it(qtbot: Any) -> None:
    where: dict[str, threading.Thread] = {}
    seen: list[tuple[int, int, str]] = []

    def work(on_progress: ProgressCallback, cancel: CancelToken) -> int:
        where["work"] = threading.current_thread()
        for step in range(3):
            on_progress(step + 1, 3, f"step {step}")
        return 7

    def take(result: int) -> None:
        where["result"] = threading.current_thread()
        assert result == 7

    latest = LatestJob()
    latest.progressed.connect(lambda *report: seen.append(report))
    latest.start(work, take)
    assert latest.busy
    qtbot.waitUntil(lambda: "result" in where)
    assert where["work"] is not threading.main_thread()
    assert where["result"] is threading.main_thread()
    assert seen == [(1, 3, "step 0"), (2, 3, "step 1"), (3, 3, "step 2")]
    assert not latest.busy


def test_a_newer_job_replaces_the_older_whose_result_is_dropped(qtbot: Any) -> None:
    gate, results, stopped = threading.Event(), [], []
    latest = LatestJob()
    latest.cancelled.connect(lambda: stopped.append(True))

    def slow(on_progress: ProgressCallback, cancel: CancelToken) -> str:
        gate.wait(30)
        return "old"

    latest.start(slow, results.append)
    latest.start(lambda on_progress, cancel: "new", results.append)
    gate.set()
    qtbot.waitUntil(lambda: results == ["new"])
    qtbot.wait(50)
    assert results == ["new"]
    assert stopped == [], "nobody pressed cancel"


def test_cancel_stops_at_the_next_report(qtbot: Any) -> None:
    latest = LatestJob()
    reached: list[int] = []
    gate = threading.Semaphore(0)

    def work(on_progress: ProgressCallback, cancel: CancelToken) -> None:
        for step in range(10):
            on_progress(step, 10, "step")
            reached.append(step)
            gate.acquire(timeout=30)

    with qtbot.waitSignal(latest.cancelled):
        latest.start(work, lambda _: pytest.fail("a cancelled job has no result"))
        qtbot.waitUntil(lambda: reached == [0])
        latest.cancel()
        gate.release()
    assert reached == [0]


def test_failures_become_sentences_and_bugs_reach_napari(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from napari.utils.notifications import notification_manager

    reported: list[BaseException] = []
    monkeypatch.setattr(notification_manager, "receive_error", lambda kind, error, trace: reported.append(error))
    known = MedsegError("The file is broken.", "Take another.")
    assert as_message(known) is known
    assert as_message(MemoryError()).message == "There is not enough memory for this."
    assert not reported
    bug = ZeroDivisionError()
    assert "should not have" in as_message(bug).message
    assert reported == [bug]


def test_a_failed_job_reports_on_the_gui_thread(qtbot: Any) -> None:
    latest = LatestJob()

    def work(on_progress: ProgressCallback, cancel: CancelToken) -> None:
        raise MedsegError("No.", "Try again.")

    with qtbot.waitSignal(latest.failed) as caught:
        latest.start(work, lambda _: pytest.fail("a failed job has no result"))
    assert str(caught.args[0]) == "No. Try again."
    assert not latest.busy


def test_quick_reports_are_thinned_but_the_last_one_arrives(qtbot: Any) -> None:
    job, seen = Job(lambda on_progress, cancel: [on_progress(n, 5000, "x") for n in range(1, 5001)]), []
    job.progressed.connect(lambda *report: seen.append(report))
    with qtbot.waitSignal(job.returned):
        job.start()
    assert seen[-1] == (5000, 5000, "x")
    assert len(seen) < 2500


def test_a_job_whose_panel_is_gone_is_cancelled_and_silent(qtbot: Any) -> None:
    from qtpy.QtCore import QObject

    panel = QObject()
    latest = LatestJob(panel)
    ended = threading.Event()

    def work(on_progress: ProgressCallback, cancel: CancelToken) -> None:
        while not cancel.cancelled:
            ended.wait(0.01)
        ended.set()

    latest.start(work, lambda _: pytest.fail("nobody is left to take the result"))
    panel.deleteLater()
    qtbot.waitUntil(ended.is_set)
    qtbot.wait(30)


def test_work_that_ends_after_qt_ends_in_silence(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the program closes, Qt deletes its objects while threads still run."""
    from PyQt6 import sip

    gate, failures = threading.Event(), []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    job = Job(lambda on_progress, cancel: gate.wait(30))
    job.start()
    sip.delete(job)
    gate.set()
    job._thread.join(30)
    workers._running.discard(job)
    assert not job._thread.is_alive()
    assert failures == []
