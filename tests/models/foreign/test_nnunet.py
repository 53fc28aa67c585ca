"""nnU-Net result folders, made with nnU-Net's own libraries, against nnU-Net's own predictor."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_medseg.core import Geometry, MedsegError, Volume
from napari_medseg.models.catalogue import ModelFolder
from napari_medseg.models.foreign.adding import add_offer, open_offer
from napari_medseg.models.foreign.offer import Choices

pytest.importorskip("dynamic_network_architectures", reason="the extra 'nnunet' is not installed")

WriteResults = Callable[..., Path]
PATCH = (16, 16, 16)
CT = {"percentile_00_5": -100.0, "percentile_99_5": 250.0, "mean": 40.0, "std": 80.0}


def plans(n_axes: int = 3, **parts: Any) -> dict[str, Any]:
    architecture = {
        "network_class_name": "dynamic_network_architectures.architectures.unet.PlainConvUNet",
        "arch_kwargs": {
            "n_stages": 2,
            "features_per_stage": [4, 8],
            "conv_op": f"torch.nn.modules.conv.Conv{n_axes}d",
            "kernel_sizes": [[3] * n_axes, [3] * n_axes],
            "strides": [[1] * n_axes, [2] * n_axes],
            "n_conv_per_stage": [1, 1],
            "n_conv_per_stage_decoder": [1],
            "conv_bias": True,
            "norm_op": f"torch.nn.modules.instancenorm.InstanceNorm{n_axes}d",
            "norm_op_kwargs": {"eps": 1e-05, "affine": True},
            "dropout_op": None,
            "dropout_op_kwargs": None,
            "nonlin": "torch.nn.LeakyReLU",
            "nonlin_kwargs": {"inplace": True},
        },
        "_kw_requires_import": ["conv_op", "norm_op", "dropout_op", "nonlin"],
    }
    configuration: dict[str, Any] = {
        "data_identifier": "nnUNetPlans_3d_fullres",
        "preprocessor_name": "DefaultPreprocessor",
        "batch_size": 2,
        "patch_size": list(PATCH[:n_axes]),
        "spacing": [1.0] * n_axes,
        "normalization_schemes": ["CTNormalization"],
        "use_mask_for_norm": [False],
        "resampling_fn_data": "resample_data_or_seg_to_shape",
        "resampling_fn_seg": "resample_data_or_seg_to_shape",
        "resampling_fn_data_kwargs": {"is_seg": False, "order": 3, "order_z": 0, "force_separate_z": None},
        "resampling_fn_seg_kwargs": {"is_seg": True, "order": 1, "order_z": 0, "force_separate_z": None},
        "resampling_fn_probabilities": "resample_data_or_seg_to_shape",
        "resampling_fn_probabilities_kwargs": {"is_seg": False, "order": 1, "order_z": 0, "force_separate_z": None},
        "architecture": architecture,
        **parts.pop("configuration", {}),
    }
    return {
        "dataset_name": "Dataset999_Tiny",
        "plans_name": "nnUNetPlans",
        "image_reader_writer": "SimpleITKIO",
        "transpose_forward": [0, 1, 2],
        "transpose_backward": [0, 1, 2],
        "configurations": {"3d_fullres" if n_axes == 3 else "2d": configuration},
        "experiment_planner_used": "ExperimentPlanner",
        "label_manager": "LabelManager",
        "foreground_intensity_properties_per_channel": {"0": CT},
        **parts,
    }


DATASET: dict[str, Any] = {
    "channel_names": {"0": "CT"},
    "labels": {"background": 0, "liver": 1, "spleen": 2},
    "numTraining": 3,
    "file_ending": ".nii.gz",
    "licence": "CC-BY-4.0",
}


@pytest.fixture
def write_results(tmp_path: Path) -> WriteResults:
    """Write a result folder as nnU-Net's trainer does, with random weights."""

    def write(
        written: dict[str, Any], dataset: dict[str, Any] = DATASET, folds: int = 2, n_channels: int = 3, **more: Any
    ) -> Path:
        from dynamic_network_architectures.architectures.unet import PlainConvUNet
        from dynamic_network_architectures.initialization.weight_init import InitWeights_He

        (name,) = written["configurations"]
        folder = tmp_path / "Dataset999_Tiny" / f"nnUNetTrainer__nnUNetPlans__{name}"
        n_axes = len(written["configurations"][name]["patch_size"])
        kwargs = {**plans(n_axes)["configurations"][name]["architecture"]["arch_kwargs"]}
        layers = {2: torch.nn.Conv2d, 3: torch.nn.Conv3d}, {2: torch.nn.InstanceNorm2d, 3: torch.nn.InstanceNorm3d}
        kwargs |= {"conv_op": layers[0][n_axes], "norm_op": layers[1][n_axes], "nonlin": torch.nn.LeakyReLU}
        for fold in range(folds):
            torch.manual_seed(fold)
            network = PlainConvUNet(
                len(dataset["channel_names"]), num_classes=n_channels, deep_supervision=True, **kwargs
            )
            network.apply(InitWeights_He(1e-2))
            for layer in network.decoder.seg_layers:  # no class shall win everywhere
                layer.weight.data -= layer.weight.data.mean(dim=1, keepdim=True)
            (folder / f"fold_{fold}").mkdir(parents=True)
            checkpoint = {
                "network_weights": network.state_dict(),
                "optimizer_state": {},
                "grad_scaler_state": None,
                "logging": {"mean_fg_dice": [np.float32(0.5), np.float64(0.6)]},
                "_best_ema": np.float64(0.61),
                "current_epoch": 1,
                "init_args": {"plans": written, "configuration": name, "fold": fold, "dataset_json": dataset},
                "trainer_name": "nnUNetTrainer",
                "inference_allowed_mirroring_axes": tuple(range(n_axes)),
                **more,
            }
            torch.save(checkpoint, folder / f"fold_{fold}" / "checkpoint_final.pth")
        (folder / "plans.json").write_text(json.dumps(written))
        (folder / "dataset.json").write_text(json.dumps(dataset))
        return folder

    return write


