"""Passwords and tokens: from the keyring of the system, or typed and known until the program ends."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, TypeVar

from napari_medseg.core import MedsegError
from napari_medseg.gui.pacs.archives import real_archives

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_medseg.core.pacs import PacsServer
    from napari_medseg.gui.pacs.archives import Archives

T = TypeVar("T")

_REFUSED = 401


class LoginNeeded(MedsegError):
    """The user has to be asked for a password or token.

    Parameters
    ----------
    server : PacsServer
        Of which server.
    reason : str
        Why, in one sentence.
    may_keep : bool
        Whether the system has a keyring to put it into.
    """

    def __init__(self, server: PacsServer, reason: str, *, may_keep: bool = True) -> None:
        super().__init__(reason, "Log in to go on.")
        self.server = server
        self.reason = reason
        self.may_keep = may_keep


class Logins:
    """What opens the servers. `call` is for threads: a keyring may wait for the user to unlock it.

    Parameters
    ----------
    archives : Archives
        Which keep secrets in the keyring.

    Attributes
    ----------
    trouble : str
        Why the last login could not be put into the keyring.
    """

    def __init__(self, archives: Archives) -> None:
        self._archives = archives
        self._typed: dict[tuple[str, str], str] = {}
        self._to_keep: set[tuple[str, str]] = set()
        self.trouble = ""

    def take(self, server: PacsServer, secret: str, *, keep: bool) -> None:
        """Use a secret until the program ends; `keep` puts it into the keyring once the server has accepted it."""
        self._typed[_key(server)] = secret
        (self._to_keep.add if keep else self._to_keep.discard)(_key(server))

    def drop(self, server: PacsServer) -> None:
        """Forget what was typed for a server."""
        self._typed.pop(_key(server), None)
        self._to_keep.discard(_key(server))

    def secret_of(self, server: PacsServer) -> str | None:
        """Return the password or token of a server; None if it asks for none.

        Raises
        ------
        LoginNeeded
            If it is not known.
        """
        if server.authentication == "none":
            return None
        if (typed := self._typed.get(_key(server))) is not None:
            return typed
        try:
            kept = self._archives.read_secret(server)
        except MedsegError as error:
            raise LoginNeeded(server, error.message, may_keep=False) from error
        if not kept:
            raise LoginNeeded(server, f"{server.name} asks for a login.")
        return kept

    def call(self, server: PacsServer, ask: Callable[[str | None], T]) -> T:
        """Return what ``ask(secret)`` returns.

        Raises
        ------
        LoginNeeded
            If the secret is not known, or the server does not accept it.
        MedsegError
            If anything else fails.
        """
        from napari_medseg.io.dicom.web.faults import PacsError

        secret = self.secret_of(server)
        try:
            answer = ask(secret)
        except PacsError as error:
            if error.status != _REFUSED or secret is None:
                raise
            self.drop(server)
            raise LoginNeeded(server, error.message) from error
        self._keep(server)
        return answer

    def _keep(self, server: PacsServer) -> None:
        key = _key(server)
        if key not in self._to_keep:
            return
        self._to_keep.discard(key)
        try:
            self._archives.keep_secret(server, self._typed[key])
        except MedsegError as error:
            self.trouble = f"{error.message} The login is known until napari is closed."


@cache
def shared_logins() -> Logins:
    """Return the logins that all panels of the program share."""
    return Logins(real_archives())


def _key(server: PacsServer) -> tuple[str, str]:
    """By URL: a login never goes to a server of the same name elsewhere."""
    return server.url, server.user
