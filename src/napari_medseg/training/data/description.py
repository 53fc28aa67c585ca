"""Where labelled data lie, as a recipe tells it: one typed description for each way of keeping them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    from collections.abc import Mapping

Verdict = Literal["positive", "negative", "weak negative"]
"""What a table says of an image: with findings, without, or probably without by labels of a lesser kind."""

Text = Annotated[str, Field(min_length=1)]


class DataPart(BaseModel):
    """Base of all parts: immutable, unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class CaseTable(DataPart):
    """A CSV file with a row for each image; images that it does not list are no cases.

    Parameters
    ----------
    file : str
        Path under the data folder.
    image : str
        Column with the image's file name (its suffix may be missing).
    patient : str or None
        Column that tells patients apart.
    same_for_patient : tuple of str
        Columns, such as sex or year of birth, in which all images of a patient must agree.
    label : str or None
        Column that says whether an image has findings, in the words of the next three.
    positive, negative, weak_negative : tuple of str
        What the column says of images with findings, without, and probably without.
    """

    file: Text
    image: Text = "image"
    patient: Text | None = "patient"
    same_for_patient: tuple[Text, ...] = ()
    label: Text | None = None
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()
    weak_negative: tuple[str, ...] = ()

    @property
    def verdicts(self) -> dict[str, Verdict]:
        """What each word of the label column means."""
        words: dict[str, Verdict] = dict.fromkeys(self.positive, "positive")
        return words | dict.fromkeys(self.negative, "negative") | dict.fromkeys(self.weak_negative, "weak negative")

    @model_validator(mode="after")
    def _words_go_with_a_column(self) -> Self:
        words = (*self.positive, *self.negative, *self.weak_negative)
        if bool(words) != (self.label is not None):
            raise ValueError("a label column and its words go together")
        if len(set(words)) < len(words):
            raise ValueError("a word of the label column has two meanings")
        return self


class LabelledData(DataPart):
    """What all kinds share.

    The patient of an image is told by the table; else by the first group of `patient_pattern`, searched in the
    image's name without suffix; else by a DICOM header; else every image is a patient of its own.

    Parameters
    ----------
    images : str
        Folder under the data folder, searched at any depth.
    table : CaseTable or None
        Which images are cases, and what is known of them.
    patient_pattern : str or None
        A regular expression with a group.
    """

    images: Text = "images"
    table: CaseTable | None = None
    patient_pattern: Text | None = None

    @model_validator(mode="after")
    def _patients_are_told_one_way(self) -> Self:
        if self.patient_pattern is None:
            return self
        if self.table is not None and self.table.patient is not None:
            raise ValueError("the patient is told by the table or by a pattern, not by both")
        try:
            groups = re.compile(self.patient_pattern).groups
        except re.error as error:
            raise ValueError(f"the pattern of patients is no regular expression ({error})") from error
        if not groups:
            raise ValueError("the pattern of patients has no group")
        return self


class MaskFolders(LabelledData):
    """Images and masks of the same name: PNG, TIFF, DICOM, NIfTI, and JPEG for images, in any mixture.

    Parameters
    ----------
    masks : tuple of str
        One folder of label images, in which each value is a class; or a folder for each class, in which everything
        but 0 is of it.
    classes : tuple of str
        What is labelled; the first becomes label 1 and so on.
    values : tuple of int
        The value of each class in the label images; 1, 2 … if left out.
    mask_ending : str
        What a mask's name has after the image's, before the suffix, such as "_mask".
    folders_are_cases : bool
        Whether each folder in `images` is one case (a DICOM series); then each mask is called like a folder.
    empty_masks_allowed : bool
        Whether a mask without a labelled pixel, or the lack of a class's own mask, says "no finding"; else it is
        reported. Images that the table calls negative need no mask.
    """

    kind: Literal["masks"] = "masks"
    masks: tuple[Text, ...] = ("masks",)
    classes: tuple[Text, ...] = Field(min_length=1)
    values: tuple[Annotated[int, Field(ge=1)], ...] = ()
    mask_ending: str = ""
    folders_are_cases: bool = False
    empty_masks_allowed: bool = False

    @model_validator(mode="after")
    def _folders_and_values_fit_the_classes(self) -> Self:
        _check_classes(self.classes)
        if len(self.masks) not in (1, len(self.classes)):
            raise ValueError("there is one folder of masks, or one for each class")
        if self.values and (len(self.masks) > 1 or len(set(self.values)) != len(self.classes)):
            raise ValueError("there is a value of its own for each class, in a single folder of masks")
        return self

    @property
    def one_folder_a_class(self) -> bool:
        """Whether a mask's folder tells its class, not its values."""
        return len(self.masks) > 1

    @property
    def labels_of_values(self) -> dict[int, int]:
        """The label of each value of the label images."""
        values = self.values or range(1, len(self.classes) + 1)
        return {value: label for label, value in enumerate(values, start=1)}


