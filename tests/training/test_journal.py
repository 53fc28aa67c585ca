from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_medseg.training.curves import smoothed, ticks, write_curves
from napari_medseg.training.journal import Journal, StepRow, has_tensorboard, read_looks, read_steps
from napari_medseg.training.progress import Pace, duration, progress_label
from napari_medseg.training.watching import Look


def fill(folder: Path, steps: range, *, taken_up_at: int = 0, with_board: bool = False) -> None:
    with Journal(folder, taken_up_at, with_board=with_board) as journal:
        for step in steps:
            journal.add_step(StepRow(step, step * 2.0, 1e-3, 1 / step))
            if step % 2 == 0:
                journal.add_look(step, Look("Dice", (step / 10, 0.5)))
        journal.draw()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    fill(tmp_path, range(1, 5))
    assert read_steps(tmp_path)[1] == StepRow(2, 4.0, 1e-3, 0.5)
    assert read_looks(tmp_path) == [(2, "Dice", 0.35), (4, "Dice", 0.45)]
    assert "# Dice 0.2000 0.5000\n" in (tmp_path / "log.tsv").read_text()


def test_steps_taken_again_are_written_once(tmp_path: Path) -> None:
    fill(tmp_path, range(1, 7))
    with (tmp_path / "log.tsv").open("a") as log:
        log.write("7\t14.0\t1.0")  # cut short by a kill
    fill(tmp_path, range(4, 9), taken_up_at=3)
    assert [row.step for row in read_steps(tmp_path)] == list(range(1, 9))
    assert [step for step, _, _ in read_looks(tmp_path)] == [2, 4, 6, 8]


def test_a_damaged_log_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    (tmp_path / "log.tsv").write_text("1\t2.0\t1e-3\t0.5\nx\ty\n\n2\t4.0\t1e-3\n3\t6.0\t1e-3\t0.4\n")
    assert [row.step for row in read_steps(tmp_path)] == [1, 3]


def test_the_curves_are_a_picture_that_shows_each_curve(tmp_path: Path) -> None:
    fill(tmp_path, range(1, 40))
    with Image.open(tmp_path / "curves.png") as picture:
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape[1] == 960
    for colour in ((0, 114, 178), (213, 94, 0), (0, 158, 115)):
        assert (np.abs(pixels - colour).max(axis=2) < 40).sum() > 50


@pytest.mark.parametrize("losses", [[(1, 0.5)], [(1, 0.0), (2, 0.0)], [(1, float("nan")), (2, float("inf"))]])
def test_few_or_odd_values_are_drawn_too(tmp_path: Path, losses: list[tuple[int, float]]) -> None:
    write_curves(tmp_path / "c.png", losses, [(1, 1e-3)], [], "")
    assert (tmp_path / "c.png").stat().st_size > 0


@pytest.mark.parametrize(("low", "high"), [(0, 1), (0.013, 0.0131), (0, 2000), (5, 5), (0, 0), (-3, -1), (1e-9, 4e-9)])
def test_ticks_are_round_and_span_the_values(low: float, high: float) -> None:
    found = ticks(low, high, 4)
    assert 2 <= len(found) <= 7
    assert found[0] <= low and found[-1] >= high
    assert ticks(0, 1, 4) == [0, 0.25, 0.5, 0.75, 1]


def test_smoothing_keeps_a_constant_and_evens_out_noise() -> None:
    assert smoothed([(n, 2.0) for n in range(9)]) == [(n, 2.0) for n in range(9)]
    noisy = [(n, float(n % 2)) for n in range(100)]
    assert all(abs(value - 0.5) < 0.1 for _, value in smoothed(noisy)[6:-6])
    assert smoothed([(n, float(n)) for n in range(9)]) == [(n, float(n)) for n in range(9)]  # it does not lag


@pytest.mark.skipif(not has_tensorboard(), reason="TensorBoard is not installed")
def test_tensorboard_reads_what_is_written(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    fill(tmp_path, range(1, 5), with_board=True)
    fill(tmp_path, range(3, 7), taken_up_at=2, with_board=True)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert set(events.Tags()["scalars"]) == {"loss", "learning rate", "watch/Dice"}
    assert [event.step for event in events.Scalars("loss")] == [1, 2, 3, 4, 5, 6]


def test_the_pace_follows_the_clock() -> None:
    times = iter([0.0, 2.0, 4.0, 10.0])
    pace = Pace(lambda: next(times))
    pace.add_step()
    pace.add_step()
    assert pace.seconds_a_step == 2.0
    pace.add_step()
    assert 2 < pace.seconds_a_step < 6


def test_the_line_says_what_is_left_first() -> None:
    line = progress_label("Training fold-0", 100, 3.0, 0.12345, 0.00213, "Dice 0.9100")
    assert line == "Training fold-0: 5 min left, loss 0.123, 3 s a step, Dice 0.9100, rate 2.1e-03"
    assert "Dice" not in progress_label("Training", 1, 1.0, 1.0, 1.0, "")
    assert [duration(s) for s in (0, 99, 120, 5940, 7260)] == ["0 s", "99 s", "2 min", "99 min", "2 h 1 min"]
