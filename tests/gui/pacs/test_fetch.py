"""Bringing series from an archive into the list of studies."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fake_archives import FakeArchives, PacsError
from napari_medseg.core import Study
from napari_medseg.core.pacs import RemoteSeries, RemoteStudy
from napari_medseg.gui.studies import StudiesWidget

pytestmark = pytest.mark.gui


@pytest.fixture
def found(qtbot: Any, panel: StudiesWidget) -> StudiesWidget:
    """A search whose first study is unfolded."""
    panel.pacs.search.search()
    qtbot.waitUntil(lambda: panel.pacs.page.model.n_studies == 3)
    panel.pacs.page.tree.expand(panel.pacs.page.model.index(0, 0))
    qtbot.waitUntil(lambda: panel.pacs.page.model.rowCount(panel.pacs.page.model.index(0, 0)) == 3)
    return panel


def _choose_series(panel: StudiesWidget, row: int) -> None:
    page = panel.pacs.page
    page.tree.setCurrentIndex(page.model.index(row, 0, page.model.index(0, 0)))


def _fetched(archives: FakeArchives) -> list[str]:
    return [uid for what, uid in archives.asked if what == "fetch"]


def test_a_series_is_fetched_listed_and_shown(
    qtbot: Any, found: StudiesWidget, archives: FakeArchives, viewer: Any
) -> None:
    _choose_series(found, 0)
    assert found.pacs.page.load_button.text() == "Load series"
    archives.gate.clear()
    found.pacs.page.load_button.click()
    assert found.fetch_progress.isVisible()
    archives.gate.set()
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)
    assert _fetched(archives) == ["1.1.1"]
    assert found.view.isVisible() and not found.pacs.page.isVisible() and not found.fetch_progress.isVisible()
    assert [one.uid for one in found.view.selected_series()] == ["1.1.1"]
    found.view.archives_button.click()
    assert found.pacs.page.model.n_studies == 3, "what was found is kept"


def test_a_study_is_fetched_and_listed_but_not_shown(
    qtbot: Any, found: StudiesWidget, archives: FakeArchives, viewer: Any
) -> None:
    archives.series["1.1"].append(RemoteSeries("1.1.9", "1.1", 99, "SR", "Report", 1))
    found.pacs.page.tree.setCurrentIndex(found.pacs.page.model.index(0, 0))
    found.pacs.page.load_button.click()
    qtbot.waitUntil(lambda: not found.pacs.fetch.job.busy and found.view.isVisible())
    assert _fetched(archives) == ["1.1.1", "1.1.2", "1.1.3"], "a report is no image"
    assert len(found.view.model.all_series()) == 3 and len(viewer.layers) == 0


def test_stopping_keeps_what_has_arrived(qtbot: Any, found: StudiesWidget, archives: FakeArchives) -> None:
    _choose_series(found, 1)
    archives.gate.clear()
    found.pacs.page.load_button.click()
    qtbot.waitUntil(lambda: bool(_fetched(archives)))
    found.fetch_progress.cancel_button.click()
    qtbot.waitUntil(lambda: not found.pacs.fetch.job.busy)
    assert "What has arrived is kept" in found.fetch_notice.text and found.pacs.page.isVisible()
    assert found.view.model.all_series() == []


def test_a_fault_on_the_way(qtbot: Any, found: StudiesWidget, archives: FakeArchives) -> None:
    archives.fault = PacsError("Hospital is busy.", "Try again in a minute.")
    _choose_series(found, 0)
    found.pacs.page.load_button.click()
    qtbot.waitUntil(lambda: found.fetch_notice.kind == "error")
    assert "Hospital is busy. Try again in a minute." in found.fetch_notice.text
    found.fetch_notice.link_clicked.emit("edit")
    assert found.pacs.servers.dialog is not None
    found.pacs.servers.dialog.reject()


def test_a_series_without_images_is_told(qtbot: Any, found: StudiesWidget, archives: FakeArchives) -> None:
    archives.opened = lambda series: Study(Path("/cache/x"), [])
    _choose_series(found, 0)
    found.pacs.page.load_button.click()
    qtbot.waitUntil(lambda: found.fetch_notice.kind == "warning")
    assert found.fetch_notice.text == "Lung 1.0 holds no images or labels."
    assert found.pacs.page.isVisible()


def test_a_login_that_ended_is_asked_for_on_the_way(
    qtbot: Any, found: StudiesWidget, archives: FakeArchives, viewer: Any
) -> None:
    server = replace(archives.servers[0], authentication="token")
    archives.passwords["Hospital"] = "secret"
    found.pacs.fetch.fetch(server, [archives.series["1.1"][0]], show=True)
    qtbot.waitUntil(lambda: found.pacs.asker.dialog is not None)
    found.pacs.asker.dialog.secret_edit.setText("secret")
    found.pacs.asker.dialog.login_button.click()
    qtbot.waitUntil(lambda: len(viewer.layers) == 1)


def _fetch(qtbot: Any, panel: StudiesWidget, archives: FakeArchives, what: Any, *, show: bool = True) -> None:
    panel.pacs.fetch.fetch(archives.servers[0], [what], show=show)
    qtbot.waitUntil(lambda: not panel.pacs.fetch.job.busy and not panel.controller.job.busy)


def test_files_that_could_not_be_read_are_told_with_the_series(
    qtbot: Any, panel: StudiesWidget, archives: FakeArchives, viewer: Any
) -> None:
    before = archives.opened
    archives.opened = lambda series: replace(before(series), problems=["one.dcm could not be read."])
    _fetch(qtbot, panel, archives, archives.series["1.1"][0])
    assert len(viewer.layers) == 1 and "1 file could not be read" in panel.view.notice.text


def test_what_is_fetched_again_is_the_layer_it_was(
    qtbot: Any, panel: StudiesWidget, archives: FakeArchives, viewer: Any
) -> None:
    wanted, before = archives.series["1.1"][0], archives.opened
    for _ in range(2):
        _fetch(qtbot, panel, archives, wanted)
    assert len(viewer.layers) == 1 and "is open already" in panel.view.notice.text

    def grown(series: RemoteSeries) -> Study:
        study = before(series)
        return replace(study, series=[replace(one, n_images=one.n_images + 1) for one in study.series])

    archives.opened = grown
    _fetch(qtbot, panel, archives, wanted)
    assert len(viewer.layers) == 2, "more images have come"


def test_a_study_of_reports_says_that_nothing_can_be_shown(
    qtbot: Any, panel: StudiesWidget, archives: FakeArchives
) -> None:
    archives.series["77"] = [RemoteSeries("77.1", "77", 1, "SR", "Report", 1)]
    _fetch(qtbot, panel, archives, RemoteStudy("77", description="Second opinion"))
    assert panel.fetch_notice.kind == "warning"
    assert panel.fetch_notice.text == "Second opinion: Nothing in it can be shown."
