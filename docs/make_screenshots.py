"""Take the pictures of this folder: the real panels, real data, the real model.

Run from the root of the checkout; on a machine without a screen under Xvfb::

    xvfb-run -a -s "-screen 0 1920x1200x24" python docs/make_screenshots.py
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import napari
from qtpy.QtWidgets import QApplication

if TYPE_CHECKING:
    from collections.abc import Callable

from napari_medseg.gui.docks import find_panel
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.studies import StudiesWidget

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    parser.add_argument("--size", default="1440x900", help="of the window, in pixels")
    parser.add_argument("--patience", type=float, default=900.0, help="seconds to wait for each step")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        scans = Path(folder) / "scans"
        shutil.copytree(ROOT / "sample_data", scans)
        viewer = napari.Viewer(show=False)
        viewer.window.show()
        viewer.window.resize(width, height)
        take_pictures(viewer, scans, options.out, options.patience)
        viewer.close()


def take_pictures(viewer: napari.Viewer, scans: Path, out: Path, patience: float) -> None:
    """Drop the folder, load, run, save; a picture of each panel at its best."""
    viewer.open(str(scans), plugin="napari-medseg")
    studies = find_panel(viewer, "Studies")
    assert isinstance(studies, StudiesWidget)
    choose(studies, "5.0 mm")
    wait(lambda: not studies.controller.job.busy, patience)
    picture(viewer, out / "studies.png")
    viewer.layers.clear()
    choose(studies, "t1_head")
    wait(lambda: not studies.controller.job.busy, patience)
    segment = find_panel(viewer, "Segment")
    assert isinstance(segment, SegmentWidget)
    wait(segment.view.model.run_button.isEnabled, patience)
    segment.runs.run()
    wait(lambda: segment.view.model.progress.bar.value() > 0, patience)
    picture(viewer, out / "running.png")
    wait(lambda: not segment.runs.job.busy, patience)
    wait(lambda: not segment.labels.job.busy, patience)
    segment.saves.save()
    wait(lambda: not segment.saves.job.busy, patience)
    picture(viewer, out / "segment.png")
    print(segment.view.model.notice.text, segment.view.save.notice.text, sep="\n")
    viewer.layers.clear()
    take_finding_pictures(viewer, studies, segment, out, patience)


def take_finding_pictures(
    viewer: napari.Viewer, studies: StudiesWidget, segment: SegmentWidget, out: Path, patience: float
) -> None:
    """Find opacities in the sample radiograph, move the slider, then correct what was found."""
    choose(studies, "Chest PA")
    wait(lambda: not studies.controller.job.busy, patience)
    film = viewer.layers[0]
    for model in ("cxr-lungs-unet", "cxr-pneumonia-maskrcnn"):
        viewer.layers.selection.active = film
        segment.view.model.model_box.choose(model)
        segment.runs.update()
        wait(segment.view.model.run_button.isEnabled, patience)
        segment.runs.run()
        wait(lambda: not segment.runs.job.busy and not segment.labels.job.busy, patience)
    section = segment.view.findings
    section.slider.setValue(10)
    picture(viewer, out / "findings.png")
    section.slider.setValue(30)
    section.buttons["next"].click()
    boxes = segment.findings.link.box_layer
    box = boxes.data[0] * [1, 1]
    middle = box.mean(axis=0)
    boxes.data = [middle + (box - middle) * 0.8, *boxes.data[1:]]
    wait(lambda: not segment.labels.job.busy, patience)
    section.buttons["accept"].click()
    section.buttons["next"].click()
    section.buttons["reject"].click()
    picture(viewer, out / "corrected.png")


def choose(studies: StudiesWidget, word: str) -> None:
    """Select the series that the filter finds, and load it with Enter's signal."""
    view = studies.view
    view.filter_edit.setText(word)
    view.select_first_series()
    view.tree.activated.emit(view.tree.currentIndex())
    view.filter_edit.clear()
    view.tree.scrollTo(view.tree.currentIndex())


def wait(done: Callable[[], bool], seconds: float) -> None:
    """Let the window live until something is done."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SystemExit("This takes longer than --patience.")
        QApplication.processEvents()
        time.sleep(0.01)


def picture(viewer: napari.Viewer, path: Path) -> None:
    """Save the whole window, once it has come to rest."""
    rest = time.monotonic() + 1.5
    wait(lambda: time.monotonic() > rest, 60)
    viewer.window.screenshot(str(path), canvas_only=False, flash=False)
    print(path.name, path.stat().st_size // 1000, "kB", flush=True)


if __name__ == "__main__":
    main()
