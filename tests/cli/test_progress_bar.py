from __future__ import annotations

import io

from napari_medseg.cli.progress_bar import ProgressBar, bar_line


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_drawn_on_a_pipe() -> None:
    stream = io.StringIO()
    bar = ProgressBar(stream)
    bar(1, 2, "reading")
    bar.close()
    assert stream.getvalue() == ""


def test_the_bar_is_one_line_that_is_wiped_when_all_is_done() -> None:
    stream = Terminal()
    bar = ProgressBar(stream)
    bar(0, 2, "reading")
    bar(2, 2, "reading")
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().endswith("\r\x1b[2K")


def test_a_new_label_is_drawn_at_once() -> None:
    stream = Terminal()
    bar = ProgressBar(stream)
    bar(0, 9, "reading")
    bar(0, 9, "segmenting")
    assert "reading" in stream.getvalue()
    assert "segmenting" in stream.getvalue()


def test_the_line_tells_share_and_time_left() -> None:
    assert bar_line(1, 4, "segmenting", 10) == f"segmenting  {'█' * 6}{'░' * 18}  25%  30 s left"
    assert "left" not in bar_line(4, 4, "segmenting", 10)
    assert bar_line(0, 0, "segmenting", 10).endswith("   0%")
    assert bar_line(9, 4, "segmenting", 10).endswith("100%")


def test_details_after_a_colon_stand_behind_a_shorter_bar() -> None:
    line = bar_line(1, 4, "Training fold-0: 5 min left, loss 0.123", 10)
    assert line == f"Training fold-0  {'█' * 3}{'░' * 9}  25%  1/4, 5 min left, loss 0.123"


def test_details_that_change_do_not_make_a_new_bar() -> None:
    stream = Terminal()
    bar = ProgressBar(stream)
    bar(1, 9, "training: loss 2")
    bar(2, 9, "training: loss 1")  # too soon to be drawn again
    assert stream.getvalue().count("training") == 1
