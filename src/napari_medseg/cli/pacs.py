"""``napari-medseg pacs``: archives that speak DICOMweb; search them, bring series here, send labels back."""

from __future__ import annotations

import argparse
import getpass
import json
import sys
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.pacs import Authentication, PacsServer, RemoteSeries, RemoteStudy, StudyQuery

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_medseg.core.progress import ProgressCallback

IDENTITY = ("patient_name", "patient_id")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)

    def action(name: str, summary: str, run: Callable[..., int], *, asks: bool = True) -> argparse.ArgumentParser:
        one = actions.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
        one.set_defaults(act=run)
        if asks:
            one.add_argument("server", metavar="SERVER", help="name of an archive, as `pacs list` tells it")
        if asks and run not in (_login, _logout, _remove):
            one.add_argument("--ask", action="store_true", help="ask for the password or token, for this once")
        return one

    action("list", "list the archives that are known", _list, asks=False)
    add = action("add", "add an archive, or change one", _add, asks=False)
    add.add_argument("name", metavar="NAME", help="what to call it")
    add.add_argument("url", metavar="URL", help="its DICOMweb service, such as https://pacs.example.org/dicom-web")
    for name in ("qido", "wado", "stow"):
        add.add_argument(f"--{name}", default="", metavar="PATH", help=f"path of {name.upper()} behind the URL")
    add.add_argument("--authentication", choices=get_args(Authentication), help="basic if there is a --user, else none")
    add.add_argument("--user", default="", help="for basic authentication")
    add.add_argument("--ca-bundle", type=Path, metavar="FILE", help="certificates (PEM) to trust instead of the usual")
    add.add_argument("--timeout", type=float, default=30.0, metavar="SECONDS", help="how long it may be silent")
    action("remove", "forget an archive and its login", _remove)
    action("login", "keep the password or token of an archive in the system's keyring", _login)
    action("logout", "remove it from there", _logout)
    action("check", "see whether an archive answers", _check)
    search = action("search", "look for studies", _search)
    search.add_argument("--name", default="", help="start of the patient's name; * and ? are wildcards")
    search.add_argument("--id", default="", help="number of the patient")
    search.add_argument("--from", dest="date_from", type=_day, metavar="DATE", help="earliest day, as 2026-03-02")
    search.add_argument("--to", dest="date_to", type=_day, metavar="DATE", help="latest day")
    search.add_argument("--modality", default="", help="such as CT")
    search.add_argument("--description", default="", help="part of the study's description")
    search.add_argument("--limit", type=int, default=100, help="most studies (100)")
    search.add_argument("--offset", type=int, default=0, help="studies to pass over")
    search.add_argument("--identity", action="store_true", help="include patient name and number")
    search.add_argument("--json", action="store_true", help="write JSON instead of text")
    series = action("series", "list the series of a study", _series)
    series.add_argument("study", metavar="STUDY_UID")
    series.add_argument("--json", action="store_true", help="write JSON instead of text")
    get = action("get", "bring series here; a second time, only what is missing", _get)
    get.add_argument("study", metavar="STUDY_UID")
    get.add_argument("series", nargs="*", metavar="SERIES_UID", help="all of the study if none is named")
    get.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="where to; a folder for each series")
    send = action("send", "send DICOM files, such as labels saved as SEG", _send)
    send.add_argument("files", nargs="+", type=Path, metavar="FILE")
    action("clear", "remove the images of all archives that are kept on this computer", _clear, asks=False)


