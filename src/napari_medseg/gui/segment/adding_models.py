"""Looking at foreign models and adding them, beside the GUI thread.

What is read without a network library is read here, in a thread. Weights are taken over by the command line in a
process of its own: torch must not be imported where a viewer lives.
"""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from napari_medseg.core import Cancelled, MedsegError

if TYPE_CHECKING:
    from napari_medseg.core import CancelToken, ProgressCallback

_SECONDS_BETWEEN_LOOKS = 0.1
_SAYS = "napari-medseg: error: "


@dataclass(frozen=True)
class Told:
    """What is known of a model before it is added.

    Parameters
    ----------
    place : str
        Folder, file or address.
    title, kind, licence : str
        For the reader; a file that is still on the web has neither kind nor licence.
    labels, notes : tuple of str
        What it finds, and how it differs from its own program.
    size_bytes : int or None
        None if nobody tells.
    runs : tuple of str
        Code that would run.
    origin : str
        Host of a file on the web; of one that was fetched, its address and checksum.
    """

    place: str
    title: str
    kind: str = ""
    licence: str = ""
    labels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    size_bytes: int | None = None
    runs: tuple[str, ...] = ()
    origin: str = ""


class ModelAdder(Protocol):
    """Looks at models, fetches and adds them; a test brings its own."""

    def tell(self, place: str, on_progress: ProgressCallback, cancel: CancelToken) -> Told:
        """Read what a model is, or how large a file on the web is."""
        ...

    def fetch(self, told: Told, on_progress: ProgressCallback, cancel: CancelToken) -> Told:
        """Fetch a file from the web, and read what is in it."""
        ...

    def add(self, told: Told, run_code: bool, on_progress: ProgressCallback, cancel: CancelToken) -> str:
        """Add a model, and return its name in the catalogue."""
        ...


class RealAdder:
    """Adds models to the user's own."""

    def tell(self, place: str, on_progress: ProgressCallback, cancel: CancelToken) -> Told:
        """Read what a model is, or how large a file on the web is."""
        from napari_medseg.models.fetching import is_address, look_up
        from napari_medseg.models.foreign.adding import open_offer

        if is_address(place):
            remote = look_up(place)
            return Told(place, remote.name, size_bytes=remote.size_bytes, origin=remote.host)
        with open_offer(Path(place).expanduser(), None, on_progress, cancel) as offer:
            return Told(
                place,
                offer.title,
                offer.kind,
                offer.licence,
                offer.labels,
                offer.notes,
                offer.size_bytes,
                offer.runs,
            )

    def fetch(self, told: Told, on_progress: ProgressCallback, cancel: CancelToken) -> Told:
        """Fetch a file from the web, and read what is in it."""
        from napari_medseg.models.addresses import public_address
        from napari_medseg.models.fetching import fetch

        path, sha256 = fetch(told.place, on_progress=on_progress, cancel=cancel)
        here = self.tell(str(path), on_progress, cancel)
        return replace(here, origin=f"{public_address(told.place)}, SHA-256 {sha256}")

    def add(self, told: Told, run_code: bool, on_progress: ProgressCallback, cancel: CancelToken) -> str:
        """Add a model in a process of its own, and return its name in the catalogue."""
        from napari_medseg.models.fetching import forget
        from napari_medseg.models.foreign.code import code_sha256

        command = [sys.executable, "-m", "napari_medseg", "models", "add", told.place, "--yes", "--origin", told.origin]
        on_progress(0, 0, "Taking over the weights")
        process = subprocess.Popen(
            [*command, *(["--run-code", "--code-sha256", code_sha256(told.runs)] if run_code else [])],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        while True:
            try:
                _, written = process.communicate(timeout=_SECONDS_BETWEEN_LOOKS)
                break
            except subprocess.TimeoutExpired:
                if cancel.cancelled:
                    process.kill()
                    process.communicate()
                    raise Cancelled from None
        name = _outcome(process.returncode, written)
        if told.origin:
            forget(Path(told.place))
        return name


def _outcome(status: int, written: str) -> str:
    """Return the name of the model that was added, or raise what the command said."""
    lines = [line.strip() for line in written.replace("\r", "\n").splitlines() if line.strip()]
    added = [line.removeprefix("added ") for line in lines if line.startswith("added ")]
    if status == 0 and added:
        return added[-1]
    said = [line.removeprefix(_SAYS) for line in lines if line.startswith(_SAYS)]
    raise MedsegError(said[-1] if said else "The model could not be added.", "" if said else (lines or [""])[-1][:300])