class BoxTable(LabelledData):
    """A CSV file with a row for each box: image, top left corner, width and height in pixels.

    Images without a row have no findings. An image that the table calls positive must have one.

    Parameters
    ----------
    boxes : str
        Path under the data folder.
    image, x, y, width, height : str
        Names of the columns.
    class_column : str or None
        Column with the class; may be left out if there is only one class.
    classes : tuple of str
        What is boxed; the first becomes label 1 and so on.
    """

    kind: Literal["boxes"] = "boxes"
    boxes: Text = "boxes.csv"
    image: Text = "image"
    x: Text = "x"
    y: Text = "y"
    width: Text = "width"
    height: Text = "height"
    class_column: Text | None = None
    classes: tuple[Text, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _several_classes_need_a_column(self) -> Self:
        _check_classes(self.classes)
        if len(self.classes) > 1 and self.class_column is None:
            raise ValueError("several classes need a column that tells them apart")
        return self


class RsnaTable(LabelledData):
    """The RSNA Pneumonia Detection Challenge 2018: patientId, x, y, width, height, Target; images patientId.dcm.

    The boxes' file lists every image, those without findings as Target 0 without a box. Its patientId is of an image:
    a table tells which images are of one patient.
    """

    kind: Literal["rsna"] = "rsna"
    images: Text = "stage_2_train_images"
    boxes: Text = "stage_2_train_labels.csv"
    classes: tuple[Text] = ("lung opacity",)


class CocoFile(LabelledData):
    """COCO JSON: boxes, with polygons or run lengths where there are any. Images without annotation have no findings.

    Parameters
    ----------
    annotations : str
        Path under the data folder.
    classes : tuple of str
        Which categories to take, in the order of their labels; all in the order of their ids if left out.
    """

    kind: Literal["coco"] = "coco"
    annotations: Text = "annotations.json"
    classes: tuple[Text, ...] = ()

    @model_validator(mode="after")
    def _classes_differ(self) -> Self:
        _check_classes(self.classes)
        return self


DataDescription = Annotated[MaskFolders | BoxTable | RsnaTable | CocoFile, Field(discriminator="kind")]
"""Any of the descriptions; `kind` tells which: "masks", "boxes", "rsna" or "coco"."""


def parse_description(fields: Mapping[str, object]) -> DataDescription:
    """Make a description of what a recipe says.

    Parameters
    ----------
    fields : mapping
        As read from YAML or TOML.

    Raises
    ------
    MedsegError
        If a field is missing, unknown or wrong; the first one is named.
    """
    adapter: TypeAdapter[DataDescription] = TypeAdapter(DataDescription)
    try:
        return adapter.validate_python(dict(fields))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "kind"
        raise MedsegError(f"The description of the data is not in order ({where}: {first['msg']}).") from error


def _check_classes(classes: tuple[str, ...]) -> None:
    if len(set(classes)) < len(classes):
        raise ValueError("two classes have the same name")
    if len(classes) > 255:
        raise ValueError("there are more than 255 classes")
