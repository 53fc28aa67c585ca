"""From a real archive onto the screen and back, by the panels alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
import numpy as np
import pytest

from archives import PASSWORD, USER, MemoryKeyring, orthanc_is_installed, running_orthanc
from dicom_writers.series import write_series
from napari_medseg.core.pacs import PacsServer
from napari_medseg.gui.pacs.logins import shared_logins
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.gui.studies import StudiesWidget
from napari_medseg.io import read_segmentation, read_volume
from napari_medseg.io.dicom import web
from napari_medseg.io.dicom.web import cache, servers

pytestmark = pytest.mark.gui


@pytest.fixture
def orthanc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[PacsServer]:
    """An archive of this test alone; cache, settings and keyring are the test's, too."""
    if not orthanc_is_installed():
        pytest.skip("Orthanc is not installed: apt-get install orthanc orthanc-dicomweb")
    monkeypatch.setattr(cache, "cache_folder", lambda: tmp_path / "cache" / "pacs")
    monkeypatch.setattr(servers, "settings_file", lambda: tmp_path / "settings" / "pacs.json")
    before = keyring.get_keyring()
    keyring.set_keyring(MemoryKeyring())
    shared_logins.cache_clear()
    (tmp_path / "orthanc").mkdir()
    with running_orthanc(tmp_path / "orthanc") as server:
        yield server
    shared_logins.cache_clear()
    keyring.set_keyring(before)


def test_a_study_comes_from_the_archive_and_its_labels_go_back(
    qtbot: Any, viewer: Any, orthanc: PacsServer, tmp_path: Path
) -> None:
    stack = np.arange(6 * 8 * 9, dtype=np.int16).reshape(6, 8, 9)
    files = write_series(tmp_path / "scan", stack)
    web.store_files(orthanc, files, secret=PASSWORD)
    segment = SegmentWidget(viewer, worker=None, catalogue=list)
    studies = StudiesWidget(viewer, find_segment=lambda: segment)
    for widget in (segment, studies):
        qtbot.addWidget(widget)
        widget.show()
    page, pacs = studies.pacs.page, studies.pacs

    studies.view.archives_button.click()
    qtbot.waitUntil(lambda: not pacs.servers.job.busy)
    page.add_button.click()
    dialog = pacs.servers.dialog
    dialog.name_edit.setText("Test archive")
    dialog.url_edit.setText(orthanc.url)
    dialog.login_box.choose("basic")
    dialog.user_edit.setText(USER)
    dialog.save_button.click()
    qtbot.waitUntil(lambda: page.server_box.key == "Test archive")

    page.form.name_edit.setText("doe")
    page.form.search_button.click()
    qtbot.waitUntil(lambda: pacs.asker.dialog is not None)
    pacs.asker.dialog.secret_edit.setText(PASSWORD)
    pacs.asker.dialog.login_button.click()
    qtbot.waitUntil(lambda: page.model.n_studies == 1)
    study = page.model.index(0, 0)
    assert study.data() == "Doe, Jane · SECRET-4711" and page.tree.isExpanded(study), "the only one is unfolded"
    qtbot.waitUntil(lambda: not pacs.search.series_job.busy)
    assert web.read_secret(orthanc) == PASSWORD, "an accepted login is kept"

    page.tree.setCurrentIndex(page.model.index(0, 0, study))
    page.load_button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)
    local = read_volume(tmp_path / "scan")
    assert studies.view.isVisible() and "Doe" not in viewer.layers[0].name
    np.testing.assert_array_equal(np.sort(np.ravel(viewer.layers[0].data)), np.sort(np.ravel(local.array)))

    segment.view.labels.add_requested.emit()
    qtbot.waitUntil(lambda: segment.labels.layer is not None)
    segment.labels.layer.data_setitem((np.array([2, 2]), np.array([3, 4]), np.array([4, 4])), 1)
    assert segment.view.save.send_button.text() == "Send to Test archive"
    segment.view.save.send_button.click()
    qtbot.waitUntil(lambda: segment.view.save.notice.kind is not None)
    assert segment.view.save.notice.text == "Sent <b>the labels</b> to Test archive."

    (found,) = web.find_studies(orthanc, page.form.query()).studies
    assert sorted(found.modalities) == ["CT", "SEG"]
    (seg,) = (one for one in web.find_series(orthanc, found.uid) if one.modality == "SEG")
    back = read_segmentation(next(web.fetch_series(orthanc, seg).glob("*.dcm")), volume=local)
    assert int(back.array.sum()) == 2
    np.testing.assert_allclose(back.geometry.affine, local.geometry.affine, atol=1e-6)
