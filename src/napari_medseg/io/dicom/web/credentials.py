"""Passwords and tokens in the keyring of the system: Windows Credential Locker, macOS Keychain, Secret Service."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari_medseg.core.pacs import PacsServer

_TOKEN = "token"


def read_secret(server: PacsServer) -> str | None:
    """Return the password or token of a server; None if none is kept.

    Raises
    ------
    MedsegError
        If the system has no keyring, or it stays locked.
    """
    with _keyring():
        import keyring

        return keyring.get_password(_place(server), _user(server))


def keep_secret(server: PacsServer, secret: str) -> None:
    """Keep the password or token of a server; raises as `read_secret`."""
    with _keyring():
        import keyring

        keyring.set_password(_place(server), _user(server), secret)


def forget_secret(server: PacsServer) -> None:
    """Remove the password or token of a server, if there is one; raises as `read_secret`."""
    with _keyring():
        import keyring

        try:
            keyring.delete_password(_place(server), _user(server))
        except keyring.errors.PasswordDeleteError:
            return  # there is none


def _place(server: PacsServer) -> str:
    """Return the name of the entry: by URL, so that a login never goes to a server of the same name elsewhere."""
    return f"napari-medseg {server.url}"


def _user(server: PacsServer) -> str:
    return server.user or _TOKEN


@contextmanager
def _keyring() -> Iterator[None]:
    from keyring.errors import KeyringError, NoKeyringError

    try:
        yield
    except NoKeyringError:
        raise MedsegError(
            "This system has no keyring to keep the login in.",
            "Enter it each time, or install one, such as GNOME Keyring or KWallet.",
        ) from None
    except KeyringError:
        raise MedsegError("The keyring of the system did not open.", "Unlock it and try again.") from None