def add(folder: Path, choices: Choices | None = None) -> ModelFolder:
    with open_offer(folder, choices) as offer:
        return add_offer(offer, folder.parents[1] / "user", overwrite=True)


def scan(shape: tuple[int, int, int], *, margin: int = 0) -> Volume:
    """A scan in no common orientation; air of value 0 around it."""
    values = np.random.default_rng(5).normal(60, 90, shape).astype(np.int16)
    for axis in range(3):
        edge = np.moveaxis(values, axis, 0)
        edge[: margin and margin + axis] = 0
    affine = [[-1, 0, 0, 10], [0, 0, 1, -5], [0, -1, 0, 30], [0, 0, 0, 1]]
    return Volume(values, Geometry.from_matrix(shape, affine), modality="CT", units="HU")


def labels_of_nnunet(folder: Path, volume: Volume) -> Any:
    """Labels by nnU-Net's own predictor, in the axes of the volume."""
    for name in ("nnUNet_raw", "nnUNet_preprocessed", "nnUNet_results"):
        os.environ.setdefault(name, str(folder))
    predictor_module = pytest.importorskip("nnunetv2.inference.predict_from_raw_data", reason="nnunetv2 is missing")
    predictor = predictor_module.nnUNetPredictor(device=torch.device("cpu"), allow_tqdm=False)
    predictor.initialize_from_trained_model_folder(str(folder), use_folds=None)
    spacing = [float(step) for step in reversed(volume.geometry.spacing_mm)]
    array = volume.array if volume.array.ndim == 4 else volume.array[..., None]
    image = array.astype(np.float32).transpose(3, 2, 1, 0)
    return predictor.predict_single_npy_array(image, {"spacing": spacing}).transpose(2, 1, 0)


def agreement(folder: Path, volume: Volume) -> float:
    """Return the part of voxels with equal labels, where nnU-Net's own sums are not lost in half precision."""
    from napari_medseg import load_model

    expected = labels_of_nnunet(folder, volume)
    ours = load_model(add(folder).path, "cpu").segment(volume)
    assert len(np.unique(expected)) > 1
    return float(
        (ours.array == expected)[is_weighed(volume.array.reshape(*volume.spatial_shape, -1).any(axis=-1))].mean()
    )


