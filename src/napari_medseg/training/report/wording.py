"""Numbers as a report and a terminal show them, and what is said of the training data."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.models.card import ModelCard
    from napari_medseg.training.report.results import ModelResult
    from napari_medseg.training.report.summary import Measured

_GENERAL_WORDS: Final = frozenset("a and data dataset file folder images labels masks of set test the train".split())


def quality(value: float, unit: str = "") -> str:
    """Return a measured value: three digits for a share, one for a distance; a dash if there is none."""
    if not math.isfinite(value):
        return "–"
    return f"{value:.1f} {unit}" if unit else f"{value:.3f}"


def interval(measured: Measured) -> str:
    """Return the ends of an interval."""
    if not math.isfinite(measured.low):
        return ""
    digits = 1 if measured.unit else 3
    return f"{measured.low:.{digits}f} to {measured.high:.{digits}f}"


def seconds(value: float) -> str:
    """Return a duration with two digits that count."""
    if not math.isfinite(value):
        return "–"
    return f"{value * 1000:.0f} ms" if value < 0.1 else f"{value:.2f} s" if value < 10 else f"{value:.0f} s"


def size(n_bytes: int) -> str:
    """Return a number of bytes."""
    if not n_bytes:
        return "–"
    return f"{n_bytes / 1e9:.2f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.3g} MB"


def count(number: int) -> str:
    """Return a large number."""
    if number >= 1_000_000:
        return f"{number / 1e6:.1f} M"
    return f"{number / 1e3:.0f} k" if number >= 10_000 else str(number)


def cases_of_patients(n_cases: int, n_patients: int) -> str:
    """Return "97 cases of 90 patients"."""
    cases = "1 case" if n_cases == 1 else f"{n_cases} cases"
    return f"{cases} of {'1 patient' if n_patients == 1 else f'{n_patients} patients'}"


def shown_names(names: Sequence[str]) -> dict[str, str]:
    """Return what cases are called in a report: without their folders, which may bear a patient's name.

    Parameters
    ----------
    names : sequence of str
        Paths in the folder of the data, no two alike.

    Returns
    -------
    dict of str to str
        By path: the last part of it, with a number behind it where several end alike.
    """
    counts = Counter(map(_last_part, names))
    numbers: Counter[str] = Counter()
    answer = {}
    for name in names:
        last = _last_part(name)
        numbers[last] += 1
        answer[name] = last if counts[last] == 1 else f"{last} ({numbers[last]})"
    return answer


def _last_part(name: str) -> str:
    return name.rsplit("/", 1)[-1]


def has_seen(card: ModelCard, data_names: Sequence[str]) -> bool:
    """Whether the card names these data, by any of their names, among those that the model was trained on."""
    wanted = [_words(name) for name in data_names]
    named = [_words(source.name) for source in card.training]
    return any(words <= known or known <= words for words in wanted for known in named if words and known)


def seen_statement(model: ModelResult, data_names: Sequence[str]) -> str:
    """Return what is known of the model's having seen the cases, in a sentence or two."""
    if not model.folds:
        return _training_statement(model.card, data_names)
    return (
        f"Cross-validated: {len(model.folds)} models of one recipe, each measured on the cases that were kept from its "
        "training. Time, memory and size are those of one of them. A model trained on all cases is not measured here."
    )


def _training_statement(card: ModelCard, data_names: Sequence[str]) -> str:
    if not card.training:
        return "Its card does not say what it was trained on: the values may be of cases that it has seen."
    named = "; ".join(source.name for source in card.training)
    if has_seen(card, data_names):
        return (
            f"Its card names these data as training data ({named}): it may have been trained on these very cases, and "
            "the values are no proof of how it does on others."
        )
    return f"Its card names as training data: {named}. Cases that are among them make the values too good."


def _words(name: str) -> set[str]:
    """Return the words of a name that tell it from others."""
    return set(re.findall(r"[a-z]+|\d+", name.casefold())) - _GENERAL_WORDS
