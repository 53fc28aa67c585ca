"""Labels of nnU-Net's dataset.json: classes, or regions that lie in each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from napari_medseg.models.foreign.refusal import not_in_order
from napari_medseg.models.foreign.words import label_values


@dataclass(frozen=True)
class Labels:
    """What the channels of an nnU-Net network mean.

    Parameters
    ----------
    values : list of dict
        Labels as on a card, in the order of the channels.
    has_regions : bool
        Whether each channel is a region, with none for the background.
    """

    values: list[dict[str, Any]]
    has_regions: bool

    @property
    def n_channels(self) -> int:
        """Channels of the network's output."""
        return len(self.values) + (0 if self.has_regions else 1)


def read_labels(dataset: dict[str, Any]) -> Labels:
    """Read the labels as nnU-Net's ``LabelManager`` does.

    Raises
    ------
    MedsegError
        If they are not in order.
    """
    named = dataset.get("labels")
    if not isinstance(named, dict) or not named:
        raise not_in_order("its dataset.json has no labels")
    named = {str(name): value for name, value in named.items() if name != "ignore" and not _is_background(value)}
    if any(isinstance(value, list) and len(value) > 1 for value in named.values()):
        order = dataset.get("regions_class_order")
        if not isinstance(order, list) or len(order) != len(named):
            raise not_in_order("its regions have no order")
        return Labels(label_values(zip(map(_number, order), named, strict=True)), True)
    classes = sorted((_number(value), name) for name, value in named.items())
    if [value for value, _ in classes] != list(range(1, len(classes) + 1)):
        raise not_in_order("its labels are not 1, 2, 3 and so on")
    return Labels(label_values(classes), False)


def _is_background(value: Any) -> bool:
    return value == 0 or (isinstance(value, list) and bool(value) and all(part == 0 for part in value))


def _number(value: Any) -> int:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 60_000:
        raise not_in_order(f"'{str(value)[:40]}' is no label")
    return value
