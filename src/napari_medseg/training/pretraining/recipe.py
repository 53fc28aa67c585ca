"""A recipe for pretraining a backbone, in one YAML file; recipes whose data are ``classes`` are of this kind."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from napari_medseg.models.card import DataSource, NetworkSpec
from napari_medseg.models.intensity_rule import IntensityRule
from napari_medseg.training.planes.recipe import AugmentationRecipe, PlanesPart, PlanesTraining, StartRecipe

Name = Annotated[str, Field(min_length=1)]


class ImageClasses(PlanesPart):
    """Folders of pictures, each of one class.

    Parameters
    ----------
    folders : dict of str to tuple of str
        Class to folders under the data folder.
    patient_pattern : str
        A regular expression with a group that tells the patient from the file's name without suffix.
    held_out : float
        Share of the patients that is not learnt from, to measure what was learnt.
    seed : int
        Of that choice.
    """

    kind: Literal["classes"] = "classes"
    folders: dict[Name, tuple[Name, ...]] = Field(min_length=2)
    patient_pattern: Name = "(.*)"
    held_out: float = Field(default=0.1, gt=0, lt=1)
    seed: int = 0


class PretrainingRecipe(PlanesPart):
    """A whole recipe.

    Parameters
    ----------
    name : str
        By which a training asks for the backbone.
    classes : ImageClasses
        The data.
    network : NetworkSpec
        A classifier; its backbone is kept, its head is not.
    start : StartRecipe
        The backbone's weights before.
    side : int
        Pixels of the longer side that images are resized to, and of the square canvas they are put on.
    sources : tuple of DataSource
        What is learnt from, for the cards of models that start from this backbone.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    classes: ImageClasses
    network: NetworkSpec
    start: StartRecipe = StartRecipe()
    side: int = Field(default=192, ge=32, le=1024)
    intensity: IntensityRule = IntensityRule(scope="volume")
    augmentation: AugmentationRecipe = AugmentationRecipe()
    training: PlanesTraining
    sources: tuple[DataSource, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.network.family != "classifier" or self.network.in_channels != 1:
            raise ValueError("the network is a classifier of one channel")
        if self.network.out_channels != len(self.classes.folders):
            raise ValueError("the network gives one channel for each class")
        if self.augmentation.mosaic:
            raise ValueError("a mosaic is for findings")
        return self