def run(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Do what was asked for."""
    status: int = arguments.act(arguments, on_progress)
    return status


def _list(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from napari_medseg.io.dicom.web import read_servers

    for server in read_servers():
        print(f"{server.name}: {server.url} ({server.authentication})")
    return 0


def _add(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from napari_medseg.io.dicom.web import keep_server

    server = PacsServer(
        arguments.name,
        arguments.url,
        arguments.qido,
        arguments.wado,
        arguments.stow,
        arguments.authentication or ("basic" if arguments.user else "none"),
        arguments.user,
        arguments.ca_bundle.absolute() if arguments.ca_bundle else None,
        arguments.timeout,
    )
    keep_server(server)
    if server.caution:
        print(f"note: {server.caution}", file=sys.stderr)
    return 0


def _remove(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from napari_medseg.io.dicom.web import forget_secret, remove_server

    server = remove_server(arguments.server)
    if server.authentication != "none":
        forget_secret(server)
    return 0


def _login(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from napari_medseg.io.dicom.web import check_server, find_server, keep_secret

    server = find_server(arguments.server)
    if server.authentication == "none":
        raise MedsegError(f"{server.name} asks for no login.", "Add it again with --user, or --authentication token.")
    secret = _asked(server)
    check_server(server, secret=secret)
    keep_secret(server, secret)
    return 0


def _logout(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from napari_medseg.io.dicom.web import find_server, forget_secret

    forget_secret(find_server(arguments.server))
    return 0


def _check(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from napari_medseg.io.dicom.web import check_server

    server, secret = _server(arguments)
    check_server(server, secret=secret)
    print(f"{server.name} answers")
    return 0


def _search(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from napari_medseg.io.dicom.web import find_studies

    query = StudyQuery(
        arguments.name,
        arguments.id,
        arguments.date_from,
        arguments.date_to,
        arguments.modality,
        arguments.description,
        arguments.limit,
        arguments.offset,
    )
    server, secret = _server(arguments)
    page = find_studies(server, query, on_progress, secret=secret)
    hidden = () if arguments.identity else IDENTITY
    if arguments.json:
        records = [{key: value for key, value in asdict(one).items() if key not in hidden} for one in page.studies]
        print(json.dumps({"studies": records, "next_offset": page.next_offset}, indent=2))
        return 0
    for study in page.studies:
        print(_study_line(study, bool(arguments.identity)))
    if page.next_offset is not None:
        print(f"there may be more: add --offset {page.next_offset}", file=sys.stderr)
    return 0


def _series(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from napari_medseg.io.dicom.web import find_series

    server, secret = _server(arguments)
    found = find_series(server, arguments.study, on_progress, secret=secret)
    if arguments.json:
        print(json.dumps([asdict(one) for one in found], indent=2))
    else:
        print("\n".join(_series_line(one) for one in found) or "no series")
    return 0


def _get(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from napari_medseg.io.dicom.web import fetch_series, find_series

    server, secret = _server(arguments)
    found = find_series(server, arguments.study, on_progress, secret=secret)
    wanted = [one for one in found if not arguments.series or one.uid in arguments.series]
    unknown = set(arguments.series) - {one.uid for one in wanted}
    if unknown or not wanted:
        raise MedsegError(f"{server.name} has no such series.", "See `pacs series` for those of the study.")
    for one in wanted:
        folder = arguments.output.expanduser() / f"{one.number or 0:03}_{one.modality or 'OT'}_{one.uid[-12:]}"
        print(fetch_series(server, one, on_progress, folder=folder, secret=secret))
    return 0


def _send(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from napari_medseg.io.dicom.web import store_files

    server, secret = _server(arguments)
    outcomes = store_files(server, arguments.files, on_progress, secret=secret)
    for outcome in outcomes:
        if outcome.is_stored:
            print(f"sent {outcome.path}" + (f": {outcome.reason}" if outcome.reason else ""))
        else:
            print(f"not sent: {outcome.path}: {outcome.reason}", file=sys.stderr)
    return 0 if all(outcome.is_stored for outcome in outcomes) else 1


def _clear(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    from napari_medseg.io.dicom.web import clear_cache

    print(f"removed {clear_cache()} series")
    return 0


def _server(arguments: argparse.Namespace) -> tuple[PacsServer, str | None]:
    from napari_medseg.io.dicom.web import find_server

    server = find_server(arguments.server)
    return server, _asked(server) if arguments.ask else None


def _asked(server: PacsServer) -> str:
    """Ask for the secret on the terminal; from a pipe, take its first line."""
    if sys.stdin.isatty():
        return getpass.getpass(f"Password or token for {server.name}: ")
    return sys.stdin.readline().rstrip("\r\n")


def _study_line(study: RemoteStudy, identity: bool) -> str:
    counts = [f"{n} {what}" for n, what in ((study.n_series, "series"), (study.n_images, "images")) if n is not None]
    words = [study.date, "/".join(study.modalities), study.description, ", ".join(counts)]
    if identity:
        words += [study.patient_name, study.patient_id]
    return "  ".join([word for word in words if word] + [study.uid])


def _series_line(series: RemoteSeries) -> str:
    number = "" if series.number is None else str(series.number)
    images = "" if series.n_images is None else f"{series.n_images} image{'s' * (series.n_images != 1)}"
    return "  ".join(word for word in (number, series.modality, series.description, images, series.uid) if word)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text} is no day such as 2026-03-02") from None
