"""A recipe for a click network."""

from __future__ import annotations

from itertools import accumulate
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_medseg.inference.clicks.maps import CHANNELS
from napari_medseg.models.card import InputSpec, NetworkSpec, PostprocessSpec
from napari_medseg.training.data.description import MaskFolders
from napari_medseg.training.recipe import CardWords, DataRecipe
from napari_medseg.training.schedule import Schedule, Stage


class ClicksPart(BaseModel):
    """Base of all parts: immutable, unknown fields are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Shares(ClicksPart):
    """How often a sample is of each kind; what there is none of is left out.

    Parameters
    ----------
    scenes : float
        Of made-up shapes.
    maps : float
        Of label maps without images.
    labelled : float
        Of images with labels.
    parts : float
        Of images without labels, in parts of like intensity.
    """

    scenes: float = Field(default=0.5, ge=0)
    maps: float = Field(default=0.2, ge=0)
    labelled: float = Field(default=0.15, ge=0)
    parts: float = Field(default=0.15, ge=0)


class ClicksData(ClicksPart):
    """What is clicked on in training.

    Parameters
    ----------
    name : str
        Of it all, for the card.
    scenes, scene_side : int
        Made-up scenes, and their voxels along each axis.
    label_maps : str or None
        Folder of whole-head label maps under the data folder.
    volumes : tuple of DataRecipe
        Volumes with labels.
    planes : tuple of MaskFolders
        Radiographs with labels, for networks of planes.
    unlabelled : tuple of str
        Folders of images without labels.
    unlabelled_images : int
        How many of each folder, evenly chosen.
    unlabelled_volumes : tuple of str
        Patterns of NIfTI volumes without labels; the folder that holds one is its patient.
    held_out : float
        Share of the patients of each source that is held back from training, to be watched and measured.
    seed : int
        Of the scenes.
    shares : Shares
        How often each kind is drawn.
    """

    name: str
    scenes: int = Field(ge=1)
    scene_side: int = Field(ge=32, le=512)
    label_maps: str | None = None
    volumes: tuple[DataRecipe, ...] = ()
    planes: tuple[MaskFolders, ...] = ()
    unlabelled: tuple[str, ...] = ()
    unlabelled_images: int = Field(default=100, ge=1)
    unlabelled_volumes: tuple[str, ...] = ()
    held_out: float = Field(default=0.12, gt=0, lt=1)
    seed: int = 0
    shares: Shares = Shares()


class ClicksTraining(Schedule[Stage]):
    """The schedule; a batch is so many objects at once, each at its own click.

    Parameters
    ----------
    sides, batches : tuple of int
        For each stage the window's voxels along each axis, and the batch: many small windows first teach more in the
        same time. Empty for those of the recipe throughout.
    """

    sides: tuple[int, ...] = ()
    batches: tuple[int, ...] = ()

    @model_validator(mode="after")
    def _one_for_each_stage(self) -> Self:
        if any(given and len(given) != len(self.stages) for given in (self.sides, self.batches)):
            raise ValueError("there is a side and a batch for each stage, or for none")
        return self


class ClicksRecipe(ClicksPart):
    """A whole recipe."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    clicks: ClicksData
    network: NetworkSpec
    input: InputSpec
    postprocess: PostprocessSpec = PostprocessSpec()
    training: ClicksTraining
    card: CardWords

    @property
    def side(self) -> int:
        """Voxels of the network's window along each axis."""
        return self.input.window[0]

    def windows_at(self, step: int) -> tuple[int, int]:
        """Return the side and the number of the windows of a step."""
        training = self.training
        ends = accumulate(stage.steps for stage in training.stages)
        at = min(sum(step >= end for end in ends), len(training.stages) - 1)
        side = training.sides[at] if training.sides else self.side
        return side, training.batches[at] if training.batches else training.batch

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        if self.card.task != "clicks":
            raise ValueError("the card's task is 'clicks'")
        if self.network.in_channels != len(CHANNELS) or self.network.out_channels != 1:
            raise ValueError(f"the network reads {len(CHANNELS)} channels ({', '.join(CHANNELS)}) and gives one")
        if len(self.input.window) != self.network.spatial_dims or len(set(self.input.window)) != 1:
            raise ValueError("the window is as long along each of the network's axes")
        if self.clicks.planes and self.network.spatial_dims == 3:
            raise ValueError("radiographs are for networks of planes")
        if self.training.early_stopping is not None:
            raise ValueError("click networks train to the last step")
        return self
