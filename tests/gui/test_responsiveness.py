"""The GUI thread is never held: the event loop turns as often as one likes while a long call waits in its thread."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from qtpy.QtCore import QTimer

from napari_medseg.core import CancelToken, ProgressCallback, Study, Volume
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.studies import StudiesWidget
from napari_medseg.plugin.layers import volume_to_layer

pytestmark = pytest.mark.gui

_TURNS = 200


@pytest.fixture
def turns(qtbot: Any) -> Iterator[Callable[[], None]]:
    """Let the event loop turn many times; would never return if the GUI thread waited for a job."""
    timer, count = QTimer(), [0]
    timer.timeout.connect(lambda: count.__setitem__(0, count[0] + 1))
    timer.start(0)

    def wait() -> None:
        target = count[0] + _TURNS
        qtbot.waitUntil(lambda: count[0] >= target)

    yield wait
    timer.stop()


class Gate:
    """A call that waits in its thread until the test opens it."""

    def __init__(self, answer: Callable[..., Any]) -> None:
        self.answer = answer
        self.open = threading.Event()
        self.entered = threading.Event()
        self.thread: threading.Thread | None = None

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        self.thread = threading.current_thread()
        self.entered.set()
        assert self.open.wait(120)
        return self.answer(*arguments, **named)

    def check(self, qtbot: Any, turns: Callable[[], None]) -> None:
        """Let the loop turn while the call waits, then let the call go on."""
        qtbot.waitUntil(self.entered.is_set)
        assert self.thread is not threading.main_thread()
        turns()
        assert not self.open.is_set()
        self.open.set()


def test_while_a_folder_is_listed_and_a_volume_loads(
    qtbot: Any, viewer: Any, turns: Any, new_series: Any, new_loader: Any, new_volume: Callable[..., Volume]
) -> None:
    loader = new_loader(new_volume())
    load = Gate(loader.load)
    loader.load = load

    def listing(path: Path, on_progress: ProgressCallback, cancel: CancelToken) -> Study:
        return Study(path, [new_series(loader)])

    listed = Gate(listing)
    panel = StudiesWidget(viewer, open_study=listed)
    qtbot.addWidget(panel)
    panel.open_path(Path("/s"))
    listed.check(qtbot, turns)
    load.check(qtbot, turns)
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)


def test_while_models_are_listed_and_one_runs(
    qtbot: Any, viewer: Any, turns: Any, worker: Any, new_card: Any, new_volume: Callable[..., Volume]
) -> None:
    catalogue = Gate(lambda: [new_card()])
    worker.segment = Gate(worker.segment)
    panel = SegmentWidget(viewer, worker=worker, catalogue=catalogue)
    qtbot.addWidget(panel)
    viewer.add_layer(volume_to_layer(new_volume()))
    catalogue.check(qtbot, turns)
    qtbot.waitUntil(lambda: panel.runs.card is not None)
    panel.runs.run()
    worker.segment.check(qtbot, turns)
    qtbot.waitUntil(lambda: len(viewer.layers) == 2)
    qtbot.waitUntil(lambda: not panel.labels.job.busy)


def test_while_volumes_are_counted_and_labels_saved(
    qtbot: Any,
    viewer: Any,
    turns: Any,
    worker: Any,
    new_card: Any,
    new_volume: Callable[..., Volume],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import napari_medseg.io
    import napari_medseg.measure

    count = Gate(napari_medseg.measure.segment_sizes)
    write = Gate(napari_medseg.io.write_segmentation)
    monkeypatch.setattr(napari_medseg.measure, "segment_sizes", count)
    monkeypatch.setattr(napari_medseg.io, "write_segmentation", write)
    panel = SegmentWidget(viewer, worker=worker, catalogue=lambda: [new_card()])
    qtbot.addWidget(panel)
    viewer.add_layer(volume_to_layer(new_volume()))
    qtbot.waitUntil(lambda: panel.runs.card is not None)
    panel.runs.run()
    count.check(qtbot, turns)
    qtbot.waitUntil(lambda: not panel.labels.job.busy)
    panel.saves.save_to(tmp_path / "a.nii.gz")
    write.check(qtbot, turns)
    qtbot.waitUntil(lambda: not panel.saves.job.busy)
    assert (tmp_path / "a.nii.gz").exists()


def test_the_viewers_process_never_imports_the_networks() -> None:
    """Importing torchvision or monai beside a viewer crashes under software OpenGL."""
    import subprocess
    import sys

    code = (
        "import sys; from napari.components import ViewerModel;"
        "from qtpy.QtWidgets import QApplication; app = QApplication([]);"
        "from napari_medseg.gui.segment import SegmentWidget; from napari_medseg.gui.studies import StudiesWidget;"
        "import napari_medseg.inference.worker, napari_medseg.models;"
        "napari_medseg.models.list_models(); viewer = ViewerModel();"
        "a, b = StudiesWidget(viewer), SegmentWidget(viewer);"
        "print(sorted({'torch', 'monai', 'torchvision', 'scipy.ndimage'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=250)
    loaded = done.stdout.strip().splitlines()[-1]
    assert "torch" not in loaded and "monai" not in loaded
