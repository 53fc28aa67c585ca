"""Cases of images and masks of the same name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.training.data.case import CaseSet, LabelledCase, MaskFile
from napari_medseg.training.data.files import ImageFolder, image_folder
from napari_medseg.training.data.known import KnownImage, KnownImages

if TYPE_CHECKING:
    from pathlib import Path

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.training.data.description import MaskFolders


def read_mask_folders(
    description: MaskFolders,
    data: Path,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CaseSet:
    """Pair images with masks; see `read_cases`.

    Images that the table calls negative, for certain or probably, need no mask.
    """
    known = KnownImages(
        description,
        data,
        folders_are_cases=description.folders_are_cases,
        on_progress=on_progress,
        cancel=cancel,
    )
    folders = [image_folder(data / folder, cancel=cancel) for folder in description.masks]
    cases = tuple(_case(description, image, folders, known) for image in known.by_path.values())
    _note_masks_without_image(description, folders, known)
    return CaseSet(description.classes, cases, tuple(known.faults))


def _case(description: MaskFolders, image: KnownImage, folders: list[ImageFolder], known: KnownImages) -> LabelledCase:
    negative = image.verdict in ("negative", "weak negative")
    masks = []
    for label, folder in enumerate(folders, start=1):
        found = folder.named(image.name + description.mask_ending)
        if not found and not negative and not (description.one_folder_a_class and description.empty_masks_allowed):
            sentence = f"The case '{image.name}' has no mask in '{folder.path.name}'."
            known.note("missing mask", image.name, sentence)
        if found:
            masks.append(_mask(description, found[0], label))
        if len(found) > 1:
            known.note(
                "listed twice", image.name, f"The case '{image.name}' has several masks in '{folder.path.name}'."
            )
    return LabelledCase(
        image.name,
        image.path,
        image.patient,
        masks=tuple(masks),
        weak_negative=image.verdict == "weak negative",
        empty_allowed=negative or (description.empty_masks_allowed and image.verdict != "positive"),
        facts=image.facts,
    )


def _mask(description: MaskFolders, path: Path, label: int) -> MaskFile:
    if description.one_folder_a_class:
        return MaskFile(path, label=label)
    return MaskFile(path, labels=tuple(description.labels_of_values.items()))


def _note_masks_without_image(description: MaskFolders, folders: list[ImageFolder], known: KnownImages) -> None:
    if description.table is not None:
        return  # the table says which images are cases
    names = {image.name + description.mask_ending for image in known.by_path.values()}
    orphans = {folder.name_of(mask) for folder in folders for mask in folder.images} - names
    for name in sorted(orphans):
        case = name.removesuffix(description.mask_ending)
        if name.endswith(description.mask_ending):  # others may be of another kind
            known.note("missing image", case, f"The image of the case '{case}' is missing, and there is a mask of it.")
