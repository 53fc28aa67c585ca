"""The worker process, with a real network in a real process."""

from __future__ import annotations

import gc
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from napari_medseg.core import BoxPrompt, Cancelled, CancelToken, MedsegError
from napari_medseg.inference import load_model
from napari_medseg.inference.worker import InferenceWorker, WorkerBugError, process
from napari_medseg.inference.worker.blocks import SharedBlock

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # every start of the process imports torch and monai

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


@pytest.fixture(scope="module")
def worker():
    worker = InferenceWorker()
    yield worker
    worker.shutdown()


@pytest.fixture(scope="module")
def expected(tiny_model, make_noise):
    return load_model(tiny_model, device="cpu").segment(make_noise())


@pytest.fixture
def shared_files(monkeypatch) -> list[Path]:
    """The files of all blocks that are made during the test."""
    paths: list[Path] = []
    create = SharedBlock.create.__func__

    def recording(cls, *args):
        block = create(cls, *args)
        paths.append(Path(block.spec.path))
        return block

    monkeypatch.setattr(SharedBlock, "create", classmethod(recording))
    return paths


def at_step(step: int, action):
    """Call an action once so many batches of windows are done."""
    steps = itertools.count()

    def on_progress(done: int, total: int, label: str) -> None:
        if label.startswith("Segmenting") and next(steps) == step:
            action()

    return on_progress


def assert_works(worker, model, noise, expected):
    result = worker.segment(str(model), noise, device="cpu")
    np.testing.assert_array_equal(result.array, expected.array)


def test_the_answer_is_that_of_this_process(worker, tiny_model, noise, expected, shared_files):
    reports = []
    result = worker.segment(str(tiny_model), noise, device="cpu", on_progress=lambda *report: reports.append(report))
    np.testing.assert_array_equal(result.array, expected.array)
    assert result.array.any()
    assert result.geometry is noise.geometry
    assert result.segments == expected.segments
    assert result.model == "tiny"
    total = reports[-1][1]
    assert reports[:3] == [
        (0, 1, "Starting the segmentation process"),
        (0, 1, "Loading the model"),
        (0, total, "Preparing the scan (needs 34 MB)"),
    ]
    steps = [done for done, _, _ in reports[3:-1]]
    assert {report[1:] for report in reports[3:-1]} == {(total, "Segmenting on the processor")}
    assert steps == sorted(set(steps))
    assert (steps[0], steps[-1]) == (0, total)
    assert max(np.diff(steps)) <= 8
    assert reports[-1] == (total, total, "Cleaning up")
    assert len(shared_files) == 2
    assert not any(path.exists() for path in shared_files)


class Watcher:
    """Holds the labels of a run as a viewer does, and counts what is in them at each step."""

    def __init__(self) -> None:
        self.arrays: list[np.ndarray] = []
        self.found: list[int] = []

    def on_labels(self, array: np.ndarray) -> None:
        self.arrays.append(array)

    def on_progress(self, done: int, total: int, label: str) -> None:
        if label.startswith("Segmenting"):
            self.found.append(int(np.count_nonzero(self.arrays[0])) if self.arrays else 0)


def mapped_files() -> str:
    return Path("/proc/self/maps").read_text() if sys.platform.startswith("linux") else ""


def assert_no_trace(watcher: Watcher, shared_files: list[Path]) -> None:
    """What is on screen stays readable; with it the memory goes, and no file was left even before."""
    assert not any(path.exists() for path in shared_files)
    (array,) = watcher.arrays
    assert np.count_nonzero(array) > 0
    del array
    watcher.arrays.clear()
    gc.collect()
    assert not [path for path in shared_files if str(path) in mapped_files()]


@pytest.mark.parametrize("order", ["C", "F"])
def test_labels_grow_before_the_callers_eyes(worker, tiny_model, make_noise, expected, shared_files, order):
    watcher, noise = Watcher(), make_noise(order)
    result = worker.segment(
        str(tiny_model), noise, device="cpu", on_labels=watcher.on_labels, on_progress=watcher.on_progress
    )
    (array,) = watcher.arrays  # handed over once
    assert not array.flags.writeable and array.shape == noise.array.shape
    assert watcher.found[0] == 0 and watcher.found == sorted(watcher.found)
    assert len({n for n in watcher.found if n}) > 3
    np.testing.assert_array_equal(array, expected.array)  # no islands go from this model's labels
    result.array[...] = 7
    np.testing.assert_array_equal(array, expected.array)  # the result is an array of its own
    del array
    assert_no_trace(watcher, shared_files)


