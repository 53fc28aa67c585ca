"""What a MONAI bundle does to an image before its network sees it, in the words of a card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from napari_medseg.models.foreign.refusal import cannot_translate, not_in_order

if TYPE_CHECKING:
    from collections.abc import Callable

_NO_EFFECT = frozenset(
    "LoadImage EnsureChannelFirst AddChannel AsChannelFirst EnsureType CastToType ToTensor ToDevice SelectItems "
    "Identity DeleteItems".split()
)
_POSITIVE = ("x>0", "is_positive", "monai.transforms.utils.is_positive")
_ALL = (0.0, 100.0)


@dataclass
class InputFacts:
    """What the transforms say, collected in their order.

    Parameters
    ----------
    window : tuple of int
        Of the inferer; paddings up to it are its own.
    channels : sequence of str
        The images that the network reads at once.
    values : dict
        Fields of the card's input.
    """

    window: tuple[int, ...]
    channels: Sequence[str] = ("image",)
    values: dict[str, Any] = field(default_factory=dict)

    @property
    def is_spaced(self) -> bool:
        """Whether the image has been brought to the network's spacing."""
        return "spacing_mm" in self.values

    @property
    def is_scaled(self) -> bool:
        """Whether intensities have been brought to the network's scale."""
        return "intensity" in self.values

    def set_intensity(self, name: str, rule: dict[str, Any], own: Sequence[dict[str, Any]] = ()) -> None:
        """Take the rule of intensities: a card has one, or one for each of several images."""
        if self.is_scaled:
            raise cannot_translate(f"a second rule for intensities, '{name}',")
        if rule["kind"] == "fixed":
            scope = "window"
        else:
            scope = "resampled" if self.is_spaced else "volume"
        self.values["intensity"] = {**rule, "scope": scope}
        for channel, changed in zip(self.values.get("channels", ()), own, strict=False):
            channel["intensity"] = {**rule, "scope": scope, **changed}

    def require_each_alone(self, name: str, arguments: dict[str, Any]) -> None:
        """Refuse to scale several images by what all of them hold together."""
        if len(self.channels) > 1 and arguments.get("channel_wise") is not True:
            raise cannot_translate(f"'{name}' over all images together")


def translate_transforms(
    transforms: Sequence[Any], window: tuple[int, ...], channels: Sequence[str] = ("image",)
) -> dict[str, Any]:
    """Translate a list of transforms into fields of `InputSpec`.

    Parameters
    ----------
    transforms : sequence of dict
        Each with its ``_target_`` and arguments, references followed.
    window : tuple of int
        Of the inferer.
    channels : sequence of str
        The images that the network reads at once.

    Returns
    -------
    dict
        With ``intensity`` at the least.

    Raises
    ------
    MedsegError
        Naming the first transform that has no place on a card.
    """
    facts = InputFacts(window, channels)
    if len(channels) > 1:
        facts.values["channels"] = [{"name": name} for name in channels]
    for transform in transforms:
        if not isinstance(transform, dict) or not isinstance(transform.get("_target_"), str):
            raise not_in_order("one of its transforms has no name")
        if transform.get("_disabled_") is True:
            continue
        _translate(transform, facts)
    if not facts.is_scaled:
        facts.values["intensity"] = {"kind": "fixed", "scope": "window"}
    return facts.values


def plain_name(target: str) -> str:
    """Return the name of a transform without its module and without the ending of its form for dictionaries.

    Raises
    ------
    MedsegError
        If it is not one of MONAI's transforms.
    """
    module, _, name = target.rpartition(".")
    if module and module != "monai.transforms" and not module.startswith("monai.transforms."):
        raise cannot_translate(f"'{target[:80]}', which is not one of MONAI's transforms,")
    for ending in ("Dict", "d", "D"):
        if name.endswith(ending):
            return name.removesuffix(ending)
    return name


def _translate(transform: dict[str, Any], facts: InputFacts) -> None:
    name = plain_name(transform["_target_"])
    if name in _NO_EFFECT:
        return
    if name not in _TRANSLATIONS:
        raise cannot_translate(f"the transform '{transform['_target_'][:80]}'")
    arguments = {key: value for key, value in transform.items() if not key.startswith("_")}
    try:
        _TRANSLATIONS[name](arguments, facts)
    except (TypeError, ValueError, KeyError, ArithmeticError) as error:
        raise not_in_order(f"the arguments of '{name[:60]}' are not those that it takes") from error


def _orientation(arguments: dict[str, Any], facts: InputFacts) -> None:
    codes = "RAS" if arguments.get("as_closest_canonical") is True else arguments.get("axcodes")
    spacing = facts.values.get("spacing_mm")
    if spacing is not None and len(set(spacing)) > 1:
        raise cannot_translate("a spacing that is set before the axes are turned")
    if not isinstance(codes, str) or len(codes) != 3:
        raise cannot_translate(f"the orientation '{codes}'")
    facts.values["orientation"] = codes.upper()


def _spacing(arguments: dict[str, Any], facts: InputFacts) -> None:
    pixdim, n_axes = arguments.get("pixdim"), len(facts.window)
    numbers = [float(value) for value in _numbers(pixdim)]
    numbers = numbers * n_axes if len(numbers) == 1 else numbers[:n_axes]
    if len(numbers) != n_axes or min(numbers) <= 0:
        raise cannot_translate(f"the spacing {pixdim}")
    if _first(arguments.get("mode", "bilinear")) not in ("bilinear", 1):
        raise cannot_translate(f"the interpolation '{_first(arguments['mode'])}'")
    if facts.is_spaced:
        raise cannot_translate("a second spacing")
    if facts.is_scaled and facts.values["intensity"]["kind"] == "fixed":
        own = [channel["intensity"] for channel in facts.values.get("channels", ()) if "intensity" in channel]
        for rule in (facts.values["intensity"], *own):
            rule["scope"] = "volume"
    facts.values["spacing_mm"] = numbers


