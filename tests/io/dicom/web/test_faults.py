"""Servers that misbehave: one sentence each, nothing half done on the disk, nobody waits."""

from __future__ import annotations

import io
import logging
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

import napari_medseg as ms
from napari_medseg.core.pacs import PacsServer, RemoteSeries, StudyQuery
from napari_medseg.io.dicom import web
from napari_medseg.io.dicom.web import connection, fetch, receive, session

SERIES = RemoteSeries("1.2.3.2", "1.2.3.1", n_images=3)
RETRIEVE = "/series/1.2.3.2"
INSTANCES = f"{RETRIEVE}/instances"
MULTIPART = 'multipart/related; type="application/dicom"; boundary=xyz'


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch, "PAUSES_S", (0.01, 0.01))


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let answers arrive in pieces smaller than an image."""
    monkeypatch.setattr(connection, "_ONE_PIECE", 64)


@pytest.fixture
def files(slice_maker: Callable[..., Dataset], stack: np.ndarray) -> list[bytes]:
    """Three images of the series."""
    found = []
    for n in range(3):
        ds = slice_maker(stack[n], position=(0, 0, n), number=n + 1)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"1.2.3.4.{n}"
        buffer = io.BytesIO()
        ds.save_as(buffer, enforce_file_format=True)
        found.append(buffer.getvalue())
    return found


@pytest.fixture
def listed(archive: Any, answers: Any) -> Any:
    """An archive that lists three images."""
    archive.answers[INSTANCES] = answers.records(*({"00080018": f"1.2.3.4.{n}", "00200013": n + 1} for n in range(3)))
    return archive


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "Fake wants to know who you are"),
        (403, "Fake does not allow this"),
        (404, "does not know what was asked for"),
        (429, "Fake is busy"),
        (500, "Fake failed inside .status 500"),
        (503, "Fake is busy"),
    ],
)
def test_each_status_has_its_sentence(archive: Any, answers: Any, status: int, message: str) -> None:
    archive.answers["/studies"] = lambda handler: answers.send(handler, status, b"Doe^Jane")
    with pytest.raises(ms.MedsegError, match=message) as caught:
        web.find_studies(archive.server, StudyQuery(patient_name="Doe"))
    assert caught.value.hint and "Doe" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("body", "kind"),
    [(b"<html>login</html>", "text/html"), (b"[1, 2]", "application/json"), (b'"x"', "application/json")],
)
def test_something_else_than_dicomweb(archive: Any, answers: Any, body: bytes, kind: str) -> None:
    archive.answers["/studies"] = lambda handler: answers.send(handler, 200, body, kind)
    with pytest.raises(ms.MedsegError, match="not as a DICOMweb server does"):
        web.check_server(archive.server)


def test_nobody_there() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/rs"
    with pytest.raises(ms.MedsegError, match="Nothing answers at the address of Gone"):
        web.check_server(PacsServer("Gone", url))


def test_no_such_computer() -> None:
    with pytest.raises(ms.MedsegError, match=r"no computer called|did not answer|broke"):
        web.check_server(PacsServer("Gone", "http://nobody.invalid/rs", timeout_s=5))


def test_tls_against_a_server_without_it(archive: Any) -> None:
    with pytest.raises(ms.MedsegError, match=r"certificate of 127.0.0.1 could not be verified|broke"):
        web.check_server(replace(archive.server, url=archive.url.replace("http:", "https:")))


def test_a_missing_certificate_file(archive: Any, tmp_path: Path) -> None:
    with pytest.raises(ms.MedsegError, match=r"certificate file ours.pem of Fake does not exist"):
        web.check_server(replace(archive.server, ca_bundle=tmp_path / "ours.pem"))


def test_a_silent_server_runs_out_of_time(archive: Any) -> None:
    archive.answers["/studies"] = lambda handler: archive.is_over.wait(30)
    with pytest.raises(ms.MedsegError, match=r"Fake did not answer within 0.2 seconds"):
        web.check_server(replace(archive.server, timeout_s=0.2))


def test_a_silent_server_does_not_delay_the_stop(archive: Any) -> None:
    cancel = ms.CancelToken()

    def stop(handler: Any) -> None:
        cancel.cancel()
        archive.is_over.wait(30)

    archive.answers["/studies"] = stop
    with pytest.raises(ms.Cancelled):
        web.find_studies(archive.server, StudyQuery(), None, cancel)
    assert not archive.is_over.is_set()  # the server is still silent


def test_an_endless_answer_ends(archive: Any, answers: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_medseg.io.dicom.web.connection.MOST_AT_ONCE", 10_000)
    archive.answers["/studies"] = lambda handler: answers.send(handler, 200, b"[" + b" " * 10**6 + b"]", "text/json")
    with pytest.raises(ms.MedsegError, match="sent more than"):
        web.check_server(archive.server)


def test_missing_fields_and_an_empty_answer(archive: Any, answers: Any) -> None:
    archive.answers["/studies"] = answers.records({"0020000D": "1.2.3"}, {"00100010": "Doe"})
    (study,) = web.find_studies(archive.server, StudyQuery(modality="CT", description="x")).studies
    assert (study.uid, study.patient_name, study.modalities, study.n_images) == ("1.2.3", "", (), None)
    archive.answers["/studies"] = lambda handler: answers.send(handler, 204, b"")
    assert web.find_studies(archive.server, StudyQuery()).studies == ()


def test_a_server_that_ignores_what_it_may(archive: Any, answers: Any) -> None:
    uids = [f"1.2.{n}" for n in range(5)]
    archive.answers["/studies"] = answers.records(*({"0020000D": uid, "00081030": "Abdomen"} for uid in uids))
    assert web.find_studies(archive.server, StudyQuery(description="thorax")).studies == ()
    pages = [web.find_studies(archive.server, StudyQuery(limit=2, offset=offset)) for offset in (0, 2, 4)]
    assert [[one.uid for one in page.studies] for page in pages] == [uids[:2], uids[2:4], uids[4:]]
    assert [page.next_offset for page in pages] == [2, 4, None]


def test_other_spellings_are_tried(archive: Any, answers: Any) -> None:
    def search(handler: Any) -> None:
        found = answers.records({"0020000D": "1.2.3"}) if "PatientName=DOE*" in handler.path else answers.records()
        found(handler)

    archive.answers["/studies"] = search
    assert len(web.find_studies(archive.server, StudyQuery(patient_name="doe")).studies) == 1


def test_pages_of_a_server_with_a_limit_of_its_own(archive: Any, answers: Any) -> None:
    everything = [{"0020000E": f"1.2.3.{n}", "00200011": n} for n in range(25)]

    def page(handler: Any) -> None:
        offset = int(handler.path.partition("offset=")[2].partition("&")[0] or 0)
        answers.records(*everything[offset : offset + 10])(handler)

    archive.answers["/series"] = page
    assert [one.number for one in web.find_series(archive.server, "1.2.3")] == list(range(25))


def test_a_whole_series_in_one_answer(listed: Any, answers: Any, files: list[bytes]) -> None:
    listed.answers[RETRIEVE] = lambda handler: answers.send(handler, 200, answers.multipart(*files), MULTIPART)
    folder = web.fetch_series(listed.server, SERIES)
    assert sorted(path.read_bytes() for path in folder.glob("*.dcm")) == sorted(files)
    assert ms.read_volume(folder).array.shape == (7, 5, 3)
    assert "transfer-syntax=*" in listed.requests[-1][2]["Accept"]


def test_a_cut_off_answer_goes_on_image_by_image(listed: Any, answers: Any, files: list[bytes]) -> None:
    body = answers.multipart(*files)
    cut = body[: body.index(files[1]) + len(files[1]) // 2]
    listed.answers[RETRIEVE] = lambda handler: answers.send(handler, 200, cut, MULTIPART)
    for n in (1, 2):
        one = answers.multipart(files[n])
        listed.answers[f"{INSTANCES}/1.2.3.4.{n}"] = lambda handler, one=one: answers.send(handler, 200, one, MULTIPART)
    folder = web.fetch_series(listed.server, SERIES)
    assert sorted(path.read_bytes() for path in folder.glob("*.dcm")) == sorted(files)
    assert not any(path.endswith("1.2.3.4.0") for _, path, _ in listed.requests)


@pytest.mark.usefixtures("small_pieces")
def test_a_broken_connection_leaves_whole_files_alone(listed: Any, answers: Any, files: list[bytes]) -> None:
    body = answers.multipart(*files)

    def broken(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Type", MULTIPART)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body[: body.index(files[2]) + 100])
        handler.close_connection = True

    listed.answers[RETRIEVE] = broken
    with pytest.raises(ms.MedsegError, match="Fake"):
        web.fetch_series(listed.server, SERIES)
    (folder,) = web_folders()
    arrived = sorted(path.read_bytes() for path in folder.iterdir() if path.name != ".origin.json")
    assert arrived == sorted(files[:2])
    one = answers.multipart(files[2])
    listed.answers[f"{INSTANCES}/1.2.3.4.2"] = lambda handler: answers.send(handler, 200, one, MULTIPART)
    listed.requests.clear()
    assert len(list(web.fetch_series(listed.server, SERIES).glob("*.dcm"))) == 3
    assert [path.partition("?")[0].rpartition("/")[2] for _, path, _ in listed.requests] == [
        "instances",
        "1.2.3.4.2",
    ]


def test_a_busy_server_is_asked_again(listed: Any, answers: Any, files: list[bytes]) -> None:
    times = dict.fromkeys(range(3), 0)

    def busy(handler: Any, n: int) -> None:
        times[n] += 1
        if times[n] < 3:
            answers.send(handler, 503, b"")
        else:
            answers.send(handler, 200, answers.multipart(files[n]), MULTIPART)

    for n in range(3):
        listed.answers[f"{INSTANCES}/1.2.3.4.{n}"] = lambda handler, n=n: busy(handler, n)
    assert len(list(web.fetch_series(listed.server, SERIES).glob("*.dcm"))) == 3
    assert set(times.values()) == {3}


def test_what_is_not_of_the_series_is_thrown_away(listed: Any, answers: Any, files: list[bytes]) -> None:
    other = files[0].replace(b"1.2.3.2", b"1.2.3.9")
    body = answers.multipart(other, b"<html>", files[2])
    listed.answers[RETRIEVE] = lambda handler: answers.send(handler, 200, body, MULTIPART)
    for n in range(2):
        listed.answers[f"{INSTANCES}/1.2.3.4.{n}"] = lambda handler: answers.send(
            handler, 200, answers.multipart(other), MULTIPART
        )
    with pytest.raises(ms.MedsegError, match=r"did not give 2 of 3 images of the series. It sent an image of another"):
        web.fetch_series(listed.server, SERIES)
    (folder,) = web_folders()
    assert [path.read_bytes() for path in folder.glob("*.dcm")] == [files[2]]


def test_a_server_without_lists_of_images(archive: Any, answers: Any, files: list[bytes]) -> None:
    archive.answers[RETRIEVE] = lambda handler: answers.send(handler, 200, answers.multipart(*files), MULTIPART)
    assert len(list(web.fetch_series(archive.server, SERIES).glob("*.dcm"))) == 3


def test_a_server_that_knows_no_wish_for_an_encoding(archive: Any, answers: Any, files: list[bytes]) -> None:
    def picky(handler: Any) -> None:
        if "transfer-syntax" in handler.headers["Accept"]:
            answers.send(handler, 406, b"")
        else:
            answers.send(handler, 200, answers.multipart(*files), MULTIPART)

    archive.answers[RETRIEVE] = picky
    assert len(list(web.fetch_series(archive.server, SERIES).glob("*.dcm"))) == 3


def test_a_full_disk(listed: Any, answers: Any, files: list[bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive, "_SPARE_BYTES", 2**62)
    listed.answers[RETRIEVE] = lambda handler: answers.send(handler, 200, answers.multipart(*files), MULTIPART)
    with pytest.raises(ms.MedsegError, match="There is no space left for the images of Fake"):
        web.fetch_series(listed.server, SERIES)


@pytest.mark.usefixtures("small_pieces")
def test_stopping_in_the_middle_keeps_what_is_whole(listed: Any, answers: Any, files: list[bytes]) -> None:
    listed.answers[RETRIEVE] = lambda handler: slowly(handler, answers.multipart(*files), listed.is_over)
    cancel = ms.CancelToken()

    def stop(done: int, total: int, label: str) -> None:
        if done == 1:
            cancel.cancel()

    with pytest.raises(ms.Cancelled):
        web.fetch_series(listed.server, SERIES, stop, cancel)
    (folder,) = web_folders()
    assert files[0] in [path.read_bytes() for path in folder.glob("*.dcm")]


def slowly(handler: Any, body: bytes, is_over: threading.Event) -> None:
    handler.send_response(200)
    handler.send_header("Content-Type", MULTIPART)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    half = len(body) // 2
    handler.wfile.write(body[:half])
    is_over.wait(30)


def test_a_failed_image_is_told_by_file(archive: Any, answers: Any, files: list[bytes], tmp_path: Path) -> None:
    paths = [tmp_path / f"{n}.dcm" for n in range(3)]
    for path, content in zip(paths, files, strict=True):
        path.write_bytes(content)

    def store(handler: Any) -> None:
        n = len(archive.bodies) - 1
        if n == 0:
            body = b'{"00081198": {"vr": "SQ", "Value": [{"00081197": {"vr": "US", "Value": [290]}}]}}'
            answers.send(handler, 409, body, "application/dicom+json")
        elif n == 1:
            answers.send(handler, 200, b"", "application/dicom+json")
        else:
            answers.send(handler, 413, b"")

    archive.answers["/studies"] = store
    outcomes = web.store_files(archive.server, paths)
    assert [one.is_stored for one in outcomes] == [False, True, False]
    assert "does not keep files of this kind (code 0122)" in outcomes[0].reason
    assert files[0] in archive.bodies[0] and "413" in outcomes[2].reason


def test_only_dicom_files_are_sent(archive: Any, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ms.MedsegError, match=r"notes.txt is not a DICOM file"):
        web.store_files(archive.server, [tmp_path / "notes.txt"])
    assert not archive.requests


def test_no_name_in_any_log(archive: Any, answers: Any, caplog: pytest.LogCaptureFixture) -> None:
    archive.answers["/studies"] = lambda handler: answers.send(
        handler, 200, b"[]", "application/json", Warning="299 x: Doe is missing"
    )
    with caplog.at_level(logging.DEBUG):
        web.find_studies(archive.server, StudyQuery(patient_name="Doe", patient_id="4711"))
        with pytest.raises(ms.MedsegError):
            web.find_studies(replace(archive.server, url="http://127.0.0.1:1/rs"), StudyQuery(patient_name="Doe"))
    assert "GET" in caplog.text
    assert "Doe" not in caplog.text and "DOE" not in caplog.text and "4711" not in caplog.text


def test_no_way_down_from_tls() -> None:
    class Redirect:
        is_redirect = True
        url = "https://pacs.example.org/rs"
        headers = {"location": "http://elsewhere.example.org/rs"}  # noqa: RUF012

    one = session.PacsSession(PacsServer("Ours", "https://pacs.example.org/rs"))
    assert one.verify is True and not one.trust_env
    with pytest.raises(ms.MedsegError, match="not encrypted"):
        one.get_redirect_target(Redirect())  # type: ignore[arg-type]


def test_bugs_keep_their_traceback(archive: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("napari_medseg.io.dicom.web.search._page", fail)
    with pytest.raises(ZeroDivisionError):
        web.find_studies(archive.server, StudyQuery())


def web_folders() -> list[Path]:
    from napari_medseg.io.dicom.web import cache

    for _ in range(100):  # a thread that was left alone may still be tidying up
        folders = list(cache.cache_folder().iterdir())
        if not any(path.name.startswith(".arriving") for folder in folders for path in folder.iterdir()):
            break
        time.sleep(0.05)
    return folders
