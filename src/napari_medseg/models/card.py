"""The model card: everything about a model that is not its weights.

A card is data, never code: it names a network family of this program and its arguments, how images are prepared,
what the labels mean, and what is known about the model's quality.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, SerializerFunctionWrapHandler, model_serializer, model_validator

from napari_medseg.models.card_part import CardPart
from napari_medseg.models.intensity_rule import IntensityRule

_OPPOSITE = str.maketrans("LPI", "RAS")

_LATER_FIELDS = ("blending", "channels", "interpolation")
"""Of the input: older versions refuse a card that names them."""


class CodeSpec(CardPart):
    """A coded concept (PS3.3 section 8), such as SNOMED CT's 5366008."""

    value: str
    scheme: str
    meaning: str


class LabelSpec(CardPart):
    """One label that the model gives. The background, 0, is not listed."""

    value: int = Field(ge=1)
    name: str = Field(min_length=1)
    code: CodeSpec | None = None
    colour: str = Field(pattern=r"^#[0-9a-fA-F]{6}$")


class NetworkSpec(CardPart):
    """Which network to build; `arguments` are the family's own. A classifier teaches a backbone, and has no card.

    The families from "monai" on are other people's networks: of MONAI's library, of nnU-Net, whole in one file, or
    click models.
    """

    family: Literal[
        "unet", "fcn", "deeplabv3", "maskrcnn", "classifier", "monai", "nnunet", "onnx", "sam", "nninteractive"
    ]
    spatial_dims: Literal[2, 3]
    in_channels: int = Field(ge=1)
    out_channels: int = Field(ge=1)
    arguments: dict[str, JsonValue] = Field(default_factory=dict)


class ChannelSpec(CardPart):
    """One of several images that a network reads at once: its name, and its own rule for intensities if it has one."""

    name: str = Field(min_length=1)
    intensity: IntensityRule | None = None