def _range(arguments: dict[str, Any], facts: InputFacts) -> None:
    a_min, a_max = _number(arguments, "a_min"), _number(arguments, "a_max")
    is_plain = arguments.get("b_min") is None or arguments.get("b_max") is None
    low, high = (0.0, 1.0) if is_plain else (_number(arguments, "b_min"), _number(arguments, "b_max"))
    if not (a_min < a_max and low < high):
        raise cannot_translate("a range of intensities that does not ascend")
    divide = (a_max - a_min) / (high - low)
    rule: dict[str, Any] = {"kind": "fixed", "divide": divide, "subtract": a_min - low * divide}
    if arguments.get("clip") is True:
        rule["clip"] = [a_min, a_max]
    facts.set_intensity("ScaleIntensityRange", rule)


def _rescale(arguments: dict[str, Any], facts: InputFacts) -> None:
    facts.require_each_alone("ScaleIntensity", arguments)
    low, high = arguments.get("minv", 0.0), arguments.get("maxv", 1.0)
    if low is None or high is None:
        raise cannot_translate("'ScaleIntensity' by a factor")
    facts.set_intensity(
        "ScaleIntensity", {"kind": "rescale", "percentiles": _ALL, "target": [float(low), float(high)], "cut": False}
    )


def _percentiles(arguments: dict[str, Any], facts: InputFacts) -> None:
    facts.require_each_alone("ScaleIntensityRangePercentiles", arguments)
    low, high = arguments.get("b_min"), arguments.get("b_max")
    if arguments.get("relative") is True or low is None or high is None:
        raise cannot_translate("'ScaleIntensityRangePercentiles' without a fixed range")
    rule = {
        "kind": "rescale",
        "percentiles": [_number(arguments, "lower"), _number(arguments, "upper")],
        "target": [float(low), float(high)],
        "cut": arguments.get("clip") is True,
    }
    facts.set_intensity("ScaleIntensityRangePercentiles", rule)


def _normalise(arguments: dict[str, Any], facts: InputFacts) -> None:
    subtract, divide = arguments.get("subtrahend"), arguments.get("divisor")
    counted = "nonzero" if arguments.get("nonzero") is True else "all"
    if isinstance(subtract, list) or isinstance(divide, list) or subtract is None:
        facts.require_each_alone("NormalizeIntensity", arguments)
    if subtract is None and divide is None:
        facts.set_intensity("NormalizeIntensity", {"kind": "zscore", "percentiles": _ALL, "counted": counted})
        return
    if subtract is None or divide is None:
        raise cannot_translate("'NormalizeIntensity' with one number of two")
    own: list[dict[str, Any]] = [
        {"subtract": _of_channel(subtract, n), "divide": _of_channel(divide, n)} for n in range(len(facts.channels))
    ]
    rule = {"kind": "fixed", "counted": counted, **own[0]}
    facts.set_intensity(
        "NormalizeIntensity", rule, own if isinstance(subtract, list) or isinstance(divide, list) else ()
    )


def _crop(arguments: dict[str, Any], facts: InputFacts) -> None:
    chosen = arguments.get("select_fn", "is_positive")
    code = str(getattr(chosen, "code", chosen)).replace(" ", "").removeprefix("lambdax:")
    if arguments.get("channel_indices") is not None and len(facts.channels) > 1:
        raise cannot_translate("a foreground of some images alone")
    kind = "positive" if code in _POSITIVE else "nonzero" if code == "x!=0" else None
    if kind is None:
        raise cannot_translate(f"the foreground '{code[:60]}'")
    if facts.is_scaled:
        raise cannot_translate("a foreground that is told from changed intensities")
    if _first(arguments.get("margin", 0)) not in (0, None) or _first(arguments.get("k_divisible", 1)) != 1:
        raise cannot_translate("a margin around the foreground")
    facts.values["crop"] = kind


def _pad(arguments: dict[str, Any], facts: InputFacts) -> None:
    size = [int(value) for value in _numbers(arguments.get("spatial_size"))]
    size = size * len(facts.window) if len(size) == 1 else size
    constant = _first(arguments.get("mode", "constant")) == "constant" and facts.is_scaled
    if not constant or len(size) != len(facts.window) or any(a > b for a, b in zip(size, facts.window, strict=True)):
        raise cannot_translate("a padding that is not the window's own")


_TRANSLATIONS: dict[str, Callable[[dict[str, Any], InputFacts], None]] = {
    "Orientation": _orientation,
    "Spacing": _spacing,
    "ScaleIntensityRange": _range,
    "ScaleIntensity": _rescale,
    "ScaleIntensityRangePercentiles": _percentiles,
    "NormalizeIntensity": _normalise,
    "CropForeground": _crop,
    "SpatialPad": _pad,
}


def _first(value: Any) -> Any:
    """Return what a dictionary's transform says about its first key, the image."""
    return value[0] if isinstance(value, list) and value else value


def _of_channel(value: Any, number: int) -> float:
    """Return what is said about one of several images: in a list of theirs, or about all."""
    if isinstance(value, list) and number >= len(value):
        raise ValueError("too few numbers")
    return float(value[number] if isinstance(value, list) else value)


def _numbers(value: Any) -> list[float]:
    parts = value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, int | float) and not isinstance(part, bool) for part in parts):
        raise cannot_translate(f"'{str(value)[:60]}' where numbers are expected")
    return parts


def _number(arguments: dict[str, Any], name: str) -> float:
    return float(_numbers(arguments.get(name))[0])
