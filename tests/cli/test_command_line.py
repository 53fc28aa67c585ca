from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import napari_medseg
from napari_medseg.cli import info
from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled

Run = Callable[..., tuple[int, str, str]]


def test_the_version_is_the_packages(run: Run) -> None:
    assert run("--version") == (0, f"napari-medseg {napari_medseg.__version__}\n", "")


@pytest.mark.parametrize("arguments", [(), ("nonsense",), ("info",), ("segment", "scan.nii"), ("info", "a", "--wrong")])
def test_wrong_usage_is_status_2(run: Run, arguments: tuple[str, ...]) -> None:
    status, out, err = run(*arguments)
    assert status == 2
    assert out == ""
    assert "usage: napari-medseg" in err


@pytest.mark.parametrize("command", ["info", "convert", "models", "segment", "train"])
def test_every_command_explains_itself(run: Run, command: str) -> None:
    status, out, err = run(command, "--help")
    assert (status, err) == (0, "")
    assert f"usage: napari-medseg {command}" in out


def test_an_error_is_one_line_without_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise MedsegError("The scan\nis broken.", "Get another one.")

    monkeypatch.setattr(info, "run", fail)
    assert run("info", "x") == (1, "", "napari-medseg: error: The scan is broken. Get another one.\n")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, Cancelled])
def test_a_stop_is_clean(run: Run, monkeypatch: pytest.MonkeyPatch, stop: type[BaseException]) -> None:
    def stopped(*_: object) -> int:
        raise stop

    monkeypatch.setattr(info, "run", stopped)
    status, _, err = run("info", "x")
    assert status == 130
    assert err.startswith("napari-medseg: stopped")
    assert err.count("\n") == 1


def test_a_bug_keeps_its_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(info, "run", bug)
    with pytest.raises(ZeroDivisionError):
        run("info", "x")


def test_the_module_runs_as_a_program() -> None:
    answer = subprocess.run([sys.executable, "-m", "napari_medseg", "--version"], capture_output=True, text=True)
    assert answer.stdout == f"napari-medseg {napari_medseg.__version__}\n"


def test_a_closed_pipe_is_no_traceback(sample_data: Path) -> None:
    command = [sys.executable, "-m", "napari_medseg", "info", "--json", str(sample_data)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert "Traceback" not in process.stderr.read()
    process.wait()
