"""The archives that the user knows, in a file of settings; without secrets."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import platformdirs

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.pacs import PacsServer
from napari_medseg.io.atomic import atomic_write

_FIELDS = frozenset(field.name for field in fields(PacsServer))


def settings_file() -> Path:
    """Return where the servers of the user are kept."""
    return Path(platformdirs.user_config_dir("napari-medseg", appauthor=False)) / "pacs.json"


def read_servers(file: Path | None = None) -> list[PacsServer]:
    """Return the servers that are kept, in their order; an entry that makes no sense is passed over.

    Raises
    ------
    MedsegError
        If the file is there and cannot be read.
    """
    place = file or settings_file()
    try:
        entries = json.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError):
        raise MedsegError(f"The settings in {place} cannot be read.", "Repair or delete that file.") from None
    found = []
    for entry in entries if isinstance(entries, list) else []:
        with suppress(MedsegError, TypeError, ValueError, AttributeError):
            found.append(_from_entry(entry))
    return found


def find_server(name: str, file: Path | None = None) -> PacsServer:
    """Return the server of a name.

    Raises
    ------
    MedsegError
        If there is none.
    """
    servers = read_servers(file)
    for server in servers:
        if server.name == name:
            return server
    known = ", ".join(server.name for server in servers)
    raise MedsegError(f"No server is called {name}.", f"There are: {known}." if known else "Add one first.")


def keep_server(server: PacsServer, file: Path | None = None) -> None:
    """Keep a server; one of the same name is replaced.

    Raises
    ------
    MedsegError
        If the settings cannot be read or written.
    """
    servers = read_servers(file)
    names = [one.name for one in servers]
    if server.name in names:
        servers[names.index(server.name)] = server
    else:
        servers.append(server)
    _write(servers, file)


def remove_server(name: str, file: Path | None = None) -> PacsServer:
    """Forget the server of a name and return it, so that its secret can be removed too; raises as `find_server`."""
    server = find_server(name, file)
    _write([one for one in read_servers(file) if one.name != name], file)
    return server


def _from_entry(entry: dict[str, Any]) -> PacsServer:
    values = {name: value for name, value in entry.items() if name in _FIELDS}
    values["ca_bundle"] = Path(values["ca_bundle"]) if values.get("ca_bundle") else None
    return PacsServer(**values)


def _write(servers: list[PacsServer], file: Path | None) -> None:
    place = file or settings_file()
    entries = [asdict(server) | {"ca_bundle": str(server.ca_bundle or "")} for server in servers]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MedsegError(f"The folder for settings cannot be made ({error.strerror}).", "Check its rights.") from error
    with atomic_write(place) as temporary:
        temporary.write_text(json.dumps(entries, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
