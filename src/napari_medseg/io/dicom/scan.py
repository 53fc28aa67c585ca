"""Find the DICOM series in a folder, from headers alone."""

from __future__ import annotations

import os
import time
from collections import defaultdict, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.progress import CancelToken, ProgressCallback, report
from napari_medseg.io.dicom.faults import unreadable
from napari_medseg.io.dicom.file_header import UNREADABLE
from napari_medseg.io.dicom.images import read_images
from napari_medseg.io.dicom.instance import Instance
from napari_medseg.io.dicom.rtstruct import RTSTRUCT_CLASS
from napari_medseg.io.dicom.series import describe_series
from napari_medseg.io.dicom.sniff import looks_like_dicom, read_head_and_size
from napari_medseg.io.dicom.without_image import what_is_held

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Sequence
    from concurrent.futures import Future

    from napari_medseg.core.study import Series

_THREADS = 8
"""They read the heads of files ahead, which hides a slow disk or network; one thread makes sense of them."""

_SLOW_S = 1e-3
"""For a file, from which on threads pay: reading what the system has in memory, they only wait for each other."""

_BATCH = 32
"""Files a thread reads at once; a switch of threads costs as much as a header."""


_Outcome = list[Instance] | str | MedsegError | None
"""The images of a file, the UID of what else it holds, what is wrong with it, or None if it is no DICOM."""

_Head = tuple[bytes, int] | OSError
"""The first bytes of a file and its size, or why it could not be opened."""


@dataclass
class _Found:
    """What the headers of a folder tell."""

    images: list[Instance] = field(default_factory=list)
    others: dict[str, list[Path]] = field(default_factory=lambda: defaultdict(list))
    problems: list[str] = field(default_factory=list)

    def add(self, path: Path, outcome: _Outcome) -> None:
        if isinstance(outcome, list):
            self.images.extend(outcome)
        elif isinstance(outcome, MedsegError):
            self.problems.append(outcome.message)
        elif outcome is not None:
            self.others[outcome].append(path)


def find_dicom_series(
    place: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> tuple[list[Series], list[str]]:
    """List the series of images in a folder, a file or several files.

    Files are told by their content, whatever they are called; what is not DICOM is passed over in silence, as is a
    DICOMDIR.

    Parameters
    ----------
    place : path-like or iterable of path-like
        A folder (read at any depth), a file, or files.
    on_progress : callable, optional
        Called as ``on_progress(done, total, label)``.
    cancel : CancelToken, optional
        Stops the search.

    Returns
    -------
    list of Series
        By patient, study and number.
    list of str
        One sentence for each file that looked like DICOM and holds no image that can be shown; files of one kind
        without images (reports) share a sentence.

    Raises
    ------
    Cancelled
        If the user stopped it.
    """
    found = _Found()
    files = _list_files(place)
    _read_files(files, found, on_progress, cancel)
    problems = found.problems
    series = _describe_contours(found.others.pop(RTSTRUCT_CLASS, []), problems)
    problems += [what_is_held(uid, paths) for uid, paths in found.others.items()]
    for images in _by_series(found.images).values():
        listed, refused = describe_series(images)
        series += listed
        problems += refused
    return sorted(series, key=_order_in_list), [problem for problem in problems if problem]


def _describe_contours(files: Sequence[Path], problems: list[str]) -> list[Series]:
    found = []
    for path in files:
        from napari_medseg.io.dicom.rtstruct.series import describe_rtstruct

        try:
            found.append(describe_rtstruct(path))
        except MedsegError as error:
            problems.append(error.message)
    return found


def _read_files(
    files: list[Path], found: _Found, on_progress: ProgressCallback | None, cancel: CancelToken | None
) -> None:
    batches = [files[n : n + _BATCH] for n in range(0, len(files), _BATCH)]
    report(on_progress, 0, len(files), "Reading headers", cancel)
    done = 0
    with closing(_heads(batches)) as all_heads:
        for batch, heads in zip(batches, all_heads, strict=True):
            for path, head in zip(batch, heads, strict=True):
                found.add(path, _read_file(path, head))
            done += len(batch)
            report(on_progress, done, len(files), "Reading headers", cancel)


def _heads(batches: list[list[Path]]) -> Generator[list[_Head]]:
    """Read the heads of batches in order; from the first slow one on by threads."""
    for n, batch in enumerate(batches):
        begin = time.perf_counter()
        heads = _read_heads(batch)
        is_slow = time.perf_counter() - begin > _SLOW_S * len(batch)
        yield heads
        if is_slow:
            with ThreadPoolExecutor(_THREADS) as pool:
                try:
                    yield from _ahead(pool, batches[n + 1 :])
                finally:
                    pool.shutdown(wait=True, cancel_futures=True)
            return


def _ahead(pool: ThreadPoolExecutor, batches: list[list[Path]]) -> Iterator[list[_Head]]:
    """Read the heads of batches in order, a few batches ahead of the one that is wanted."""
    waiting: deque[Future[list[_Head]]] = deque()
    for batch in batches:
        waiting.append(pool.submit(_read_heads, batch))
        if len(waiting) > 2 * _THREADS:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _read_heads(files: list[Path]) -> list[_Head]:
    heads: list[_Head] = []
    for path in files:
        try:
            heads.append(read_head_and_size(path))
        except OSError as error:
            heads.append(error)
    return heads


def _list_files(place: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    if not isinstance(place, str | os.PathLike):
        return [Path(item) for item in place]
    folder = Path(place)
    if not folder.is_dir():
        return [folder]
    files: list[Path] = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [Path(root, name) for name in sorted(names) if not name.startswith(".")]
    return files


def _read_file(path: Path, found: _Head) -> _Outcome:
    if isinstance(found, OSError):
        return unreadable(path, found.strerror or "") if path.suffix.lower() in (".dcm", ".ima") else None
    head, size = found
    if not looks_like_dicom(head):
        return None
    try:
        return read_images(path, head, size)
    except MedsegError as error:
        return error
    except UNREADABLE:
        return unreadable(path)


def _by_series(images: Sequence[Instance]) -> dict[tuple[str, str], list[Instance]]:
    """Group images by study and series; where the UIDs are missing, by folder and number."""
    groups: dict[tuple[str, str], list[Instance]] = defaultdict(list)
    for image in images:
        uid = image.series_uid or f"{image.path.parent}#{image.series_number}#{image.modality}"
        groups[(image.study_uid, uid)].append(image)
    return groups


def _order_in_list(series: Series) -> tuple[str, str, str, bool, int, str]:
    number = series.number
    return (series.patient_name, series.study_date, series.study_uid, number is None, number or 0, series.uid)
