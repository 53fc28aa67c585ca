"""An image archive (PACS) that speaks DICOMweb: how it is reached, what is asked of it, what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from napari_medseg.core.errors import MedsegError

Authentication = Literal["none", "basic", "token"]

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_LONGEST_PAGE = 1000


@dataclass(frozen=True)
class PacsServer:
    """How an archive is reached. Holds no secret: passwords and tokens stand in the keyring of the system.

    Parameters
    ----------
    name : str
        What the user calls it.
    url : str
        Where its DICOMweb service starts, such as "https://pacs.example.org/dicom-web".
    qido, wado, stow : str
        Paths behind the URL of search, retrieval and storage, where they are not all at the URL itself.
    authentication : {"none", "basic", "token"}
        How the user is known: not at all, by name and password, or by a bearer token.
    user : str
        For "basic".
    ca_bundle : pathlib.Path or None
        Certificates (PEM) to trust instead of the common ones, where the archive has one of an own authority.
    timeout_s : float
        How long the archive may be silent.

    Raises
    ------
    MedsegError
        If a value makes no sense.
    """

    name: str
    url: str
    qido: str = ""
    wado: str = ""
    stow: str = ""
    authentication: Authentication = "none"
    user: str = ""
    ca_bundle: Path | None = None
    timeout_s: float = 30.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "url", self.url.strip().rstrip("/"))
        for field in ("qido", "wado", "stow"):
            object.__setattr__(self, field, getattr(self, field).strip().strip("/"))
        if not self.name.strip():
            raise MedsegError("The server has no name.", "Give it one, such as the name of the hospital.")
        if self.authentication not in get_args(Authentication):
            raise MedsegError(f"{self.authentication} is no way to log in.", "Choose none, basic or token.")
        if self.authentication == "basic" and not self.user:
            raise MedsegError("A login by password needs a user.", "Name the user.")
        if not 0 < self.timeout_s <= 3600:
            raise MedsegError("The server must be given between 0 and 3,600 seconds to answer.", "30 is common.")
        self._check_url()

    def _check_url(self) -> None:
        hint = "It looks like https://pacs.example.org/dicom-web."
        try:
            parts = urlsplit(self.url)
            port = parts.port
        except ValueError:
            raise MedsegError("The URL of the server is not valid.", hint) from None
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise MedsegError("The URL of the server must start with https:// and a name.", hint)
        if parts.username is not None or parts.password is not None:
            raise MedsegError("The URL holds a user or password.", "Leave them out; the password goes to the keyring.")
        if parts.query or parts.fragment:
            raise MedsegError("The URL of the server must end with a path.", hint)

    @property
    def host(self) -> str:
        """The name or address in the URL."""
        return urlsplit(self.url).hostname or ""

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is by TLS."""
        return urlsplit(self.url).scheme == "https"

    @property
    def is_loopback(self) -> bool:
        """Whether it runs on this computer."""
        return self.host in _LOOPBACK

    @property
    def caution(self) -> str:
        """What the user should know before connecting, in one sentence; empty if there is nothing to say."""
        if self.is_encrypted or self.is_loopback:
            return ""
        what = "Images" if self.authentication == "none" else "Images and the login"
        return f"{what} travel to and from {self.host} unencrypted: use https:// if the server has it."


@dataclass(frozen=True)
class StudyQuery:
    """What to look for. Empty values match everything; texts may hold the wildcards * and ?.

    Parameters
    ----------
    patient_name : str
        Family name first, as in "Doe^Jane" or "Doe, Jane"; without a wildcard the beginning of the name is enough.
    patient_id : str
        The whole number, unless there are wildcards.
    date_from, date_to : datetime.date or None
        Of the study, both included.
    modality : str
        Such as "CT".
    description : str
        Of the study; without a wildcard any part of it is enough.
    limit : int
        Most studies of an answer.
    offset : int
        Studies to pass over: those of the pages before.

    Raises
    ------
    MedsegError
        If the dates are the wrong way round, or the page is too long.
    """

    patient_name: str = ""
    patient_id: str = ""
    date_from: date | None = None
    date_to: date | None = None
    modality: str = ""
    description: str = ""
    limit: int = 100
    offset: int = 0

    def __post_init__(self) -> None:
        if self.date_from is not None and self.date_to is not None and self.date_from > self.date_to:
            raise MedsegError("The search ends before it starts.", "Exchange the two dates.")
        if not 1 <= self.limit <= _LONGEST_PAGE or self.offset < 0:
            raise MedsegError(f"A search answers with 1 to {_LONGEST_PAGE:,} studies.", "Ask for another number.")


@dataclass(frozen=True)
class RemoteStudy:
    """A study in the archive. What the archive does not tell is empty or None.

    Patient name and number are for the user's eyes alone, as in `Series`.

    Parameters
    ----------
    uid : str
        StudyInstanceUID.
    patient_name, patient_id, date, description : str
        As the archive tells; date as "2026-03-02".
    modalities : tuple of str
        Of its series.
    n_series, n_images : int or None
        How many it holds.
    """

    uid: str
    patient_name: str = ""
    patient_id: str = ""
    date: str = ""
    description: str = ""
    modalities: tuple[str, ...] = ()
    n_series: int | None = None
    n_images: int | None = None


@dataclass(frozen=True)
class StudyPage:
    """Some of the studies that were looked for.

    Parameters
    ----------
    studies : tuple of RemoteStudy
        In the order of the archive.
    next_offset : int or None
        Where the next page starts; None if this is the last.
    """

    studies: tuple[RemoteStudy, ...]
    next_offset: int | None = None


@dataclass(frozen=True)
class RemoteSeries:
    """A series in the archive. What the archive does not tell is empty or None.

    Parameters
    ----------
    uid, study_uid : str
        SeriesInstanceUID and StudyInstanceUID.
    number : int or None
        SeriesNumber.
    modality, description : str
        DICOM's words.
    n_images : int or None
        How many images, or other objects, it holds.
    """

    uid: str
    study_uid: str
    number: int | None = None
    modality: str = ""
    description: str = ""
    n_images: int | None = None


@dataclass(frozen=True)
class StoreOutcome:
    """What became of a file that was sent.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    is_stored : bool
        Whether the archive has it.
    reason : str
        Why not, or what the archive changed in it; empty if there is nothing to say.
    """

    path: Path
    is_stored: bool
    reason: str = ""