@pytest.mark.parametrize("how", ["cancel", pytest.param("kill", marks=posix_only)])
def test_labels_of_a_run_that_ends_early_can_still_be_looked_at(worker, tiny_model, noise, expected, shared_files, how):
    worker.segment(str(tiny_model), noise, device="cpu")
    watcher, token, pid = Watcher(), CancelToken(), worker.pid
    end = at_step(3, token.cancel if how == "cancel" else lambda: os.kill(pid, signal.SIGKILL))

    def on_progress(done: int, total: int, label: str) -> None:
        watcher.on_progress(done, total, label)
        end(done, total, label)

    with pytest.raises(Cancelled if how == "cancel" else MedsegError) as caught:
        worker.segment(
            str(tiny_model),
            noise,
            device="cpu",
            on_labels=watcher.on_labels,
            on_progress=on_progress,
            cancel=token,
        )
    del caught  # its traceback holds the frames of the run
    assert 0 < np.count_nonzero(watcher.arrays[0]) < np.count_nonzero(expected.array)
    assert_no_trace(watcher, shared_files)
    assert_works(worker, tiny_model, noise, expected)


def test_it_stays_warm(worker, tiny_model, noise, expected):
    assert_works(worker, tiny_model, noise, expected)
    pid = worker.pid
    assert_works(worker, tiny_model, noise, expected)
    assert worker.pid == pid


def test_prompts_and_threshold_travel(worker, tiny_model, noise):
    box = BoxPrompt.from_ijk((5, 5, 5), (20, 20, 20), noise.geometry)
    kwargs = {"prompts": (box,), "threshold": 0.4, "device": "cpu"}
    expected = load_model(tiny_model, device="cpu").segment(noise, prompts=(box,), threshold=0.4)
    np.testing.assert_array_equal(worker.segment(str(tiny_model), noise, **kwargs).array, expected.array)


def test_arrays_in_fortran_order_come_back_so(worker, tiny_model, make_noise, expected):
    noise = make_noise(order="F")
    result = worker.segment(str(tiny_model), noise, device="cpu")
    assert result.array.flags.f_contiguous
    np.testing.assert_array_equal(result.array, expected.array)


@pytest.mark.parametrize("step", [0, 3])
def test_a_cancel_stops_at_that_window_and_the_process_lives(worker, tiny_model, noise, expected, step):
    worker.segment(str(tiny_model), noise, device="cpu")
    pid, token, steps = worker.pid, CancelToken(), []
    cancel_at_step = at_step(step, token.cancel)

    def on_progress(done, total, label):
        steps.append(label)
        cancel_at_step(done, total, label)

    with pytest.raises(Cancelled):
        worker.segment(str(tiny_model), noise, device="cpu", on_progress=on_progress, cancel=token)
    assert sum(label.startswith("Segmenting") for label in steps) == step + 1
    assert worker.pid == pid
    assert_works(worker, tiny_model, noise, expected)


@pytest.mark.parametrize("error", [Cancelled, KeyError])
def test_a_callback_that_raises_stops_the_run(worker, tiny_model, noise, expected, error):
    def fail():
        raise error

    with pytest.raises(error):
        worker.segment(str(tiny_model), noise, device="cpu", on_progress=at_step(2, fail))
    assert_works(worker, tiny_model, noise, expected)


def test_a_cancel_before_the_start_does_nothing(tiny_model, noise):
    token = CancelToken()
    token.cancel()
    idle = InferenceWorker()
    with pytest.raises(Cancelled):
        idle.segment(str(tiny_model), noise, cancel=token)
    assert not idle.alive


def test_requests_from_several_threads_run_one_after_another(worker, tiny_model, noise, expected):
    results, labels = [], []

    def ask():
        result = worker.segment(str(tiny_model), noise, device="cpu", on_progress=lambda *report: labels.append(report))
        results.append(result.array)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3
    for array in results:
        np.testing.assert_array_equal(array, expected.array)
    assert any("Waiting" in label for _, _, label in labels)


def test_one_that_waits_can_be_cancelled(worker, tiny_model, noise):
    token, waiting, errors = CancelToken(), threading.Event(), []

    def wait_in_line():
        def on_progress(done, total, label):
            if label.startswith("Waiting"):
                waiting.set()
                token.cancel()

        try:
            worker.segment(str(tiny_model), noise, device="cpu", on_progress=on_progress, cancel=token)
        except Cancelled as error:
            errors.append(error)

    second = threading.Thread(target=wait_in_line)

    def start_second():
        second.start()
        waiting.wait(60)

    worker.segment(str(tiny_model), noise, device="cpu", on_progress=at_step(1, start_second))
    second.join(60)
    assert len(errors) == 1