class InputSpec(CardPart):
    """What the network wants to see.

    Parameters
    ----------
    spacing_mm : tuple of float or None
        Spacing along the network's axes; None takes the scan as it is.
    interpolation : {"linear", "cubic"}
        How images come to that spacing: linearly, smoothed where it is coarser; or by cubic splines in the manner of
        nnU-Net, along the longest axis of long voxels by the nearest plane.
    longest_side : int or None
        Pixels of the longer side that an image is resized to, for networks that read planes whole.
    orientation : str or None
        Where the network's axes lead to, such as "RAS"; None takes the scan's own axes.
    window : tuple of int
        Voxels that the network sees at once.
    overlap : float
        Part of a window that its neighbour shares.
    even_windows : bool
        Whether windows lie evenly, as nnU-Net lays them, rather than at whole steps with the last one moved back.
    blending : {"gaussian", "constant"}
        Where windows overlap, whether their middles count more, or all of them alike.
    crop : {"nonzero", "positive"} or None
        The network sees the smallest box that holds all such voxels, and its intensities count alone.
    intensity : IntensityRule
        How intensities are brought to one scale.
    channels : tuple of ChannelSpec
        Of a network that reads several images at once: which, in order. All are on one grid.
    mirror_axes : tuple of int
        Axes along which the network also looks at the mirrored window; the scores are averaged.
    mirror_background : bool
        Whether windows in which the network sees nothing but background are mirrored too.
    mirror_swaps : tuple of tuple of int
        Labels that are each other's mirror image from left to right.
    padding_mode : {"constant"}
        What lies outside the scan: zero, after the intensity rule.
    """

    spacing_mm: tuple[float, ...] | None = None
    interpolation: Literal["linear", "cubic"] = "linear"
    longest_side: int | None = Field(default=None, ge=16, le=4096)
    orientation: Annotated[str, Field(pattern=r"^[RLAPSI]{3}$")] | None = None
    window: tuple[Annotated[int, Field(ge=1)], ...]
    overlap: float = Field(default=0.25, ge=0, lt=1)
    even_windows: bool = False
    blending: Literal["gaussian", "constant"] = "gaussian"
    crop: Literal["nonzero", "positive"] | None = None
    intensity: IntensityRule = IntensityRule()
    channels: tuple[ChannelSpec, ...] = ()
    mirror_axes: tuple[int, ...] = ()
    mirror_background: bool = False
    mirror_swaps: tuple[tuple[int, int], ...] = ()
    padding_mode: Literal["constant"] = "constant"

    @model_serializer(mode="wrap")
    def _told(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out fields that came later and say nothing: cards without them are the same as before they came."""
        fields = type(self).model_fields
        told: dict[str, Any] = handler(self)
        return {
            name: value
            for name, value in told.items()
            if name not in _LATER_FIELDS or getattr(self, name) != fields[name].default
        }


class PostprocessSpec(CardPart):
    """What of the result is kept: connected parts (26 neighbours, all labels together), or findings by their score.

    ``fill_holes_ml`` is how large a hole may be that the structure around it gets; 0 leaves all. ``most_per_label`` is
    how many findings of a label there can be, such as one right lung; the surest are kept.
    """

    keep_components: int | None = Field(default=None, ge=1)
    min_relative: float = Field(default=0.0, ge=0, le=1)
    min_volume_ml: float = Field(default=0.0, ge=0)
    fill_holes_ml: float = Field(default=0.0, ge=0)
    min_score: float = Field(default=0.5, ge=0, le=1)
    most_per_label: int | None = Field(default=None, ge=1)


class DataSource(CardPart):
    """Data that the model was trained on."""

    name: str
    citation: str
    licence: str
    n_cases: int = Field(ge=0)


class QualityRecord(CardPart):
    """What was measured, on cases that the measured weights had not seen.

    ``ci_low`` and ``ci_high`` bound the 95 % interval of the mean; ``folds`` are the means of the folds of a cross
    validation, if it was one.
    """

    dataset: str
    n: int = Field(ge=1)
    metric: str
    label: str
    mean: float
    ci_low: float
    ci_high: float
    folds: tuple[float, ...] = ()
    note: str = ""


class WeightsSpec(CardPart):
    """The file with the weights, in the card's folder; of a network in one file, that file."""

    file: str = Field(pattern=r"^[^/\\:]+\.(safetensors|onnx)$")
    format: Literal["safetensors", "onnx"] = "safetensors"
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    size_bytes: int = Field(ge=1)
    dtype: Literal["float16", "bfloat16", "float32"]


class ModelCard(CardPart):
    """A model's card, version 1.

    Parameters
    ----------
    name : str
        By which scripts and the command line call it; also its folder's name.
    title, description : str
        For the reader of a list; what it finds, in which scans.
    task : {"semantic", "instances", "clicks"}
        One label per structure; one per thing found; or the one object that prompts point at.
    modality : tuple of str
        DICOM words (PS3.3 C.7.3.1.1.1), such as "MR".
    body_part : str
        Where in the body.
    labels : tuple of LabelSpec
        In the order of the network's channels after the background.
    output : {"classes", "regions"}
        What the network's channels are: classes of which the likeliest wins, the first being the background (a single
        channel is the structure against it); or a region each, without a channel for the background, where a later
        region covers an earlier one.
    source : str
        Of other people's models: the format, and the SHA-256 of the file that it was made from, if it was one.
    weights : WeightsSpec
        Where the weights are, and their checksum.
    test_vector : str or None
        File with an input and the output that the network gave for it; `verify` repeats it.
    cpu_seconds_per_megavoxel : float or None
        Measured on one core, per million voxels on the model's own grid.
    """

    schema_version: Literal[1] = 1
    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    title: str
    description: str
    task: Literal["semantic", "instances", "clicks"]
    modality: tuple[str, ...]
    body_part: str
    network: NetworkSpec
    labels: tuple[LabelSpec, ...] = Field(min_length=1)
    output: Literal["classes", "regions"] = "classes"
    source: str = ""
    input: InputSpec
    postprocess: PostprocessSpec = PostprocessSpec()
    training: tuple[DataSource, ...] = ()
    quality: tuple[QualityRecord, ...] = ()
    licence: str
    intended_use: str
    limitations: str
    weights: WeightsSpec
    test_vector: str | None = Field(default=None, pattern=r"^[^/\\:]+\.safetensors$")
    cpu_seconds_per_megavoxel: float | None = None

    @property
    def n_classes(self) -> int:
        """Scores of a voxel, that of the background included."""
        has_background = self.output == "classes" and self.network.out_channels > 1
        return self.network.out_channels + (0 if has_background else 1)

    @property
    def channel_names(self) -> tuple[str, ...]:
        """What the network reads at once, in order; numbers if the card does not tell."""
        named = tuple(channel.name for channel in self.input.channels)
        return named or tuple(f"image {n}" for n in range(1, self.network.in_channels + 1))

    @property
    def channel_rules(self) -> tuple[IntensityRule, ...]:
        """The rule of intensities of each image that the network reads."""
        if not self.input.channels:
            return (self.input.intensity,) * self.network.in_channels
        return tuple(channel.intensity or self.input.intensity for channel in self.input.channels)

    @property
    def mirror_channels(self) -> tuple[tuple[int, int], ...]:
        """The network's channels that are each other's mirror image from left to right."""
        channels = {label.value: channel for channel, label in enumerate(self.labels, start=1)}
        return tuple((channels[a], channels[b]) for a, b in self.input.mirror_swaps)

    @model_validator(mode="after")
    def _consistent(self) -> ModelCard:
        values = [label.value for label in self.labels]
        if len(set(values)) != len(values):
            raise ValueError("two labels share a value")
        if self.network.family == "classifier":
            raise ValueError("a classifier segments nothing")
        own_format = "onnx" if self.network.family == "onnx" else "safetensors"
        if self.weights.format != own_format or not self.weights.file.endswith(f".{own_format}"):
            raise ValueError(f"the weights of a network of family {self.network.family} are an {own_format} file")
        if self.input.channels and len(self.input.channels) != self.network.in_channels:
            raise ValueError(
                f"input.channels are {len(self.input.channels)}, the network reads {self.network.in_channels}"
            )
        if len({rule.scope for rule in self.channel_rules}) > 1:
            raise ValueError("the rules of input.channels have one scope")
        n_axes = self.network.spatial_dims
        for what, axes in (("window", self.input.window), ("spacing_mm", self.input.spacing_mm)):
            if axes is not None and len(axes) != n_axes:
                raise ValueError(f"input.{what} has {len(axes)} axes, the network {n_axes}")
        if self.input.orientation is not None and len(set(self.input.orientation.translate(_OPPOSITE))) != 3:
            raise ValueError(f"input.orientation {self.input.orientation} names an axis twice")
        if self.input.longest_side is not None and (n_axes == 3 or self.input.spacing_mm is not None):
            raise ValueError("input.longest_side is for networks of planes, instead of spacing_mm")
        if self.task == "instances" and self.network.family != "maskrcnn":
            raise ValueError(f"a network of family {self.network.family} finds no instances")
        if self.task == "clicks" and (self.network.out_channels != 1 or len(self.labels) != 1):
            raise ValueError("a click model has one label and one channel: the object against everything else")
        if self.task == "instances" and self.input.crop is not None:
            raise ValueError("input.crop is not for networks that find instances")
        swapped = [value for pair in self.input.mirror_swaps for value in pair]
        if len(set(swapped)) != len(swapped) or not set(swapped) <= set(values):
            raise ValueError("input.mirror_swaps are pairs of the card's labels, each label in one pair at most")
        if any(not 0 <= axis < n_axes for axis in self.input.mirror_axes):
            raise ValueError(f"input.mirror_axes {self.input.mirror_axes} are not all axes of the network")
        return self
