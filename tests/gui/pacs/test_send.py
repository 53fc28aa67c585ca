"""Sending labels to an archive from the Save section."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from dicom_writers.series import write_series
from fake_archives import FakeArchives, PacsError
from napari_medseg.core.pacs import PacsServer
from napari_medseg.gui.pacs.send_dialog import SendRequest
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.segment.target import default_target
from napari_medseg.gui.studies.places import default_place
from napari_medseg.io import read_volume
from napari_medseg.io.dicom.web import cache
from napari_medseg.plugin.layers import volume_to_layer

pytestmark = pytest.mark.gui

URL = "https://pacs.example.org/dicom-web"


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A series as it lies in the cache of archives."""
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache" / "pacs")
    folder = tmp_path / "cache" / "pacs" / "0f0f"
    write_series(folder, np.arange(6 * 8 * 9, dtype=np.int16).reshape(6, 8, 9))
    (folder / ".origin.json").write_text(json.dumps({"server": "Hospital", "url": URL}))
    return folder


@pytest.fixture
def segment(qtbot: Any, viewer: Any, archives: FakeArchives) -> SegmentWidget:
    widget = SegmentWidget(viewer, worker=None, catalogue=list, archives=archives)
    qtbot.addWidget(widget)
    widget.show()
    return widget


def _open(qtbot: Any, segment: SegmentWidget, viewer: Any, folder: Path) -> Any:
    """Show a scan, and a voxel of labels on it."""
    viewer.add_layer(volume_to_layer(read_volume(folder)))
    segment.view.labels.add_requested.emit()
    qtbot.waitUntil(lambda: segment.labels.layer is not None)
    layer = segment.labels.layer
    layer.data_setitem((np.array([2]), np.array([3]), np.array([4])), 1)
    qtbot.waitUntil(lambda: not segment.labels.job.busy)
    return layer


def _voxels(sent: bytes) -> int:
    return int(pydicom.dcmread(BytesIO(sent)).pixel_array.sum())


def _wait(qtbot: Any, segment: SegmentWidget) -> None:
    qtbot.waitUntil(lambda: not segment.sends.job.busy)


def test_a_fetched_scan_is_offered_its_archive(
    qtbot: Any, segment: SegmentWidget, viewer: Any, fetched: Path, archives: FakeArchives
) -> None:
    _open(qtbot, segment, viewer, fetched)
    save = segment.view.save
    assert save.send_button.isVisible() and save.send_button.text() == "Send to Hospital"
    assert save.other_button.text() == "Other…"
    assert segment.saves.target is not None and segment.saves.target.parent == Path.home()
    assert save.state.text() == "● Not saved yet"
    archives.gate.clear()
    save.send_button.click()
    qtbot.waitUntil(lambda: ("store", ["labels.dcm"]) in archives.asked)
    assert save.progress.isVisible() and not save.save_button.isEnabled()
    archives.gate.set()
    _wait(qtbot, segment)
    assert save.notice.kind == "done" and save.notice.text == "Sent <b>the labels</b> to Hospital."
    assert save.state.text() == "● Sent, not saved here" and save.save_button.isEnabled()
    assert segment.unsaved_names() == [], "nothing is lost with the window"
    sent = pydicom.dcmread(BytesIO(archives.sent[0]))
    assert sent.Modality == "SEG" and sent.pixel_array.sum() == 1
    image = pydicom.dcmread(next(fetched.glob("IM*")))
    assert sent.ReferencedSeriesSequence[0].SeriesInstanceUID == image.SeriesInstanceUID
    assert len(list(fetched.iterdir())) == 7, "nothing is left among the images"


def test_a_refusal_leaves_the_labels_unsaved(
    qtbot: Any, segment: SegmentWidget, viewer: Any, fetched: Path, archives: FakeArchives
) -> None:
    _open(qtbot, segment, viewer, fetched)
    archives.refuses = {"labels.dcm"}
    segment.view.save.send_button.click()
    _wait(qtbot, segment)
    assert segment.view.save.notice.kind == "error"
    assert segment.view.save.notice.text == "Not sent: <b>the labels</b>. The archive refused it."
    assert segment.view.save.state.text() == "● Not saved yet"
    archives.fault = PacsError("Hospital is busy.", "Try again in a minute.")
    segment.view.save.send_button.click()
    _wait(qtbot, segment)
    assert segment.view.save.notice.text == "Hospital is busy. Try again in a minute."


def test_sending_can_be_stopped(
    qtbot: Any, segment: SegmentWidget, viewer: Any, fetched: Path, archives: FakeArchives
) -> None:
    _open(qtbot, segment, viewer, fetched)
    archives.gate.clear()
    segment.view.save.send_button.click()
    qtbot.waitUntil(lambda: bool(archives.sent))
    segment.view.save.progress.cancel_button.click()
    _wait(qtbot, segment)
    assert "Stopped." in segment.view.save.notice.text and segment.view.save.state.text() == "● Not saved yet"


def test_a_login_is_asked_for(
    qtbot: Any, segment: SegmentWidget, viewer: Any, fetched: Path, archives: FakeArchives
) -> None:
    archives.servers = [replace(archives.servers[0], authentication="token")]
    archives.passwords["Hospital"] = "secret"
    _open(qtbot, segment, viewer, fetched)
    segment.view.save.send_button.click()
    qtbot.waitUntil(lambda: segment.sends.asker.dialog is not None)
    assert archives.sent == [], "nothing is written before the login is known"
    segment.sends.asker.dialog.secret_edit.setText("secret")
    segment.sends.asker.dialog.login_button.click()
    qtbot.waitUntil(lambda: segment.view.save.notice.kind == "done")
    assert len(archives.sent) == 1