def test_errors_for_the_user_arrive_as_such(worker, tiny_model, noise):
    box = BoxPrompt.from_ijk((900, 900, 900), (990, 990, 990), noise.geometry)
    with pytest.raises(MedsegError, match="outside the scan"):
        worker.segment(str(tiny_model), noise, device="cpu", prompts=(box,))
    with pytest.raises(MedsegError, match="no device"):
        worker.segment(str(tiny_model), noise, device="abacus")
    with pytest.raises(MedsegError, match="no-such-model"):
        worker.segment("no-such-model", noise)


def test_bugs_arrive_with_their_traceback(worker, tiny_model, noise, expected):
    with pytest.raises(WorkerBugError, match="Traceback") as caught:
        worker.segment(str(tiny_model), noise, device="cpu", prompts=("no prompt",))
    assert "AttributeError" in str(caught.value)
    assert_works(worker, tiny_model, noise, expected)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_process_holds_no_part_of_a_viewer(worker, tiny_model, noise):
    worker.segment(str(tiny_model), noise, device="cpu")
    mapped = Path(f"/proc/{worker.pid}/maps").read_text()
    assert "torch" in mapped
    assert "libQt" not in mapped
    assert "vispy" not in mapped


@posix_only
def test_a_killed_process_is_told_and_the_next_run_starts_another(worker, tiny_model, noise, expected, shared_files):
    worker.segment(str(tiny_model), noise, device="cpu")
    pid = worker.pid
    with pytest.raises(MedsegError, match=r"ended unexpectedly \(signal 9\)"):
        worker.segment(
            str(tiny_model), noise, device="cpu", on_progress=at_step(3, lambda: os.kill(pid, signal.SIGKILL))
        )
    assert not worker.alive
    assert worker.pid is None
    assert not any(path.exists() for path in shared_files)
    assert_works(worker, tiny_model, noise, expected)
    assert worker.pid != pid


@posix_only
def test_a_process_that_does_not_hear_a_cancel_is_killed(tiny_model, noise):
    deaf, token = InferenceWorker(cancel_patience_s=0.2), CancelToken()

    def stop_and_cancel():
        os.kill(deaf.pid, signal.SIGSTOP)
        token.cancel()

    with pytest.raises(Cancelled):
        deaf.segment(str(tiny_model), noise, device="cpu", on_progress=at_step(1, stop_and_cancel), cancel=token)
    assert not deaf.alive


def test_shutdown_ends_a_run(tiny_model, noise):
    ending = InferenceWorker()
    with pytest.raises(Cancelled):
        ending.segment(str(tiny_model), noise, device="cpu", on_progress=at_step(1, ending.shutdown))
    assert not ending.alive


def test_a_process_that_cannot_start_says_why(monkeypatch, tiny_model, noise):
    monkeypatch.setattr(process, "_START", "raise SystemExit('torch is not installed')")
    with pytest.raises(MedsegError, match=r"could not start \(exit status 1\): torch is not installed"):
        InferenceWorker().segment(str(tiny_model), noise)


@posix_only
def test_it_dies_with_the_viewer():
    code = (
        "import sys, time\n"
        "from napari_medseg.inference.worker import default_worker\n"
        "worker = default_worker()\n"
        "worker.warm_up()\n"
        "print(worker.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as viewer:
        assert viewer.stdout is not None
        orphan = psutil.Process(int(viewer.stdout.readline()))
        viewer.kill()
    while orphan.is_running() and orphan.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)  # the test's own timeout ends an endless wait


def test_a_script_read_from_stdin_can_use_it(tiny_model):
    code = (
        "import numpy as np, napari_medseg as ms\n"
        "from napari_medseg.inference.worker import default_worker\n"
        "voxels = np.random.default_rng(0).normal(size=(20, 20, 20)).astype('f4')\n"
        "scan = ms.Volume(voxels, ms.Geometry.from_matrix(voxels.shape, np.eye(4)))\n"
        f"print(default_worker().segment({str(tiny_model)!r}, scan, device='cpu').array.shape)\n"
    )
    run = subprocess.run([sys.executable, "-"], input=code, capture_output=True, text=True, check=False)
    assert run.stderr == ""
    assert run.returncode == 0
    assert run.stdout.strip() == "(20, 20, 20)"
