"""Look for studies, series and instances (QIDO-RS, PS3.18 section 10.6)."""

from __future__ import annotations

import fnmatch
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_medseg.core.pacs import RemoteSeries, RemoteStudy, StudyPage
from napari_medseg.core.progress import report
from napari_medseg.io.dicom.web import dicom_json as dj
from napari_medseg.io.dicom.web.connection import Connection, Record
from napari_medseg.io.dicom.web.faults import PacsError
from napari_medseg.io.dicom.web.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_medseg.core.pacs import PacsServer, StudyQuery
    from napari_medseg.core.progress import CancelToken, ProgressCallback

_STUDY_FIELDS = (
    "StudyDescription",
    "ModalitiesInStudy",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)
_SERIES_FIELDS = ("SeriesDescription", "NumberOfSeriesRelatedInstances")
_ESCAPED = re.compile(r"[^\w.*?~-]", re.ASCII)
_PAGE = 1000
_MOST = 200_000
_SMALLEST_LIMIT = 10
"""A server gives no fewer results at once than this, unless there are no more."""


def find_studies(
    server: PacsServer,
    query: StudyQuery,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    secret: str | None = None,
) -> StudyPage:
    """Look for studies.

    Parameters
    ----------
    server : PacsServer
        Where.
    query : StudyQuery
        What to look for, and which page of it.
    on_progress, cancel
        As everywhere; a silent server does not delay the stop.
    secret : str, optional
        Password or token; by default that of the keyring.

    Raises
    ------
    MedsegError
        If the archive does not answer, refuses, or is no DICOMweb server.
    Cancelled
        If the user stopped it.
    """

    def work(on_progress: ProgressCallback, cancel: CancelToken) -> StudyPage:
        report(on_progress, 0, 1, f"Searching {server.name}", cancel)
        with Connection(server, secret, cancel) as connection:
            page = _page(connection, query)
        report(on_progress, 1, 1, f"Searching {server.name}", cancel)
        return page

    return wait_for(work, on_progress, cancel)


def find_series(
    server: PacsServer,
    study_uid: str,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
    *,
    secret: str | None = None,
) -> list[RemoteSeries]:
    """Return the series of a study by their number. Parameters and errors are those of `find_studies`."""

    def work(on_progress: ProgressCallback, cancel: CancelToken) -> list[RemoteSeries]:
        report(on_progress, 0, 1, f"Searching {server.name}", cancel)
        with Connection(server, secret, cancel) as connection:
            return list_series(connection, study_uid)

    return wait_for(work, on_progress, cancel)


def check_server(server: PacsServer, cancel: CancelToken | None = None, *, secret: str | None = None) -> None:
    """Ask for one study, whichever, to see whether the settings of a server are right; errors as `find_studies`."""
    from napari_medseg.core.pacs import StudyQuery

    find_studies(server, StudyQuery(limit=1), None, cancel, secret=secret)


def list_series(connection: Connection, study_uid: str) -> list[RemoteSeries]:
    """Return the series of a study by their number; raises PacsError."""

    def ask(offset: int, fields: tuple[str, ...] | None) -> object:
        return connection.client.search_for_series(study_uid, limit=_PAGE, offset=offset or None, fields=fields)

    records = _all_records(connection, ask, dj.SERIES_INSTANCE_UID, _SERIES_FIELDS)
    found = [
        RemoteSeries(
            uid=dj.text(record, dj.SERIES_INSTANCE_UID),
            study_uid=study_uid,
            number=dj.integer(record, dj.SERIES_NUMBER),
            modality=dj.text(record, dj.MODALITY),
            description=dj.text(record, dj.SERIES_DESCRIPTION),
            n_images=dj.count(record, dj.N_SERIES_INSTANCES),
        )
        for record in records
    ]
    return sorted(found, key=lambda series: (series.number is None, series.number or 0, series.uid))


def list_instances(connection: Connection, series: RemoteSeries) -> list[str] | None:
    """Return the SOPInstanceUIDs of a series by their number; None if the server does not list instances."""

    def ask(offset: int, fields: tuple[str, ...] | None) -> object:
        return connection.client.search_for_instances(
            series.study_uid, series.uid, limit=_PAGE, offset=offset or None, fields=fields
        )

    try:
        records = _all_records(connection, ask, dj.SOP_INSTANCE_UID, None)
    except PacsError as error:
        if error.status in (400, 404, 405, 501):
            return None
        raise
    numbered = [(dj.integer(record, dj.INSTANCE_NUMBER), dj.text(record, dj.SOP_INSTANCE_UID)) for record in records]
    return [uid for _, uid in sorted(numbered, key=lambda one: (one[0] is None, one[0] or 0, one[1]))]


def _page(connection: Connection, query: StudyQuery) -> StudyPage:
    """Return a page of the first spelling that is found: to many servers "doe" is not "Doe"."""
    page = StudyPage(())
    for spelling in _spellings(query):
        page = _page_of(connection, spelling)
        if page.studies:
            break
    return page


