"""nnU-Net's plans.json: how a configuration prepares images, and which network it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_medseg.models.foreign.refusal import cannot_translate, not_in_order
from napari_medseg.models.networks.names import NNUNET_NETWORKS

if TYPE_CHECKING:
    from collections.abc import Sequence

_READERS = {
    "SimpleITKIO": None,
    "NibabelIO": None,
    "NibabelIOWithReorient": "RAS",
    "SimpleITKIOWithReorient": "RAS",
    "NaturalImage2DIO": None,
}
"""Classes that read images for nnU-Net, and where they turn the axes to."""

_RESAMPLING = "resample_data_or_seg_to_shape"
_PREPROCESSORS = ("DefaultPreprocessor", None)
_PLACE = "dynamic_network_architectures.architectures."


@dataclass(frozen=True)
class Plan:
    """A configuration of nnU-Net in the words of a card.

    Parameters
    ----------
    network : dict
        ``class`` and ``plan``, as `build_nnunet` takes them.
    input : dict
        Fields of the card's input.
    image_axes : list of int
        Which axis of the image each axis of the network is.
    axis_order : list of int
        The same, as `build_nnunet` takes it: a network of planes is given rows and columns as it wants them.
    """

    network: dict[str, Any]
    input: dict[str, Any]
    image_axes: list[int]
    axis_order: list[int]


def read_plan(plans: dict[str, Any], configuration: str, channels: Sequence[str]) -> Plan:
    """Read one configuration, for images of these names.

    nnU-Net's axes are (z, y, x) turned by ``transpose_forward``; a card's are (x, y, z), and of planes the columns
    come before the rows.

    Raises
    ------
    MedsegError
        If it is a stage of a cascade, is not in order, or has no place on a card.
    """
    chosen = _inherited(plans, configuration, 0)
    if chosen.get("previous_stage"):
        raise cannot_translate(
            f"'{configuration}', the second stage of a cascade,", "Add the 3d_fullres or 3d_lowres configuration."
        )
    if chosen.get("preprocessor_name") not in _PREPROCESSORS:
        raise cannot_translate(f"the preprocessing '{str(chosen['preprocessor_name'])[:60]}'")
    reader = str(plans.get("image_reader_writer"))
    if reader not in _READERS:
        raise cannot_translate(f"the reader of images '{reader[:60]}'")
    patch, spacing = _numbers(chosen, "patch_size"), _numbers(chosen, "spacing")
    order = _axis_order(plans, len(patch))
    image = {axis: n for n, axis in enumerate(order)}
    if len(patch) not in (2, 3) or len(spacing) < len(patch):
        raise not_in_order("its patch and its spacing have different axes")
    spacing = spacing[-len(patch) :]
    inputs: dict[str, Any] = {
        "window": [int(patch[image[axis]]) for axis in range(len(patch))],
        "spacing_mm": [spacing[image[axis]] for axis in range(len(patch))],
        "orientation": _READERS[reader],
        "overlap": 0.5,
        "even_windows": True,
        "crop": "nonzero",
        "mirror_background": True,
        **_intensities(plans, chosen, channels),
    }
    if _resamples_by_splines(chosen):
        inputs["interpolation"] = "cubic"
    if reader == "NaturalImage2DIO":
        del inputs["spacing_mm"]  # such images have none
    return Plan(_network(chosen, len(patch)), inputs, order, order if len(patch) == 3 else [0, 1])


def read_architecture(plans: dict[str, Any], configuration: str) -> tuple[dict[str, Any], list[int]]:
    """Read the network of one configuration and the window that it sees, in nnU-Net's own order of axes.

    Raises
    ------
    MedsegError
        If it is not in order, or has no place on a card.
    """
    chosen = _inherited(plans, configuration, 0)
    patch = [int(side) for side in _numbers(chosen, "patch_size")]
    return _network(chosen, len(patch)), patch


def _inherited(plans: dict[str, Any], name: str, depth: int) -> dict[str, Any]:
    configurations = plans.get("configurations")
    one = configurations.get(name) if isinstance(configurations, dict) else None
    if not isinstance(one, dict) or depth > 20:
        raise not_in_order(f"its plans.json has no configuration '{str(name)[:60]}'")
    above = one.get("inherits_from")
    return one if above is None else _inherited(plans, above, depth + 1) | one


def _resamples_by_splines(chosen: dict[str, Any]) -> bool:
    """Tell whether images and scores come to another spacing as nnU-Net brings them by default."""
    for what, order in (("data", 3), ("probabilities", 1)):
        wanted = {"is_seg": False, "order": order, "order_z": 0, "force_separate_z": None}
        if chosen.get(f"resampling_fn_{what}") != _RESAMPLING or chosen.get(f"resampling_fn_{what}_kwargs") != wanted:
            return False
    return True


def _axis_order(plans: dict[str, Any], n_axes: int) -> list[int]:
    forward = plans.get("transpose_forward")
    if not isinstance(forward, list) or sorted(forward) != [0, 1, 2]:
        raise not_in_order("its plans.json has no transpose_forward")
    if n_axes == 3:
        return [2 - axis for axis in forward]
    if forward != [0, 1, 2]:
        raise cannot_translate("planes along another axis than the last")
    return [1, 0]


def _intensities(plans: dict[str, Any], chosen: dict[str, Any], channels: Sequence[str]) -> dict[str, Any]:
    """Return how each image is scaled, as fields of the card's input."""
    schemes = chosen.get("normalization_schemes")
    if not isinstance(schemes, list) or len(schemes) != len(channels):
        raise not_in_order("it does not tell how each of its images is scaled")
    rules = [_intensity(plans, chosen, number, scheme) for number, scheme in enumerate(schemes)]
    if len(rules) == 1:
        return {"intensity": rules[0]}
    named = [{"name": name, "intensity": rule} for name, rule in zip(channels, rules, strict=True)]
    return {"intensity": rules[0], "channels": named}