def two_images(shape: tuple[int, int, int]) -> Volume:
    """One with a margin of 0 and holes, and one whose own margin is smaller: what counts is where one is not 0."""
    first = scan(shape, margin=3)
    second = np.random.default_rng(6).normal(400, 60, shape).astype(np.int16)
    first.array[first.array < -80] = 0
    second[:1], second[:, -1:], second[4:7, 5:9, 6:8] = 0, 0, 0
    return Volume(np.stack([first.array, second], axis=-1), first.geometry, "channel", modality="MR")


def is_weighed(voxels: Any, work_shape: tuple[int, ...] | None = None) -> Any:
    """Tell where a window has weight: at its corners nnU-Net multiplies scores by less than float16 can hold."""
    exponent = np.zeros(voxels.shape)
    for axis, size in enumerate(PATCH):
        at = np.flatnonzero((voxels != 0).any(axis=tuple(n for n in range(3) if n != axis)))
        n = np.arange(voxels.shape[axis], dtype=float)
        if work_shape is not None:  # of a scan without a margin
            n = (n + 0.5) * work_shape[axis] / voxels.shape[axis] - 0.5
            at = np.arange(work_shape[axis])
        to_middle = np.maximum(size / 2 - np.minimum(n - at[0], at[-1] - n), 0)
        shape = [-1 if n == axis else 1 for n in range(3)]
        exponent = exponent - (to_middle**2 / (2 * (size / 8) ** 2)).reshape(shape)
    return exponent > np.log(1e-6)


def test_what_a_result_folder_is_told_before_it_is_added(write_results: WriteResults) -> None:
    with open_offer(write_results(plans())) as offer:
        assert (offer.kind, offer.name) == ("nnU-Net v2 folder", "dataset999_tiny-3d_fullres")
        assert (offer.labels, offer.licence) == (("liver", "spleen"), "CC-BY-4.0")
        assert offer.values["modality"] == ["CT"]
        assert not offer.notes
        assert offer.values["input"]["interpolation"] == "cubic"


def test_another_way_to_resample_is_told(write_results: WriteResults) -> None:
    with open_offer(write_results(plans(configuration={"resampling_fn_data": "resample_torch"}))) as offer:
        assert "interpolated linearly" in offer.notes[0]


def test_one_window_gives_the_labels_of_nnunet(write_results: WriteResults) -> None:
    """Two folds, all mirror images, axes in another order, and a crop: no voxel differs."""
    written = plans(transpose_forward=[1, 2, 0], transpose_backward=[2, 0, 1])
    assert agreement(write_results(written), scan((15, 16, 12), margin=1)) > 0.9995


def test_many_windows_give_the_labels_of_nnunet(write_results: WriteResults) -> None:
    written = plans(configuration={"normalization_schemes": ["ZScoreNormalization"], "use_mask_for_norm": [True]})
    assert agreement(write_results(written, folds=1), scan((21, 26, 33), margin=2)) > 0.999


def test_regions_give_the_labels_of_nnunet(write_results: WriteResults) -> None:
    dataset = {**DATASET, "labels": {"background": 0, "tumour": [1, 2], "core": [2]}, "regions_class_order": [1, 2]}
    assert agreement(write_results(plans(), dataset, folds=1, n_channels=2), scan((16, 16, 14))) > 0.9995


def test_planes_give_the_labels_of_nnunet(write_results: WriteResults) -> None:
    assert agreement(write_results(plans(2), folds=1), scan((16, 15, 4))) > 0.9995


@pytest.mark.parametrize(
    ("spacing", "wanted", "work_shape"),
    [((1.3, 0.8, 1.2), [1.0, 1.0, 1.0], (18, 18, 22)), ((0.8, 0.9, 3.5), [2.5, 1.0, 1.0], (11, 20, 25))],
    ids=["splines", "planes of splines"],
)
def test_scans_of_another_spacing_give_the_labels_of_nnunet(
    write_results: WriteResults, spacing: Any, wanted: list[float], work_shape: Any
) -> None:
    """By cubic splines nearly every voxel is the same; by linear interpolation of the same scan far fewer are."""
    from napari_medseg import load_model

    shape = (14, 22, 18)
    smooth = gaussian_filter(np.random.default_rng(5).normal(size=shape), 1) * 300 + 60
    affine = np.array([[-1, 0, 0, 10], [0, 1, 0, -5], [0, 0, 1, 30], [0, 0, 0, 1]]) @ np.diag([*spacing, 1])
    volume = Volume(smooth.astype(np.int16) | 1, Geometry.from_matrix(shape, affine), modality="CT", units="HU")
    folder = write_results(plans(configuration={"spacing": wanted}), folds=1)
    expected = labels_of_nnunet(folder, volume)
    added = add(folder)
    assert added.card.input.interpolation == "cubic"
    counted = is_weighed(volume.array, work_shape)
    ours = load_model(added.path, "cpu").segment(volume).array
    assert len(np.unique(expected)) > 1
    same = float((ours == expected)[counted].mean())
    values = json.loads((added.path / "card.json").read_text())
    del values["input"]["interpolation"]
    (added.path / "card.json").write_text(json.dumps(values))
    linear = load_model(added.path, "cpu").segment(volume).array
    same_linearly = float((linear == expected)[counted].mean())
    assert same > 0.999 > same_linearly


