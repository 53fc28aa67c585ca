"""A MONAI configuration read as data: references are followed, expressions are not run.

MONAI's own parser imports and calls what ``_target_`` names, and evaluates what begins with ``$``, before anybody can
be asked. Here both stay words until the user has said yes.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import Any

from napari_medseg.models.foreign.refusal import cannot_translate, not_in_order

_REFERENCE = re.compile(r"^@([A-Za-z_]\w*(?:(?:::|#)\w+)*)$")
_SEPARATOR = re.compile(r"::|#")
_DEEPEST = 40
_MOST_VALUES = 200_000
"""References can make a few lines very many values, as YAML's aliases can."""


@dataclass(frozen=True)
class Expression:
    """Code that would have to run for its value."""

    code: str


@dataclass
class Configuration:
    """A MONAI configuration.

    Parameters
    ----------
    values : dict
        As `read_document` gives it.
    evaluated : dict
        Values of expressions that the user has allowed to run, by their code.
    """

    values: dict[str, Any]
    evaluated: dict[str, Any] = field(default_factory=dict)

    _seen: int = field(default=0, init=False, repr=False)

    def get(self, name: str) -> Any:
        """Return a value with all references followed; None if there is none. What needs code is an `Expression`.

        Raises
        ------
        MedsegError
            If a reference leads nowhere, in a circle, or to another file.
        """
        self._seen = 0
        return self._resolved(self.values[name], 0) if name in self.values else None

    def _resolved(self, value: Any, depth: int) -> Any:
        self._seen += 1
        if depth > _DEEPEST:
            raise not_in_order("its configuration refers to itself")
        if self._seen > _MOST_VALUES:
            raise not_in_order("its configuration holds too many values")
        if isinstance(value, dict):
            return {key: self._resolved(part, depth + 1) for key, part in value.items()}
        if isinstance(value, list):
            return [self._resolved(part, depth + 1) for part in value]
        if isinstance(value, str):
            return self._of_text(value, depth)
        return value

    def _of_text(self, value: str, depth: int) -> Any:
        if value.startswith("%"):
            raise cannot_translate(f"the value '{value[:80]}', which is taken from another place,")
        if value.startswith("@") and not _REFERENCE.match(value):
            raise not_in_order(f"'{value[:80]}' is no reference")
        if value.startswith("$"):
            code = value[1:].strip()
            if not _REFERENCE.match(code):
                return self._of_code(code)
            value = code
        if value.startswith("@"):
            return self._resolved(self._at(value[1:]), depth + 1)
        return value

    def _of_code(self, code: str) -> Any:
        """Return the value of code that is only a value, such as ``None`` or ``[96, 96]``; others are not run."""
        if code in self.evaluated:
            return self.evaluated[code]
        try:
            value = ast.literal_eval(code)
        except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
            return Expression(code)
        plain = isinstance(value, str | int | float | bool | list | dict | None) or isinstance(value, tuple)
        return list(value) if isinstance(value, tuple) else value if plain else Expression(code)

    def _at(self, reference: str) -> Any:
        found: Any = self.values
        for part in _SEPARATOR.split(reference):
            if isinstance(found, dict) and part in found:
                found = found[part]
            elif isinstance(found, list) and part.isdecimal() and int(part) < len(found):
                found = found[int(part)]
            else:
                raise not_in_order(f"its configuration refers to '{reference}', which is not there")
        return found


def expressions_in(value: Any) -> list[str]:
    """Return the code of all expressions in a value, in order."""
    if isinstance(value, Expression):
        return [value.code]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [code for part in parts for code in expressions_in(part)]
