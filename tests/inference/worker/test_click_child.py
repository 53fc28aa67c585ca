"""What the click process keeps and how it cancels, without a process: its shelf with methods of known answers."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest

from click_methods import Always
from click_models import noisy_view
from napari_medseg.core import CancelToken, MedsegError
from napari_medseg.inference.worker.click_child import ClickShelf, look
from napari_medseg.inference.worker.messages import Crashed, Looked, LookRequest, MethodSpec, Refused, Stopped

pytestmark = pytest.mark.timeout(120)


class Prepared(Always):
    """Answers with another chance once it is prepared, which waits until the test lets it."""

    def __init__(self, gate: threading.Event) -> None:
        super().__init__(0.25)
        self._gate = gate

    def prepare(self) -> str:
        assert self._gate.wait(60)
        self._chance = 0.75
        return "other library"


def spec(name: str) -> MethodSpec:
    return MethodSpec(name, None, "cpu")


def ask(shelf: ClickShelf, name: str, cancel: CancelToken | None = None):
    return look(LookRequest(1, spec(name), noisy_view(24, 2)), cancel or CancelToken(), shelf)


def chance(reply) -> float:
    assert isinstance(reply, Looked)
    assert float(np.ptp(reply.chances)) == 0
    return float(reply.chances[0, 0])


def test_a_method_answers_while_it_is_prepared_and_faster_afterwards() -> None:
    gate = threading.Event()
    shelf = ClickShelf(lambda _: Prepared(gate))
    assert chance(ask(shelf, "a")) == 0.25
    gate.set()
    while chance(ask(shelf, "a")) != 0.75:
        gate.wait(0.01)  # the test's own timeout ends an endless wait


def test_the_method_used_longest_ago_goes() -> None:
    loaded: list[str] = []

    def load(one: MethodSpec) -> Always:
        loaded.append(one.model_name)
        return Always(0.5)

    shelf = ClickShelf(load)
    for name in ("a", "b", "c", "a", "d", "a", "b"):
        ask(shelf, name)
    assert loaded == ["a", "b", "c", "d", "b"]


def test_other_methods_answer_while_one_loads_and_that_one_can_be_cancelled() -> None:
    gate, slow = threading.Event(), threading.Event()

    def load(one: MethodSpec) -> Always:
        if one.model_name == "slow":
            slow.set()
            assert gate.wait(60)
        return Always(0.5)

    shelf = ClickShelf(load)
    ask(shelf, "quick")
    token = CancelToken()
    shelf.method(spec("slow"))
    assert slow.wait(60)
    assert chance(ask(shelf, "quick")) == 0.5
    threading.Timer(0.05, token.cancel).start()
    assert isinstance(ask(shelf, "slow", token), Stopped)
    gate.set()
    assert chance(ask(shelf, "slow")) == 0.5


def test_a_method_that_did_not_load_is_tried_again() -> None:
    errors: list[Exception] = [MedsegError("The disk is gone.", "Plug it in."), MemoryError(), KeyError("bug")]

    def load(one: MethodSpec) -> Always:
        if errors:
            raise errors.pop(0)
        return Always(0.5)

    shelf = ClickShelf(load)
    assert ask(shelf, "a") == Refused(1, "The disk is gone.", "Plug it in.")
    no_memory = ask(shelf, "a")
    assert isinstance(no_memory, Refused) and "memory" in no_memory.message
    bug = ask(shelf, "a")
    assert isinstance(bug, Crashed) and "KeyError" in bug.summary and "Traceback" in bug.traceback
    assert chance(ask(shelf, "a")) == 0.5


def test_a_model_that_is_not_there_is_refused_at_once(tmp_path: Path) -> None:
    with pytest.raises(MedsegError, match="no model called"):
        ClickShelf(lambda _: Always(0.5)).open(MethodSpec("gone", str(tmp_path), "cpu"))
