"""Which class of the data is which label of a model."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.models.card import ModelCard


@dataclass(frozen=True)
class ClassPair:
    """A class that data and model share.

    Parameters
    ----------
    name : str
        As the data call it.
    reference : int
        Its label in the data, from 1.
    found : int
        Its label in the model's card.
    """

    name: str
    reference: int
    found: int


def pair_classes(card: ModelCard, classes: Sequence[str]) -> tuple[ClassPair, ...]:
    """Pair the classes of the data with the labels of a model, by their names.

    Upper and lower case, the order of words and signs between them make no difference. A single class and a single
    label are a pair whatever they are called.

    Raises
    ------
    MedsegError
        If they have nothing in common.
    """
    labels = {_words(label.name): label.value for label in card.labels}
    pairs = tuple(
        ClassPair(name, number, labels[_words(name)])
        for number, name in enumerate(classes, start=1)
        if _words(name) in labels
    )
    if not pairs and len(classes) == 1 == len(card.labels):
        return (ClassPair(classes[0], 1, card.labels[0].value),)
    if not pairs:
        found = ", ".join(label.name for label in card.labels)
        raise MedsegError(
            f"{card.name} finds {found}; the data show {', '.join(classes) or 'no classes'}.",
            "Name the classes in the description of the data as the model does.",
        )
    return pairs


def _words(name: str) -> tuple[str, ...]:
    return tuple(sorted(re.findall(r"\w+", name.casefold())))
