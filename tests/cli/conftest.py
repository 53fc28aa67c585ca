from __future__ import annotations

from collections.abc import Callable

import pytest

from napari_medseg.cli import main

Outcome = tuple[int, str, str]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line; the answer is (exit status, standard output, error output)."""

    def call(*arguments: object) -> Outcome:
        capsys.readouterr()
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            status = int(stop.code or 0)
        written = capsys.readouterr()
        return status, written.out, written.err

    return call