def _spellings(query: StudyQuery) -> list[StudyQuery]:
    name, description = query.patient_name, query.description
    spelled = [
        query,
        replace(query, patient_name=name.upper(), description=description.upper()),
        replace(query, patient_name=name.title(), description=description.capitalize()),
        replace(query, patient_name=name.title(), description=description.lower()),
    ]
    patterns = [_with_wildcards(one) for one in spelled]
    return list(dict.fromkeys([patterns[0], *map(_masked, patterns)]))


def _with_wildcards(query: StudyQuery) -> StudyQuery:
    name = re.sub(r"\s*,\s*", "^", query.patient_name.strip())
    words = query.description.strip()
    return replace(
        query,
        patient_name=name if not name or _has_wildcard(name) else f"{name}*",
        patient_id=query.patient_id.strip(),
        description=words if not words or _has_wildcard(words) else f"*{words}*",
    )


def _masked(query: StudyQuery) -> StudyQuery:
    """Let any sign stand for those that are escaped in a URL: some servers do not undo that."""
    return replace(
        query,
        patient_name=_ESCAPED.sub("?", query.patient_name),
        patient_id=_ESCAPED.sub("?", query.patient_id),
        description=_ESCAPED.sub("?", query.description),
    )


def _page_of(connection: Connection, query: StudyQuery) -> StudyPage:
    filters = _filters(query)

    def ask(fields: tuple[str, ...] | None) -> list[Record]:
        return connection.records(
            lambda: connection.client.search_for_studies(
                limit=query.limit, offset=query.offset or None, fields=fields, search_filters=filters
            )
        )

    found = _with_fields(ask, _STUDY_FIELDS)
    more = connection.has_more or len(found) >= query.limit
    if len(found) > query.limit:  # a server that knows no pages
        more = len(found) > query.offset + query.limit
        found = found[query.offset : query.offset + query.limit]
    studies = {study.uid: study for study in map(_study, found) if study.uid and _fits(study, query)}
    return StudyPage(tuple(studies.values()), query.offset + len(found) if more and found else None)


def _filters(query: StudyQuery) -> dict[str, str]:
    days = [day.strftime("%Y%m%d") if day is not None else "" for day in (query.date_from, query.date_to)]
    filters = {
        "PatientName": query.patient_name,
        "PatientID": query.patient_id,
        "StudyDate": "-".join(days) if any(days) else "",
        "ModalitiesInStudy": query.modality.strip().upper(),
        "StudyDescription": query.description,
    }
    return {keyword: value for keyword, value in filters.items() if value}


def _fits(study: RemoteStudy, query: StudyQuery) -> bool:
    """Look at what servers are free to ignore (PS3.18 table 10.6.1-5 asks for neither); what is not told fits."""
    if query.description and study.description:
        pattern = fnmatch.translate(query.description.replace("[", "[[]"))
        if not re.match(pattern, study.description, re.IGNORECASE):
            return False
    modality = query.modality.strip().upper()
    return not modality or not study.modalities or _has_wildcard(modality) or modality in study.modalities


def _has_wildcard(words: str) -> bool:
    return "*" in words or "?" in words


def _study(record: Record) -> RemoteStudy:
    return RemoteStudy(
        uid=dj.text(record, dj.STUDY_INSTANCE_UID),
        patient_name=dj.text(record, dj.PATIENT_NAME),
        patient_id=dj.text(record, dj.PATIENT_ID),
        date=dj.date(record, dj.STUDY_DATE),
        description=dj.text(record, dj.STUDY_DESCRIPTION),
        modalities=dj.texts(record, dj.MODALITIES_IN_STUDY),
        n_series=dj.count(record, dj.N_SERIES),
        n_images=dj.count(record, dj.N_STUDY_INSTANCES),
    )


def _all_records(
    connection: Connection,
    ask: Callable[[int, tuple[str, ...] | None], object],
    key: str,
    fields: tuple[str, ...] | None,
) -> list[Record]:
    """Ask for page after page until one brings nothing new: servers have limits of their own, or know no pages."""
    found: dict[str, Record] = {}
    offset = 0
    while len(found) < _MOST:
        page = _with_fields(lambda fields: connection.records(lambda: ask(offset, fields)), fields)  # noqa: B023
        new = {dj.text(record, key): record for record in page}
        new = {uid: record for uid, record in new.items() if uid and uid not in found}
        found |= new
        offset += len(page)
        if not new or (len(page) < _PAGE and not connection.has_more and offset < _SMALLEST_LIMIT):
            break
    return list(found.values())


def _with_fields(ask: Callable[[tuple[str, ...] | None], list[Record]], fields: tuple[str, ...] | None) -> list[Record]:
    """Ask for more fields than servers tell by themselves, or without those if it is refused."""
    try:
        return ask(fields)
    except PacsError as error:
        if error.status != 400 or fields is None:
            raise
    return ask(None)
