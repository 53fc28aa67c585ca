"""Take the pictures of this folder: the real panels, real data, the real model.

Run from the root of the checkout; on a machine without a screen under Xvfb::

    xvfb-run -a -s "-screen 0 1920x1200x24" python docs/make_screenshots.py

The search of an archive is pictured with a real Orthanc on this computer (apt-get install orthanc orthanc-dicomweb).
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import keyring
import napari
import numpy as np
from PIL import Image, ImageDraw, ImageFont
from qtpy.QtWidgets import QApplication
from screenshot_data import add_series, write_archive

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from archives import PASSWORD, MemoryKeyring, running_orthanc
from napari_medseg.gui.docks import find_panel
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.studies import StudiesWidget
from napari_medseg.io.dicom import web
from napari_medseg.io.dicom.web import cache, servers

ROOT = Path(__file__).resolve().parents[1]
CLICKS = {"add": (112.0, 88.0), "missing": (134.0, 79.0), "brush": (92, 78), "remove": (92.0, 77.0)}
"""Rows and columns of slice 94 of the sample head, whose ventricles are about the middle."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs")
    parser.add_argument("--size", default="1440x900", help="of the window, in pixels")
    parser.add_argument("--patience", type=float, default=900.0, help="seconds to wait for each step")
    parser.add_argument("--only", choices=("studies", "pacs", "findings", "clicks"), help="take only these pictures")
    options = parser.parse_args()
    width, height = (int(side) for side in options.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        scans = Path(folder) / "scans"
        shutil.copytree(ROOT / "sample_data", scans)
        add_series(scans)
        viewer = napari.Viewer(show=False)
        viewer.window.show()
        viewer.window.resize(width, height)
        viewer.open(str(scans), plugin="napari-medseg")
        studies = find_panel(viewer, "Studies")
        assert isinstance(studies, StudiesWidget)
        if options.only in (None, "studies"):
            take_study_picture(viewer, studies, options.out, options.patience)
        if options.only in (None, "pacs"):
            take_pacs_picture(viewer, studies, Path(folder), options.out, options.patience)
        if options.only is None:
            take_pictures(viewer, studies, options.out, options.patience)
        if options.only in (None, "findings"):
            take_finding_pictures(viewer, studies, options.out, options.patience)
            viewer.layers.clear()
        if options.only in (None, "clicks"):
            take_click_pictures(viewer, studies, options.out, options.patience)
        viewer.close()


def take_study_picture(viewer: napari.Viewer, studies: StudiesWidget, out: Path, patience: float) -> None:
    """Load one of the series of a study."""
    choose(studies, "5.0 mm")
    wait(lambda: not studies.controller.job.busy, patience)
    wait(lambda: segment_is_ready(viewer), patience)
    picture(viewer, out / "studies.png")
    viewer.layers.clear()


def take_pacs_picture(viewer: napari.Viewer, studies: StudiesWidget, folder: Path, out: Path, patience: float) -> None:
    """Search an archive of made-up patients, load a series, and turn back to what was found."""
    keyring.set_keyring(MemoryKeyring())
    cache.cache_folder = lambda: folder / "cache" / "pacs"
    servers.settings_file = lambda: folder / "pacs.json"
    for place in ("orthanc", "studies"):
        (folder / place).mkdir()
    with running_orthanc(folder / "orthanc", "University hospital") as server:
        web.store_files(server, write_archive(ROOT / "sample_data" / "chest_ct", folder / "studies"), secret=PASSWORD)
        web.keep_server(server)
        web.keep_secret(server, PASSWORD)
        page, pacs = studies.pacs.page, studies.pacs
        studies.show_archives()
        wait(lambda: pacs.search.server is not None, patience)
        page.form.modality_box.choose("CT")
        page.form.description_edit.setText("thorax")
        page.form.search_button.click()
        wait(lambda: page.model.n_studies > 0 and not pacs.search.job.busy, patience)
        first = page.model.index(0, 0)
        page.tree.expand(first)
        wait(lambda: not pacs.search.series_job.busy, patience)
        page.tree.setCurrentIndex(page.model.index(0, 0, first))
        page.load_button.click()
        wait(lambda: len(viewer.layers) > 0 and not studies.controller.job.busy, patience)
        wait(lambda: segment_is_ready(viewer), patience)
        studies.show_archives()
        picture(viewer, out / "pacs.png")
        studies.show_list()
        viewer.layers.clear()


def take_pictures(viewer: napari.Viewer, studies: StudiesWidget, out: Path, patience: float) -> None:
    """Load, run, save; a picture of each panel at its best."""
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


def take_finding_pictures(viewer: napari.Viewer, studies: StudiesWidget, out: Path, patience: float) -> None:
    """Find opacities in the sample radiograph, move the slider, then correct what was found."""
    choose(studies, "Chest PA")
    wait(lambda: not studies.controller.job.busy and segment_is_ready(viewer), patience)
    segment = find_panel(viewer, "Segment")
    assert isinstance(segment, SegmentWidget)
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


def take_click_pictures(viewer: napari.Viewer, studies: StudiesWidget, out: Path, patience: float) -> None:
    """Click on a ventricle, correct it by click and brush, and undo all of it: the window, and a strip of canvases."""
    choose(studies, "t1_head")
    wait(lambda: not studies.controller.job.busy and segment_is_ready(viewer), patience)
    segment = find_panel(viewer, "Segment")
    assert isinstance(segment, SegmentWidget)
    image, clicks = viewer.layers[0], segment.clicks
    viewer.dims.set_point(0, image.data_to_world((94, 0, 0))[0])
    viewer.camera.zoom *= 2
    segment.view.click.tools["add"].click()
    wait(lambda: not clicks.warm_job.busy, patience)
    frames: list[tuple[str, np.ndarray]] = []

    def keep(caption: str) -> None:
        wait(lambda: not clicks.desk.n_waiting, patience)
        clicks.settle()
        rest = time.monotonic() + 0.5
        wait(lambda: time.monotonic() > rest, patience)
        frames.append((caption, viewer.screenshot(canvas_only=True, flash=False)))

    def click(row: float, column: float, positive: bool = True) -> None:
        clicks.mouse.drawn.emit("add", np.asarray(image.data_to_world((94, row, column)))[None], positive)

    keep("before")
    click(*CLICKS["add"])
    keep("click")
    click(*CLICKS["missing"])
    keep("click: this too")
    layer = segment.labels.layer
    assert layer is not None
    layer.brush_size = 9
    layer.paint((94, *CLICKS["brush"]), layer.selected_label)
    keep("napari's brush")
    click(*CLICKS["remove"], positive=False)
    keep("Ctrl+click: not this")
    wait(lambda: not segment.labels.job.busy, patience)
    picture(viewer, out / "click.png")
    for n in (1, 2, 3):
        clicks.undo()
        keep(f"undo {n}")
    strip(frames, out / "clicking.png")


def strip(frames: list[tuple[str, np.ndarray]], path: Path) -> None:
    """Save canvases side by side, each cut to a square about its middle, with its caption."""
    side, gap, below = 300, 6, 26
    sheet = Image.new("RGB", (len(frames) * (side + gap) - gap, side + below), "#262930")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=15)
    for n, (caption, pixels) in enumerate(frames):
        shown = Image.fromarray(pixels[..., :3])
        half = min(shown.size) * 0.38
        x, y = shown.width / 2, shown.height / 2
        part = shown.resize((side, side), box=(x - half, y - half, x + half, y + half))
        sheet.paste(part, (n * (side + gap), 0))
        draw.text((n * (side + gap) + side / 2, side + 4), caption, "#f0f1f2", font, anchor="ma")
    sheet.save(path)
    print(path.name, path.stat().st_size // 1000, "kB", flush=True)


def segment_is_ready(viewer: napari.Viewer) -> bool:
    """Whether the Segment panel, which opens beside the first scan, has listed its models."""
    segment = find_panel(viewer, "Segment")
    return isinstance(segment, SegmentWidget) and not segment.runs.catalogue_job.busy


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
