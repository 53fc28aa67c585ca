from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_medseg.core import MedsegError
from napari_medseg.inference.devices import Accelerators, choose_device
from napari_medseg.inference.stepdown import (
    Attempt,
    NotEnoughMemoryError,
    cpu_batch,
    is_out_of_memory,
    run_with_step_down,
)

NONE, CUDA, MPS = Accelerators(), Accelerators(cuda="A card"), Accelerators(mps=True)


@pytest.mark.parametrize(
    ("wish", "offered", "name"),
    [
        ("auto", NONE, "cpu"),
        ("auto", CUDA, "cuda"),
        ("auto", MPS, "mps"),
        ("cpu", CUDA, "cpu"),
        ("cuda", CUDA, "cuda"),
        ("mps", MPS, "mps"),
    ],
)
def test_the_wish_and_the_machine_decide(wish, offered, name):
    choice = choose_device(wish, offered)
    assert choice.name == name
    assert choice.reason


def test_the_cards_name_is_told():
    assert "A card" in choose_device("auto", CUDA).reason


@pytest.mark.parametrize(("wish", "offered"), [("cuda", NONE), ("cuda", MPS), ("mps", CUDA), ("tpu", CUDA)])
def test_what_is_not_there_is_refused(wish, offered):
    with pytest.raises(MedsegError, match=wish):
        choose_device(wish, offered)


def test_the_processor_reads_small_windows_together():
    assert cpu_batch(16**3) == cpu_batch(40 * 56 * 40) == 8
    assert cpu_batch(64**3) == 3
    assert cpu_batch(128**3) == 1


def test_without_a_wish_torch_is_asked():
    assert choose_device("auto").name in ("cpu", "cuda", "mps")


def run_failing(n_failures: int, error: Exception, device: str):
    tried: list[Attempt] = []

    def run(attempt: Attempt):
        tried.append(attempt)
        if len(tried) <= n_failures:
            raise error
        return np.ones(3)

    return run_with_step_down(run, device, 700_000), tried


def test_no_note_when_all_is_well():
    (labels, notes), tried = run_failing(0, RuntimeError(), "cuda")
    assert labels.sum() == 3
    assert notes == ()
    assert len(tried) == 1


def test_a_full_card_computes_in_smaller_steps_and_then_the_processor_does(monkeypatch):
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    (_, notes), tried = run_failing(4, torch.OutOfMemoryError("CUDA out of memory."), "cuda")
    assert tried == [
        Attempt("cuda", 4),
        Attempt("cuda", 1),
        Attempt("cuda", 1, half_sums=True),
        Attempt("cuda", 1, sums_on="cpu"),
        Attempt("cpu", 1),
    ]
    told = ["smaller steps", "half precision", "computer's memory", "processor"]
    assert all(words in note for words, note in zip(told, notes, strict=True))


def test_the_processor_too_is_asked_for_less():
    (_, notes), tried = run_failing(1, NotEnoughMemoryError("Too much."), "cpu")
    assert tried == [Attempt("cpu", 1), Attempt("cpu", 1, half_sums=True)]
    assert "half precision" in notes[0]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"),
        RuntimeError("Exception from src/inference: bad allocation"),
        type("RuntimeException", (Exception,), {})("BFCArena: Failed to allocate memory for requested buffer"),
    ],
)
def test_too_little_memory_on_the_processor_is_an_error_for_the_user(error):
    with pytest.raises(MedsegError, match="not enough memory"):
        run_failing(2, error, "cpu")


def test_what_would_be_needed_is_told():
    with pytest.raises(MedsegError, match="needs 9 GB"):
        run_failing(2, NotEnoughMemoryError("It needs 9 GB."), "cpu")


def test_other_errors_are_not_hidden():
    with pytest.raises(RuntimeError, match="a bug"):
        run_failing(1, RuntimeError("a bug"), "cuda")
    assert not is_out_of_memory(RuntimeError("shape mismatch"))
