"""Which code of a MONAI bundle may be asked for: code that can be shown whole, and that brings no other with it."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.foreign.refusal import cannot_translate

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_LEADS_ELSEWHERE = ("@", "%")
"""With these MONAI's parser puts in, and runs, other parts of the configuration or other files."""


@dataclass(frozen=True)
class Code:
    """Code that a bundle needs: all of it, word for word.

    Parameters
    ----------
    imports : tuple of str
        One import statement each.
    codes : tuple of str
        Expressions whose values are needed.
    """

    imports: tuple[str, ...]
    codes: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """What is shown to the user."""
        return (*self.imports, *self.codes)


def needed_code(folder: Path, imports: Any, codes: Sequence[str]) -> Code:
    """Return the code that a bundle needs, if all that would run can be shown.

    Parameters
    ----------
    folder : Path
        The bundle.
    imports : Any
        What its configuration says under ``imports``.
    codes : sequence of str
        Expressions, without the leading ``$``.

    Raises
    ------
    MedsegError
        If code refers to other parts of the configuration, or something other than plain import statements of
        installed packages stands among the imports.
    """
    for code in codes:
        if any(mark in code for mark in _LEADS_ELSEWHERE):
            raise cannot_translate(f"the code '{code[:80]}', which takes in other parts of the configuration,")
    lines = [] if imports is None else imports
    if not isinstance(lines, list) or not all(isinstance(line, str) and line.startswith("$") for line in lines):
        raise cannot_translate("what it imports, which is no list of import statements,")
    plain = tuple(line[1:].strip() for line in lines)
    for line in plain:
        _require_import(line, folder)
    return Code(plain, tuple(dict.fromkeys(codes)))


def code_sha256(lines: Sequence[str]) -> str:
    """Return a checksum of code as it was shown, by which a yes is a yes to this code and no other."""
    return hashlib.sha256("\0".join(lines).encode("utf-8", "surrogatepass")).hexdigest()


def require_shown(lines: Sequence[str], sha256: str) -> None:
    """Require that code is what the user has seen.

    Raises
    ------
    MedsegError
        If it is other code.
    """
    if code_sha256(lines) != sha256:
        raise MedsegError("The model's code is not the code that was shown.", "Look at it again; nothing has run.")


def _require_import(line: str, folder: Path) -> None:
    try:
        statements = ast.parse(line).body
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        statements = []
    statement = statements[0] if len(statements) == 1 else None
    if any(mark in line for mark in _LEADS_ELSEWHERE) or not isinstance(statement, ast.Import | ast.ImportFrom):
        raise cannot_translate(f"'{line[:80]}', which is no import statement,")
    if isinstance(statement, ast.ImportFrom):
        names = [statement.module or ""] if not statement.level else [""]
    else:
        names = [alias.name for alias in statement.names]
    for name in names:
        first = name.partition(".")[0]
        if not first or (folder / first).exists() or (folder / f"{first}.py").exists():
            raise cannot_translate(f"'{line[:80]}', which runs programs that come with the model,")
