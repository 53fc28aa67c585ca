"""Servers in a file, secrets in the keyring, images in a private folder that does not grow without end."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any

import keyring
import keyring.backends.fail
import pytest

import napari_medseg as ms
from napari_medseg.core.pacs import PacsServer, RemoteSeries, StudyQuery
from napari_medseg.io.dicom import web
from napari_medseg.io.dicom.web import cache, servers

OURS = PacsServer(
    "Ours", " https://pacs.example.org/dicom-web/ ", "/qido/", "wado", "stow", "basic", "reader", Path("ca.pem"), 12.5
)


def test_servers_are_kept_and_forgotten() -> None:
    assert web.read_servers() == []
    web.keep_server(OURS)
    web.keep_server(PacsServer("Übung", "http://localhost:8042/dicom-web"))
    assert [one.name for one in web.read_servers()] == ["Ours", "Übung"]
    assert web.find_server("Ours") == OURS
    assert (OURS.url, OURS.qido) == ("https://pacs.example.org/dicom-web", "qido")
    web.keep_server(PacsServer("Ours", "https://other.example.org/rs"))
    assert web.find_server("Ours").url == "https://other.example.org/rs"
    assert web.remove_server("Ours").name == "Ours"
    assert [one.name for one in web.read_servers()] == ["Übung"]
    with pytest.raises(ms.MedsegError, match=r"No server is called Ours. There are: Übung."):
        web.find_server("Ours")


def test_bad_settings(tmp_path: Path) -> None:
    file = tmp_path / "pacs.json"
    file.write_text("{")
    with pytest.raises(ms.MedsegError, match=r"pacs.json cannot be read"):
        servers.read_servers(file)
    entries: list[Any] = [{"name": "A", "url": "https://a/rs", "later": 1}, {"name": "B"}, 3, {"name": "C", "url": "x"}]
    file.write_text(json.dumps(entries))
    assert [one.name for one in servers.read_servers(file)] == ["A"]


@pytest.mark.parametrize(
    "values",
    [
        {"url": "pacs.example.org/rs"},
        {"url": "ftp://pacs.example.org"},
        {"url": "https://"},
        {"url": "https://pacs.example.org:x/rs"},
        {"url": "https://reader:secret@pacs.example.org/rs"},
        {"url": "https://pacs.example.org/rs?key=secret"},
        {"name": " "},
        {"authentication": "kerberos"},
        {"authentication": "basic"},
        {"timeout_s": 0},
    ],
)
def test_settings_that_make_no_sense(values: dict[str, Any]) -> None:
    with pytest.raises(ms.MedsegError) as caught:
        PacsServer(**{"name": "Ours", "url": "https://pacs.example.org/rs"} | values)
    assert caught.value.hint and "secret" not in str(caught.value)


def test_unencrypted_connections_are_warned_of() -> None:
    assert PacsServer("A", "https://pacs.example.org/rs").caution == ""
    assert PacsServer("A", "http://127.0.0.1:8042/rs").caution == ""
    assert "unencrypted" in PacsServer("A", "http://pacs.example.org/rs").caution
    assert "the login" in PacsServer("A", "http://pacs.example.org/rs", authentication="token").caution


def test_secrets_live_in_the_keyring_alone(private_folders: Path) -> None:
    web.keep_server(OURS)
    assert web.read_secret(OURS) is None
    web.keep_secret(OURS, "hunter2")
    assert web.read_secret(OURS) == "hunter2"
    assert (
        web.read_secret(PacsServer("Ours", "https://elsewhere.example.org/rs", "", "", "", "basic", "reader")) is None
    )
    assert "hunter2" not in servers.settings_file().read_text(encoding="utf-8")
    web.forget_secret(OURS)
    web.forget_secret(OURS)
    assert web.read_secret(OURS) is None
    with pytest.raises(ms.MedsegError, match=r"no password or token for Ours"):
        web.check_server(PacsServer("Ours", "https://pacs.example.org/rs", authentication="token"))


def test_no_keyring() -> None:
    keyring.set_keyring(keyring.backends.fail.Keyring())
    with pytest.raises(ms.MedsegError, match=r"This system has no keyring to keep the login in"):
        web.keep_secret(OURS, "hunter2")
    with pytest.raises(ms.MedsegError, match=r"Enter it each time"):
        web.check_server(OURS)


def test_a_token_is_sent_as_such(archive: Any, answers: Any) -> None:
    archive.answers["/studies"] = answers.records()
    server = PacsServer("Fake", archive.url, authentication="token")
    web.check_server(server, secret="abc.def")
    assert archive.requests[-1][2]["Authorization"] == "Bearer abc.def"
    with pytest.raises(ms.MedsegError, match="holds signs that none has"):
        web.check_server(server, secret="abc\r\nX: y")


def test_paths_of_the_services(archive: Any, answers: Any) -> None:
    archive.answers["/qido/studies"] = answers.records()
    web.check_server(PacsServer("Fake", archive.url, qido="qido"))
    assert archive.requests[-1][1].startswith("/dicom-web/qido/studies?")


def test_the_cache_is_tidied(private_folders: Path) -> None:
    server = PacsServer("A", "https://a.example.org/rs")
    folders = [cache.series_folder(server, RemoteSeries(f"1.{n}", "1")) for n in range(4)]
    for n, (folder, days) in enumerate(zip(folders, (0, 3, 5, 99), strict=True)):
        (folder / "x.dcm").write_bytes(bytes(1000 + n))
        used = time.time() - days * 24 * 3600
        os.utime(folder / ".origin.json", (used, used))
    cache.tidy_cache(private_folders)
    assert [folder.exists() for folder in folders] == [True, True, True, False]
    cache.tidy_cache(private_folders, most_bytes=2500)
    assert [folder.exists() for folder in folders] == [True, True, False, False]
    cache.tidy_cache(private_folders, most_bytes=0)
    assert [folder.exists() for folder in folders] == [True, False, False, False]


def test_queries_that_make_no_sense() -> None:
    from datetime import date

    with pytest.raises(ms.MedsegError, match="ends before it starts"):
        StudyQuery(date_from=date(2026, 3, 2), date_to=date(2026, 3, 1))
    with pytest.raises(ms.MedsegError):
        StudyQuery(limit=0)