def test_folds_can_be_chosen(write_results: WriteResults) -> None:
    folder = write_results(plans())
    with open_offer(folder, Choices(folds=("1",))) as offer:
        assert offer.values["network"]["arguments"]["folds"] == 1
    with pytest.raises(MedsegError, match="folds 7"), open_offer(folder, Choices(folds=("7",))):
        pass


def test_a_checkpoint_that_wants_to_run_code_is_refused(write_results: WriteResults, tmp_path: Path) -> None:
    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "it ran"),)

    folder = write_results(plans(), folds=1, logging=Hostile())
    with pytest.raises(MedsegError, match="run code"):
        add(folder)
    assert not (tmp_path / "it ran").exists()


def changed_network(**parts: Any) -> dict[str, Any]:
    architecture = plans()["configurations"]["3d_fullres"]["architecture"]
    arch_kwargs = {**architecture["arch_kwargs"], **parts.pop("arch_kwargs", {})}
    return plans(configuration={"architecture": {**architecture, "arch_kwargs": arch_kwargs, **parts}})


@pytest.mark.parametrize(
    ("written", "words"),
    [
        (changed_network(network_class_name="os.system"), "os.system"),
        (changed_network(network_class_name="my.dynamic_network_architectures.PlainConvUNet"), "my.dynamic"),
        (changed_network(arch_kwargs={"conv_op": "builtins.eval"}), "refuses its arguments"),
        (changed_network(arch_kwargs={"nonlin": "torch.hub.load"}), "refuses its arguments"),
        (changed_network(arch_kwargs={"command": "true"}), "refuses its arguments"),
        (plans(configuration={"previous_stage": "3d_lowres"}), "cascade"),
        (plans(configuration={"preprocessor_name": "MyPreprocessor"}), "MyPreprocessor"),
        (plans(configuration={"normalization_schemes": ["MyNormalization"]}), "MyNormalization"),
        (plans(image_reader_writer="MyReader"), "MyReader"),
        (plans(transpose_forward=None), "transpose_forward"),
    ],
)
def test_what_is_not_on_the_list_is_named_and_refused(
    write_results: WriteResults, written: dict[str, Any], words: str
) -> None:
    with pytest.raises(MedsegError, match=words) as caught:
        add(write_results(written, folds=1))
    assert caught.value.hint


TWO = {**DATASET, "channel_names": {"1": "T2", "0": "T1"}}


def test_two_images_at_once_give_the_labels_of_nnunet(write_results: WriteResults) -> None:
    """Each has its own scheme, and one is scaled where either is not 0."""
    schemes = {"normalization_schemes": ["ZScoreNormalization", "CTNormalization"], "use_mask_for_norm": [True, False]}
    facts = {"0": {}, "1": {"percentile_00_5": 250.0, "percentile_99_5": 550.0, "mean": 400.0, "std": 60.0}}
    written = plans(configuration=schemes, foreground_intensity_properties_per_channel=facts)
    folder = write_results(written, TWO, folds=1)
    assert agreement(folder, two_images((21, 20, 24))) > 0.999
    with open_offer(folder) as offer:
        assert [channel["name"] for channel in offer.values["input"]["channels"]] == ["T1", "T2"]


def test_a_scheme_is_told_for_every_image(write_results: WriteResults) -> None:
    with pytest.raises(MedsegError, match="how each of its images"), open_offer(write_results(plans(), TWO, folds=1)):
        pass
