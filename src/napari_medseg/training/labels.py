"""The labels of a result as those of the model's card, or of the data: of a detector each finding has its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_medseg.core.segmentation import Segment
    from napari_medseg.models.card import ModelCard

_NUMBER = re.compile(r" \d+$")


def card_labels(card: ModelCard, segments: Iterable[Segment]) -> dict[int, int]:
    """Return the card's label of each label in a result.

    Each finding of a detector has a label of its own and is called like the card's label, with a number behind it if
    there are several.
    """
    if card.task == "semantic":
        return {label.value: label.value for label in card.labels}
    by_name = {label.name: label.value for label in card.labels}
    values = {s.label: by_name.get(s.name, by_name.get(_NUMBER.sub("", s.name), 0)) for s in segments}
    return {label: value for label, value in values.items() if value}


def relabelled(array: npt.NDArray[np.unsignedinteger], meanings: dict[int, int]) -> npt.NDArray[np.uint8]:
    """Return a label array with other labels: `meanings` gives the new one of each; those it lacks become 0."""
    table = np.zeros(int(array.max(initial=0)) + 1, dtype=np.uint8)
    for label, meaning in meanings.items():
        if label < table.size:
            table[label] = meaning
    renamed: npt.NDArray[np.uint8] = table[array]
    return renamed