def _intensity(plans: dict[str, Any], chosen: dict[str, Any], number: int, scheme: Any) -> dict[str, Any]:
    masks = chosen.get("use_mask_for_norm")
    masked = isinstance(masks, list) and masks[number : number + 1] == [True]
    everything = {"percentiles": [0.0, 100.0], "scope": "volume"}
    if scheme == "ZScoreNormalization":
        return {"kind": "zscore", "counted": "filled" if masked else "all", **everything}
    if scheme == "CTNormalization":
        known = plans.get("foreground_intensity_properties_per_channel")
        known = known or plans.get("foreground_intensity_properties_by_modality")
        facts = known.get(str(number)) if isinstance(known, dict) else None
        names = ("percentile_00_5", "percentile_99_5", "mean", "std")
        if not isinstance(facts, dict) or not all(isinstance(facts.get(name), int | float) for name in names):
            raise not_in_order("its plans.json does not tell the intensities of its training images")
        low, high, mean, deviation = (float(facts[name]) for name in names)
        return {
            "kind": "fixed",
            "scope": "volume",
            "clip": [low, high],
            "subtract": mean,
            "divide": max(deviation, 1e-8),
        }
    if scheme == "RescaleTo01Normalization":
        return {"kind": "rescale", **everything}
    if scheme == "RGBTo01Normalization":
        return {"kind": "fixed", "scope": "volume", "divide": 255.0}
    if scheme == "NoNormalization":
        return {"kind": "fixed", "scope": "volume"}
    raise cannot_translate(f"the normalisation '{str(scheme)[:60]}'")


def _network(chosen: dict[str, Any], n_axes: int) -> dict[str, Any]:
    architecture = chosen.get("architecture")
    if architecture is None:
        return _older_network(chosen, n_axes)
    target = str(architecture.get("network_class_name")) if isinstance(architecture, dict) else ""
    name = target.rpartition(".")[2]
    if not target.startswith(_PLACE) or name not in NNUNET_NETWORKS:
        raise cannot_translate(f"the network '{target[:80]}', which is not one that this program knows,")
    plan = architecture.get("arch_kwargs")
    if not isinstance(plan, dict):
        raise not_in_order("its network has no arguments")
    return {"class": name, "plan": {key: value for key, value in plan.items() if key != "deep_supervision"}}


def _older_network(chosen: dict[str, Any], n_axes: int) -> dict[str, Any]:
    """Read the network as plans before nnU-Net 2.2 tell it; nnU-Net's ``ConfigurationManager`` does the same."""
    name, convolutions = chosen.get("UNet_class_name"), chosen.get("n_conv_per_stage_encoder")
    if name not in ("PlainConvUNet", "ResidualEncoderUNet") or not isinstance(convolutions, list):
        raise cannot_translate(f"the network '{str(name)[:60]}'")
    base, most = chosen.get("UNet_base_num_features"), chosen.get("unet_max_num_features")
    if not isinstance(base, int) or not isinstance(most, int):
        raise not_in_order("its plans.json does not tell the size of its network")
    plan = {
        "n_stages": len(convolutions),
        "features_per_stage": [min(base * 2**stage, most) for stage in range(len(convolutions))],
        "conv_op": f"torch.nn.modules.conv.Conv{n_axes}d",
        "kernel_sizes": chosen.get("conv_kernel_sizes"),
        "strides": chosen.get("pool_op_kernel_sizes"),
        "n_conv_per_stage" if name == "PlainConvUNet" else "n_blocks_per_stage": convolutions,
        "n_conv_per_stage_decoder": chosen.get("n_conv_per_stage_decoder"),
        "conv_bias": True,
        "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{n_axes}d",
        "norm_op_kwargs": {"eps": 1e-05, "affine": True},
        "dropout_op": None,
        "dropout_op_kwargs": None,
        "nonlin": "torch.nn.LeakyReLU",
        "nonlin_kwargs": {"inplace": True},
    }
    return {"class": name, "plan": plan}


def _numbers(chosen: dict[str, Any], name: str) -> list[float]:
    values = chosen.get(name)
    if not isinstance(values, list) or not all(isinstance(n, int | float) and n > 0 for n in values):
        raise not_in_order(f"its {name} are no numbers")
    return values
