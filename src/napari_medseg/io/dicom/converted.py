"""What a conversion of classic images into one multi-frame file left without a place (PS3.3 C.7.6.16.2.25)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydicom.dataset import Dataset


def with_converted(dataset: Dataset) -> Dataset:
    """Add to a header what a legacy conversion kept of all classic images alike, where it does not tell itself.

    Parameters
    ----------
    dataset : Dataset
        The header of a file; changed in place.

    Returns
    -------
    Dataset
        The same one.

    Raises
    ------
    ValueError and the others of `file_header.UNREADABLE`
        If the sequences are damaged.
    """
    for shared in dataset.get("SharedFunctionalGroupsSequence") or ():
        for kept in shared.get("UnassignedSharedConvertedAttributesSequence") or ():
            for tag in kept.keys():
                if tag not in dataset:
                    dataset[tag] = kept.get_item(tag)
    return dataset
