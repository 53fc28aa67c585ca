"""Click models in their own process, with real networks in a real process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from click_models import SIDES, noisy_view, write_click_model
from napari_medseg.core import Cancelled, CancelToken, MedsegError
from napari_medseg.inference.clicks.classical import CLASSICAL
from napari_medseg.inference.clicks.remote import RemoteClassical, RemoteMethod
from napari_medseg.inference.worker import ClickWorker, process

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]  # every start of the process imports torch and monai

posix_only = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[int, Path]:
    """Folders of a model for slices (2) and of one for volumes (3)."""
    parent = tmp_path_factory.mktemp("clicks")
    return {dims: write_click_model(parent, dims) for dims in (2, 3)}


@pytest.fixture(scope="module")
def worker():
    worker = ClickWorker()
    yield worker
    worker.shutdown()


@pytest.fixture
def flat(models, worker) -> RemoteMethod:
    return RemoteMethod(models[2], "cpu", worker=worker)


def view_of(method: RemoteMethod, **options):
    dims = method.spatial_dims[0]
    return noisy_view(method.side(dims), dims, **options)


def test_the_card_tells_how_it_is_asked_and_no_process_starts(models) -> None:
    idle = ClickWorker()
    method = RemoteMethod(models[3], worker=idle)
    assert (method.name, method.spatial_dims, method.side(3)) == ("Tiny clicks 3-D", (3,), SIDES[3])
    assert method.largest_zoom == float("inf")
    with pytest.raises(MedsegError, match="no model called"):
        RemoteMethod("no-such-model", worker=idle)
    assert not idle.alive


@pytest.mark.parametrize("dims", [2, 3])
def test_the_answer_is_that_of_this_process_whoever_computes_it(models, worker, dims) -> None:
    """Also while another library takes over from torch, which rounds otherwise."""
    from napari_medseg.inference.clicks.loading import load_click_method

    here, there = load_click_method(models[dims], "cpu"), RemoteMethod(models[dims], "cpu", worker=worker)
    assert (there.side(dims), there.spatial_dims, there.name) == (here.side(dims), here.spatial_dims, here.name)
    assert there.largest_zoom == here.largest_zoom
    for seed in range(12):
        view = view_of(there, seed=seed, region=seed % 2 == 1)
        found = there.chances(view)
        assert found.dtype == np.float32
        assert float(np.ptp(found)) > 0.01
        np.testing.assert_allclose(found, here.chances(view), atol=1e-3)


def test_two_methods_stay_loaded_and_answer_from_several_threads(models, worker) -> None:
    methods = [RemoteMethod(models[dims], "cpu", worker=worker) for dims in (2, 3)]
    for method in methods:
        method.open()
    pid = worker.pid
    wanted = [method.chances(view_of(method)) for method in methods]
    found: list[tuple[int, np.ndarray]] = []

    def ask(n: int) -> None:
        for _ in range(5):
            found.append((n, methods[n].chances(view_of(methods[n]))))

    threads = [threading.Thread(target=ask, args=(n,)) for n in (0, 1, 0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 15
    for n, chances in found:
        np.testing.assert_allclose(chances, wanted[n], atol=1e-3)
    assert worker.pid == pid


@posix_only
def test_a_cancel_does_not_wait_for_the_network(flat, worker) -> None:
    """The process is stopped, so no answer can come: only a cancel that waits for none returns."""
    flat.open()
    pid, token = worker.pid, CancelToken()
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        threading.Timer(0.2, token.cancel).start()
        with pytest.raises(Cancelled):
            flat.chances(noisy_view(512, 2), token)  # more than a pipe holds
    finally:
        os.kill(pid, signal.SIGCONT)
    assert flat.chances(view_of(flat)).shape == (SIDES[2],) * 2
    assert worker.pid == pid


def test_one_that_is_cancelled_before_it_is_asked_starts_nothing(models) -> None:
    idle, token = ClickWorker(), CancelToken()
    token.cancel()
    method = RemoteMethod(models[2], "cpu", worker=idle)
    with pytest.raises(Cancelled):
        method.chances(view_of(method), token)
    assert not idle.alive


@posix_only
def test_a_killed_process_is_told_and_the_next_click_starts_another(flat, worker) -> None:
    flat.open()
    before, pid = flat.chances(view_of(flat)), worker.pid
    os.kill(pid, signal.SIGSTOP)
    threading.Timer(0.2, os.kill, (pid, signal.SIGKILL)).start()
    with pytest.raises(MedsegError, match=r"click process ended unexpectedly \(signal 9\)") as caught:
        flat.chances(view_of(flat))
    assert caught.value.hint
    assert not worker.alive
    np.testing.assert_allclose(flat.chances(view_of(flat)), before, atol=1e-3)
    assert worker.pid not in (None, pid)


def test_errors_for_the_user_arrive_as_such(models, worker, tmp_path) -> None:
    with pytest.raises(MedsegError, match="no device"):
        RemoteMethod(models[2], "abacus", worker=worker).open()
    broken = write_click_model(tmp_path, 2, seed=5)
    (broken / "w.safetensors").write_bytes(b"nothing")
    method = RemoteMethod(broken, "cpu", worker=worker)
    for attempt in (method.open, lambda: method.chances(view_of(method))):
        with pytest.raises(MedsegError):
            attempt()


def test_a_model_that_was_trained_again_is_loaded_again(models, worker, tmp_path) -> None:
    folder = write_click_model(tmp_path, 2, seed=7)
    method = RemoteMethod(folder, "cpu", worker=worker)
    method.open()
    before = method.chances(view_of(method))
    for path in write_click_model(tmp_path, 2, seed=8).iterdir():
        path.replace(folder / path.name)
    again = RemoteMethod(folder, "cpu", worker=worker)
    again.open()
    assert float(np.abs(again.chances(view_of(again)) - before).max()) > 0.01


def test_shutdown_ends_a_wait(models) -> None:
    ending = ClickWorker()
    method = RemoteMethod(models[2], "cpu", worker=ending)
    threading.Timer(0.3, ending.shutdown).start()
    with pytest.raises(Cancelled):
        method.chances(view_of(method))
    assert not ending.alive


def test_a_process_that_cannot_start_says_why(monkeypatch, models) -> None:
    monkeypatch.setattr(process, "_START", "raise SystemExit('torch is not installed')")
    with pytest.raises(MedsegError, match=r"click process could not start \(exit status 1\): torch is not installed"):
        RemoteMethod(models[2], worker=ClickWorker()).open()


def test_the_viewers_process_imports_no_network_library(models) -> None:
    code = (
        "import sys\n"
        f"sys.path.append({str(Path(__file__).parents[2] / 'support')!r})\n"
        "from click_models import noisy_view\n"
        "from napari_medseg.gui.click.methods import MethodShelf\n"
        f"shelf, key = MethodShelf(), {str(models[2])!r}\n"
        "shelf.warm_up(key)\n"
        f"assert shelf.method(key).chances(noisy_view({SIDES[2]}, 2)).shape == ({SIDES[2]}, {SIDES[2]})\n"
        "print([name for name in ('torch', 'monai', 'openvino', 'onnxruntime') if name in sys.modules])\n"
    )
    pytest.importorskip("napari")
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == "[]"


@posix_only
def test_the_process_ends_with_the_viewer(models) -> None:
    psutil = pytest.importorskip("psutil")
    code = (
        "import threading, time\n"
        "from napari_medseg.inference.clicks.remote import RemoteMethod\n"
        "from napari_medseg.inference.worker import default_click_worker\n"
        f"threading.Thread(target=RemoteMethod({str(models[2])!r}).open, daemon=True).start()\n"
        "while default_click_worker().pid is None: time.sleep(0.01)\n"
        "print(default_click_worker().pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as viewer:
        assert viewer.stdout is not None
        orphan = psutil.Process(int(viewer.stdout.readline()))
        viewer.kill()
    while orphan.is_running() and orphan.status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.05)  # the test's own timeout ends an endless wait


@pytest.mark.parametrize("key", CLASSICAL)
def test_a_method_without_a_network_answers_as_it_does_here(worker, key: str) -> None:
    local, remote = CLASSICAL[key](), RemoteClassical(key, worker=worker)
    remote.open()
    assert (remote.name, remote.spatial_dims, remote.largest_zoom) == (
        local.name,
        local.spatial_dims,
        local.largest_zoom,
    )
    for dims in local.spatial_dims:
        assert remote.side(dims) == local.side(dims)
        view = noisy_view(local.side(dims), dims)
        np.testing.assert_array_equal(remote.chances(view), local.chances(view))
