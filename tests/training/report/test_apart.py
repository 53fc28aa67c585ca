"""A model in a process of its own. The networks are random: only sameness is of interest."""

from __future__ import annotations

import multiprocessing

import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import Cancelled
from napari_medseg.training.report import DataFile, measure_model, measure_models


def test_it_finds_the_same_as_in_this_process_and_leaves_none_behind(make_model, lungs: DataFile) -> None:
    model = make_model("random", ("right lung", "left lung"))
    steps: list[tuple[int, int, str]] = []
    apart = measure_models([model], lungs, device="cpu", on_progress=lambda *step: steps.append(step))
    here = measure_models([model], lungs, device="cpu", measure=measure_model)
    assert [c.agreement for c in apart.models[0].cases] == [c.agreement for c in here.models[0].cases]
    assert (6, 6, "Evaluating random") in steps
    assert not multiprocessing.active_children()


def test_stopping_ends_the_process(make_model, lungs: DataFile) -> None:
    def stop(done: int, total: int, label: str) -> None:
        if label == "Timing random":
            raise Cancelled

    with pytest.raises(Cancelled):
        measure_models([make_model("random", ("right lung", "left lung"))], lungs, device="cpu", on_progress=stop)
    assert not multiprocessing.active_children()


def test_an_error_comes_back_in_the_users_words(make_model, lungs: DataFile) -> None:
    model = make_model("random", ("right lung", "left lung"))
    model.weights_path.write_bytes(b"nothing of the kind")
    with pytest.raises(MedsegError):
        measure_models([model], lungs, device="cpu")
    assert not multiprocessing.active_children()