def test_any_dicom_scan_may_be_sent_with_what_was_saved_before(
    qtbot: Any, segment: SegmentWidget, viewer: Any, tmp_path: Path, archives: FakeArchives
) -> None:
    archives.servers.append(PacsServer("Clinic", "https://clinic.example.org/rs"))
    write_series(tmp_path / "scan", np.zeros((3, 8, 9), np.int16))
    (tmp_path / "scan_old.dcm").write_bytes(b"\0" * 128 + b"DICM")
    layer = _open(qtbot, segment, viewer, tmp_path / "scan")
    save = segment.view.save
    assert not save.send_button.isVisible() and save.other_button.text() == "Send…"
    segment.saves.save_to(tmp_path / "by_name.dcm")
    qtbot.waitUntil(lambda: not segment.saves.job.busy)
    save.other_button.click()
    qtbot.waitUntil(lambda: segment.sends.dialog is not None)
    dialog = segment.sends.dialog
    listed = [dialog.list.item(n).text() for n in range(dialog.list.count())]
    assert listed == ["The labels as they are now (DICOM SEG)", "by_name.dcm", "scan_old.dcm"]
    dialog.add_files([tmp_path / "scan_old.dcm"], chosen=True)
    dialog.server_box.choose("Clinic")
    assert dialog.send_button.text() == "Send 2 files"
    archives.refuses = {"scan_old.dcm"}
    dialog.send_button.click()
    qtbot.waitUntil(lambda: save.notice.kind == "warning")
    assert save.notice.text.split("<br>") == [
        "Sent <b>the labels</b> to Clinic.",
        "Not sent: <b>scan_old.dcm</b>. The archive refused it.",
    ]
    layer.data_setitem((np.array([1]), np.array([1]), np.array([1])), 1)
    for _ in range(2):
        segment.sends.send(SendRequest("Clinic"))
        _wait(qtbot, segment)
        assert _voxels(archives.sent[-1]) == 2, "what is on screen, never what was saved before"
    assert save.state.text() == "● Sent, not saved here"
    layer.undo()
    segment.sends.send(SendRequest("Clinic"))  # at once: napari announces no undo
    _wait(qtbot, segment)
    assert _voxels(archives.sent[-1]) == 1


def test_without_a_server_one_can_be_added_on_the_way(
    qtbot: Any, segment: SegmentWidget, viewer: Any, tmp_path: Path, archives: FakeArchives
) -> None:
    archives.servers = []
    write_series(tmp_path / "scan", np.zeros((3, 8, 9), np.int16))
    _open(qtbot, segment, viewer, tmp_path / "scan")
    segment.view.save.other_button.click()
    qtbot.waitUntil(lambda: segment.sends.dialog is not None)
    dialog = segment.sends.dialog
    assert not dialog.send_button.isEnabled() and dialog.send_button.toolTip() == "Add a server first"
    dialog.add_server_button.click()
    server = segment.sends.servers.dialog
    server.name_edit.setText("Clinic")
    server.url_edit.setText("https://clinic.example.org/rs")
    server.save_button.click()
    qtbot.waitUntil(lambda: dialog.server_box.key == "Clinic")
    assert dialog.send_button.isEnabled() and not dialog.add_server_button.isVisible()
    dialog.reject()


def test_a_scan_that_is_not_dicom_is_not_sent(qtbot: Any, segment: SegmentWidget, viewer: Any, new_volume: Any) -> None:
    viewer.add_layer(volume_to_layer(new_volume()))
    segment.view.labels.add_requested.emit()
    qtbot.waitUntil(lambda: segment.labels.layer is not None)
    assert not segment.view.save.send_button.isVisible() and not segment.view.save.other_button.isVisible()


def test_a_server_that_is_gone_is_told(
    qtbot: Any, segment: SegmentWidget, viewer: Any, fetched: Path, archives: FakeArchives
) -> None:
    archives.servers = []
    _open(qtbot, segment, viewer, fetched)
    segment.view.save.send_button.click()
    qtbot.waitUntil(lambda: segment.view.save.notice.kind == "error")
    assert "no server called Hospital any more" in segment.view.save.notice.text


def test_nothing_is_kept_among_fetched_images(fetched: Path) -> None:
    source = read_volume(fetched).source
    assert default_target(source, "Lung 1.0", "blobs", ".dcm") == Path.home() / "Lung_1.0_blobs.dcm"
    assert default_target(source, "Lung 1.0 – labels", "", ".nii.gz") == Path.home() / "Lung_1.0_labels.nii.gz"
    assert default_place(fetched.parent, "blobs") == Path.home() / "pacs_results_blobs"


def test_nothing_goes_to_another_archive_that_has_the_name_now(
    qtbot: Any, segment: SegmentWidget, viewer: Any, fetched: Path, archives: FakeArchives
) -> None:
    _open(qtbot, segment, viewer, fetched)
    archives.servers = [replace(archives.servers[0], url="https://elsewhere.example.org/rs")]
    segment.view.save.send_button.click()
    _wait(qtbot, segment)
    assert archives.sent == [] and "another address than when the scan was fetched" in segment.view.save.notice.text
    segment.view.save.choose_archive_requested.emit()
    qtbot.waitUntil(lambda: segment.sends.dialog is not None)
    segment.sends.dialog.reject()
    segment.sends.send(SendRequest("Hospital"))
    _wait(qtbot, segment)
    assert len(archives.sent) == 1, "chosen by hand, it is meant"
