"""Find images that are stored twice."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import fields
from operator import attrgetter
from typing import TYPE_CHECKING

from napari_medseg.io.dicom.instance import Instance

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

_OWN_FACTS = frozenset({"path", "sop_instance_uid", "instance_number", "pixels_at", "content_at"})
_facts = attrgetter(*(f.name for f in fields(Instance) if f.name not in _OWN_FACTS))


def drop_duplicates(instances: Sequence[Instance]) -> tuple[list[Instance], str]:
    """Keep one of every image that is there twice.

    An image is a duplicate if its header says the same and it has the same SOPInstanceUID, or, under another UID,
    the very same stored pixels. Pixels are read only where two headers agree in everything else, and not of files of
    several frames.

    Parameters
    ----------
    instances : sequence of Instance
        Images of one series.

    Returns
    -------
    list of Instance
        In the order given, by path.
    str
        A note for the user; empty if nothing was dropped.
    """
    kept: list[Instance] = []
    seen: dict[Hashable, list[Instance]] = defaultdict(list)
    for instance in sorted(instances, key=lambda item: str(item.path)):
        twins = seen[_facts(instance)]
        if any(_is_same_image(instance, twin) for twin in twins):
            continue
        twins.append(instance)
        kept.append(instance)
    dropped = len(instances) - len(kept)
    if dropped == 0:
        return kept, ""
    what = "1 image is" if dropped == 1 else f"{dropped} images are"
    return kept, f"{what} stored twice; one of each is used."


def _is_same_image(one: Instance, other: Instance) -> bool:
    if one.sop_instance_uid and one.sop_instance_uid == other.sop_instance_uid:
        return True
    if not one.is_placed or one.n_frames > 1:
        return False
    return _stored_pixels(one) == _stored_pixels(other)


def _stored_pixels(instance: Instance) -> bytes:
    length = instance.pixels_length
    with instance.path.open("rb") as file:
        file.seek(instance.pixels_at)
        return file.read(length if length >= 0 else -1)
