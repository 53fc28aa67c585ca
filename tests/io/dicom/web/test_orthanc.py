"""Everything against a real archive."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

import napari_medseg as ms
from napari_medseg.core.pacs import PacsServer, StudyQuery
from napari_medseg.io.dicom import web

STUDY, SERIES = "1.2.826.0.1.3680043.9999.1", "1.2.826.0.1.3680043.9999.1.1"
UIDS = (STUDY, SERIES, "1.2.826.0.1.3680043.9999.1.2")
PASSWORD = "pass word-ü"


@pytest.fixture
def server(orthanc: PacsServer) -> PacsServer:
    web.keep_secret(orthanc, PASSWORD)
    return orthanc


@pytest.fixture
def stored(
    server: PacsServer, tmp_path: Path, series_writer: Callable[..., list[Path]], stack: np.ndarray
) -> list[Path]:
    """A CT in the archive, one slice compressed."""

    def compress(ds: Any, n: int) -> None:
        ds.StudyDescription, ds.SOPInstanceUID = "Thorax nativ", f"{SERIES}.{n}"
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        if n == 2:
            ds.compress(RLELossless, generate_instance_uid=False)

    paths = series_writer(tmp_path / "scan", stack, uids=UIDS, edit=compress)
    outcomes = web.store_files(server, paths)
    assert [(one.path, one.is_stored, one.reason) for one in outcomes] == [(path, True, "") for path in paths]
    return paths


def test_a_study_is_found_loaded_and_given_labels(server: PacsServer, stored: list[Path], tmp_path: Path) -> None:
    (study,) = web.find_studies(server, StudyQuery(patient_name="doe", modality="CT")).studies
    assert (study.uid, study.patient_name, study.date, study.modalities) == (STUDY, "Doe^Jane", "2026-03-02", ("CT",))
    assert (study.description, study.n_series, study.n_images) == ("Thorax nativ", 1, 6)
    (series,) = web.find_series(server, study.uid)
    assert (series.uid, series.modality, series.number, series.n_images) == (SERIES, "CT", 4, 6)
    assert series.description == "Thorax 1.0"

    steps: list[tuple[int, int]] = []
    found = web.open_remote_series(server, series, lambda done, total, label: steps.append((done, total)))
    volume, local = found.series[0].load(), ms.read_volume(stored[0].parent)
    np.testing.assert_array_equal(volume.array, local.array)
    np.testing.assert_array_equal(volume.geometry.affine, local.geometry.affine)
    assert found.problems == [] and (6, 6) in steps

    labels = np.zeros(volume.spatial_shape, np.uint8)
    labels[1:4, 2:4, 1:3], labels[5, 4, 5] = 1, 2
    segments = [ms.Segment(1, "Lung"), ms.Segment(2, "Nodule")]
    file = ms.write_segmentation(ms.Segmentation.from_array(labels, volume, segments), tmp_path / "labels.dcm")
    assert web.store_files(server, [file])[0].is_stored
    both = web.find_series(server, study.uid)
    assert sorted(one.modality for one in both) == ["CT", "SEG"]
    (seg,) = (one for one in both if one.modality == "SEG")
    back = ms.read_segmentation(next(web.fetch_series(server, seg).glob("*.dcm")), volume=volume)
    np.testing.assert_array_equal(back.array, labels)
    np.testing.assert_allclose(back.geometry.affine, volume.geometry.affine, atol=1e-6)
    assert [one.name for one in back.segments] == ["Lung", "Nodule"]


def test_files_arrive_as_they_are_stored(server: PacsServer, stored: list[Path]) -> None:
    (series,) = (one for one in web.find_series(server, STUDY) if one.modality == "CT")
    folder = web.fetch_series(server, series)
    sent = {pydicom.dcmread(path).SOPInstanceUID: path for path in stored}
    for path in folder.glob("*.dcm"):
        arrived = pydicom.dcmread(path)
        original = pydicom.dcmread(sent[arrived.SOPInstanceUID])
        assert arrived.file_meta.TransferSyntaxUID == original.file_meta.TransferSyntaxUID
        assert arrived.PixelData == original.PixelData


def test_a_second_time_only_what_is_missing_comes(server: PacsServer, stored: list[Path]) -> None:
    (series,) = (one for one in web.find_series(server, STUDY) if one.modality == "CT")
    folder = web.fetch_series(server, series)
    files = sorted(folder.glob("*.dcm"))
    times = {file: file.stat().st_mtime_ns for file in files}
    files[2].unlink()
    (folder / "of-another-day.dcm").write_bytes(b"no longer in the archive")
    assert web.fetch_series(server, series) == folder
    assert sorted(folder.glob("*.dcm")) == files
    assert [file for file in files if file.stat().st_mtime_ns != times[file]] == [files[2]]


def test_nothing_on_the_disk_is_called_by_patient_or_uid(
    server: PacsServer, stored: list[Path], private_folders: Path
) -> None:
    (series,) = (one for one in web.find_series(server, STUDY) if one.modality == "CT")
    folder = web.fetch_series(server, series)
    names = " ".join(str(path.relative_to(private_folders)) for path in private_folders.rglob("*"))
    assert not any(word in names for word in ("Doe", "SECRET", "4711", STUDY, "9999"))
    assert hashlib.sha256(f"{SERIES}.0".encode()).hexdigest()[:32] + ".dcm" in names
    assert folder.stat().st_mode & 0o077 == 0
    origin = web.origin_of(folder)
    assert origin is not None and (origin.server, origin.url) == ("Test archive", server.url)
    assert web.origin_of(next(folder.glob("*.dcm"))) == origin and web.origin_of(stored[0]) is None
    assert web.clear_cache() == 1 and not folder.exists()


@pytest.mark.parametrize(
    ("query", "n_found"),
    [
        (StudyQuery(), 1),
        (StudyQuery(patient_name="Doe, Jane"), 1),
        (StudyQuery(patient_name="Jane"), 0),
        (StudyQuery(patient_name="*Jane"), 1),
        (StudyQuery(patient_id="SECRET-4711"), 1),
        (StudyQuery(patient_id="SECRET"), 0),
        (StudyQuery(patient_id="SECRET-47??"), 1),
        (StudyQuery(date_from=date(2026, 3, 2), date_to=date(2026, 3, 2)), 1),
        (StudyQuery(date_from=date(2026, 3, 3)), 0),
        (StudyQuery(date_to=date(2026, 3, 1)), 0),
        (StudyQuery(date_to=date(2026, 3, 2)), 1),
        (StudyQuery(modality="ct"), 1),
        (StudyQuery(modality="MR"), 0),
        (StudyQuery(description="NATIV"), 1),
        (StudyQuery(description="nativ*"), 0),
        (StudyQuery(description="horax nat"), 1),
        (StudyQuery(patient_name="doe, ja", description="thorax nativ"), 1),
        (StudyQuery(limit=1), 1),
    ],
)
def test_searches(server: PacsServer, stored: list[Path], query: StudyQuery, n_found: int) -> None:
    assert len(web.find_studies(server, query).studies) == n_found


def test_pages(server: PacsServer, stored: list[Path], tmp_path: Path, series_writer: Any, stack: np.ndarray) -> None:
    for n in range(3):
        uids = (f"{STUDY}.9.{n}", f"{STUDY}.9.{n}.1", f"{STUDY}.9.{n}.2")
        web.store_files(server, series_writer(tmp_path / f"more{n}", stack[:1], uids=uids))
    seen, offset = [], 0
    for _ in range(10):
        page = web.find_studies(server, StudyQuery(limit=3, offset=offset))
        seen += [study.uid for study in page.studies]
        if page.next_offset is None:
            break
        offset = page.next_offset
    assert len(seen) == len(set(seen)) == 4


def test_thumbnails(server: PacsServer, stored: list[Path]) -> None:
    for series in web.find_series(server, STUDY):
        picture = web.fetch_thumbnail(server, series, 48)
        if series.modality == "CT":
            assert picture is not None and picture.dtype == np.uint8 and max(picture.shape) <= 48
            assert picture.shape[0] < picture.shape[1] and np.ptp(picture) > 0
        else:
            assert picture is None


def test_a_wrong_password(server: PacsServer) -> None:
    with pytest.raises(ms.MedsegError, match="Test archive did not accept the login"):
        web.check_server(server, secret="wrong")
    with pytest.raises(ms.MedsegError, match="wants to know who you are"):
        web.check_server(replace(server, authentication="none"))


def test_a_wrong_path_is_no_dicomweb(server: PacsServer) -> None:
    elsewhere = replace(server, url=server.url.replace("dicom-web", "system"))
    with pytest.raises(ms.MedsegError, match="Test archive"):
        web.check_server(elsewhere, secret=PASSWORD)


def test_the_server_is_right(server: PacsServer) -> None:
    web.check_server(server)
