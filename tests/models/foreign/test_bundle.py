from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_medseg.core import Geometry, MedsegError, Volume
from napari_medseg.models.catalogue import find_model
from napari_medseg.models.foreign.adding import add_offer, open_offer
from napari_medseg.models.foreign.code import code_sha256
from napari_medseg.models.foreign.offer import Choices

WriteBundle = Callable[..., Path]
NETWORK: dict[str, Any] = {
    "_target_": "UNet",
    "spatial_dims": 3,
    "in_channels": 1,
    "out_channels": "@n_channels",
    "channels": [4, 8],
    "strides": [2],
    "num_res_units": 1,
    "norm": "batch",
}
OUTPUTS = {"pred": {"num_channels": 3, "channel_def": {"0": "background", "1": "liver", "2": "spleen"}}}


def ct(shape: tuple[int, int, int], affine: Any) -> Volume:
    values = np.random.default_rng(3).normal(50, 120, shape).astype(np.int16)
    return Volume(values, Geometry.from_matrix(shape, affine), modality="CT", units="HU")


def test_what_a_bundle_is_told_before_it_is_added(write_bundle: WriteBundle) -> None:
    with open_offer(write_bundle()) as offer:
        assert (offer.kind, offer.name, offer.title) == ("MONAI bundle", "two-organs", "Two organs")
        assert (offer.licence, offer.labels, offer.runs) == ("Apache-2.0", ("liver", "spleen"), ())
        assert offer.size_bytes > 1000
        assert offer.values["modality"] == ["CT"]
        assert offer.values["input"]["spacing_mm"] == [1.0, 1.0, 1.0]


def labels_of_monai(folder: Path, path: Path, affine: Any) -> Any:
    """MONAI's parser builds network, transforms and inferer, and runs them on a file; labels in the file's axes."""
    import nibabel
    from monai.bundle.config_parser import ConfigParser

    parser = ConfigParser()
    parser.read_config(folder / "configs" / "inference.json")
    network = parser.get_parsed_content("network_def")
    network.load_state_dict(torch.load(folder / "models" / "model.pt", weights_only=True))
    item = parser.get_parsed_content("preprocessing")({"image": str(path)})
    with torch.inference_mode():
        scores = parser.get_parsed_content("inferer")(item["image"][None], network.eval())[0]
    there = nibabel.Nifti1Image(np.asarray(scores.argmax(dim=0), np.uint8), np.asarray(item["image"].affine))
    turn = nibabel.orientations.ornt_transform(nibabel.io_orientation(there.affine), nibabel.io_orientation(affine))
    return np.asarray(there.as_reoriented(turn).dataobj)


def test_four_images_at_once_give_the_labels_of_monai(write_bundle: WriteBundle, tmp_path: Path) -> None:
    """A 4-D NIfTI file, as those of the Medical Segmentation Decathlon's brain tumours, each image scaled alone."""
    import nibabel

    from napari_medseg import load_model, read_volume

    preprocessing = [
        {"_target_": "LoadImaged", "keys": "image"},
        {"_target_": "EnsureChannelFirstd", "keys": "image"},
        {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
        {"_target_": "NormalizeIntensityd", "keys": "image", "nonzero": True, "channel_wise": True},
    ]
    names = {"0": "FLAIR", "1": "T1w", "2": "T1gd", "3": "T2w"}
    formats = {"outputs": OUTPUTS, "inputs": {"image": {"num_channels": 4, "channel_def": names}}}
    folder = write_bundle(
        {"network_data_format": formats},
        network_def={**NETWORK, "in_channels": 4},
        preprocessing={"_target_": "Compose", "transforms": preprocessing},
        inferer={"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16], "overlap": 0.5},
    )
    with open_offer(folder) as offer:
        assert [channel["name"] for channel in offer.values["input"]["channels"]] == ["FLAIR", "T1w", "T1gd", "T2w"]
        add_offer(offer, tmp_path / "user")
    values = np.random.default_rng(3).normal(50, [20, 5, 60, 90], (22, 30, 19, 4)).astype(np.int16)
    values[:4, ..., 1] = 0
    affine = np.array([[-1, 0, 0, 10], [0, 0, 1, -5], [0, -1, 0, 30], [0, 0, 0, 1]])
    path = tmp_path / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    ours = load_model("two-organs", "cpu", user_folder=tmp_path / "user").segment(read_volume(path))
    assert set(np.unique(ours.array)) == {0, 1, 2}
    assert (ours.array == labels_of_monai(folder, path, affine)).mean() > 0.9999


def test_images_that_are_scaled_together_are_refused(write_bundle: WriteBundle) -> None:
    steps = [{"_target_": "NormalizeIntensityd", "keys": "image"}]
    folder = write_bundle(network_def={**NETWORK, "in_channels": 2}, preprocessing=steps)
    with pytest.raises(MedsegError, match="over all images together"), open_offer(folder):
        pass


@pytest.mark.parametrize("mode", ["gaussian", "constant"])
def test_labels_are_those_of_monais_own_run(write_bundle: WriteBundle, tmp_path: Path, mode: str) -> None:
    import nibabel

    from napari_medseg import load_model, read_volume

    inferer = {"_target_": "SlidingWindowInferer", "roi_size": [16, 16, 16], "overlap": 0.5, "mode": mode}
    folder = write_bundle(inferer=inferer)
    user = tmp_path / "user"
    with open_offer(folder) as offer:
        assert not offer.notes
        add_offer(offer, user)
    volume = ct((22, 30, 19), [[-1, 0, 0, 10], [0, 0, 1, -5], [0, -1, 0, 30], [0, 0, 0, 1]])
    path = tmp_path / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(volume.array, volume.geometry.affine), path)
    ours = load_model("two-organs", "cpu", user_folder=user).segment(read_volume(path))
    expected = labels_of_monai(folder, path, volume.geometry.affine)
    assert set(np.unique(ours.array)) == {0, 1, 2}
    assert (ours.array == expected).mean() > 0.9999
    assert [segment.name for segment in ours.segments] == ["liver", "spleen"]


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"network_def": {"_target_": "os.system", "command": "true"}}, "os.system"),
        ({"network_def": {"_target_": "builtins.eval", "source": "1"}}, "builtins.eval"),
        ({"network_def": {"_target_": "torch.load", "f": "x.pt"}}, "torch.load"),
        ({"network_def": {"_target_": "torch.hub.load", "repo_or_dir": "a/b"}}, "torch.hub.load"),
        ({"network_def": {"_target_": "monai.bundle.download", "name": "a"}}, "monai.bundle.download"),
        ({"network_def": {"_target_": "subprocess.Popen", "args": "true"}}, "subprocess.Popen"),
        ({"network_def": {"_target_": "scripts.networks.UNet"}}, "scripts.networks.UNet"),
        ({"network_def": {"_target_": "UNet", "_mode_": "callable"}}, "mode 'callable'"),
        ({"network_def": {"_target_": "UNet", "_mode_": "debug"}}, "mode 'debug'"),
        ({"network_def": {"_target_": "UNet", "act": {"_target_": "os.system"}}}, "os.system"),
        ({"network_def": "%other.json::network_def"}, "other.json"),
        ({"network_def": "@a", "a": "@b", "b": "@a"}, "refers to itself"),
        ({"network_def": "@nowhere::at::all"}, "refers to 'nowhere::at::all'"),
        ({"preprocessing": [{"_target_": "os.system", "command": "true"}]}, "os.system"),
        ({"preprocessing": [{"_target_": "Resized", "spatial_size": [8, 8, 8]}]}, "Resized"),
        ({"preprocessing": [{"_target_": "Lambdad", "func": "@n_channels"}]}, "Lambdad"),
        ({"inferer": {"_target_": "subprocess.run", "args": "true"}}, "inferer 'run'"),
        ({"inferer": {"_target_": "SimpleInferer"}}, "SimpleInferer"),
        ({"inferer": {"_target_": "SlidingWindowInferer", "roi_size": [8, 8, 8], "cval": -1}}, "cval -1"),
        ({"postprocessing": {"transforms": [{"_target_": "Activationsd", "sigmoid": True}]}}, "may overlap"),
        ({"postprocessing": {"transforms": [{"_target_": "shutil.rmtree", "path": "/"}]}}, "shutil.rmtree"),
    ],
)
def test_what_is_not_on_the_list_is_named_and_refused(
    write_bundle: WriteBundle, tmp_path: Path, parts: dict[str, Any], words: str
) -> None:
    with (
        pytest.raises(MedsegError, match=words.replace(".", r"\.")) as caught,
        open_offer(write_bundle(**parts)) as offer,
    ):
        add_offer(offer, tmp_path / "user")
    assert caught.value.hint
    assert not (tmp_path / "user").exists() or not list((tmp_path / "user").iterdir())


def test_references_that_grow_beyond_all_bounds_are_refused(write_bundle: WriteBundle) -> None:
    parts: dict[str, Any] = {f"a{n}": [f"@a{n + 1}"] * 10 for n in range(15)}
    with (
        pytest.raises(MedsegError, match="too many values"),
        open_offer(write_bundle(network_def="@a0", a15=[1], **parts)),
    ):
        pass


def test_a_network_larger_than_any_machine_is_refused_before_it_is_built(
    write_bundle: WriteBundle, tmp_path: Path
) -> None:
    network = {"_target_": "UNet", "spatial_dims": 3, "in_channels": 1, "out_channels": 3, "strides": [2]}
    folder = write_bundle(network_def={**network, "channels": [100_000, 1_000_000]})
    with open_offer(folder) as offer, pytest.raises(MedsegError, match="not those of its network"):
        add_offer(offer, tmp_path / "user")


def test_code_is_shown_and_runs_only_on_a_yes(write_bundle: WriteBundle, tmp_path: Path) -> None:
    trace = tmp_path / "it ran"
    code = f"[open({str(trace)!r}, 'w').close(), 16][1]"
    inferer = {"_target_": "SlidingWindowInferer", "roi_size": [f"${code}", 16, 16], "mode": "gaussian"}
    folder = write_bundle(inferer=inferer)
    with open_offer(folder) as offer:
        assert offer.runs == ("import glob", code)
        with pytest.raises(MedsegError, match="code has to run"):
            add_offer(offer, tmp_path / "user")
    assert not trace.exists()
    with pytest.raises(MedsegError, match="not the code that was shown"), open_offer(folder, Choices(run_code=True)):
        pass
    assert not trace.exists()
    with open_offer(folder, allowed("import glob", code)) as offer:
        assert offer.runs == ()
        assert add_offer(offer, tmp_path / "user").card.input.window == (16, 16, 16)
    assert trace.exists()


def allowed(*lines: str) -> Choices:
    return Choices(run_code=True, code_sha256=code_sha256(lines))


def test_a_network_that_computes_while_it_is_built_is_bounded_too() -> None:
    from napari_medseg.models.foreign.bounded import BoundedTensors

    small = [{"weight": torch.zeros(4)}]
    with BoundedTensors(small):
        torch.nn.Conv3d(4, 8, 3)
    for build in (lambda: torch.ones(1 << 40), lambda: [torch.nn.Linear(4096, 4096) for _ in range(5)]):
        with pytest.raises(MedsegError, match="far larger"), BoundedTensors(small):
            build()


def test_nothing_runs_but_what_was_shown(write_bundle: WriteBundle, tmp_path: Path) -> None:
    """MONAI's parser runs imports wherever they stand, and whatever an expression refers to."""
    trace = tmp_path / "it ran"
    hidden = f"$open({str(trace)!r}, 'w').close()"
    window = ["$int('16')", 16, 16]
    inferer = {"_target_": "SlidingWindowInferer", "roi_size": window, "mode": "gaussian"}
    folder = write_bundle(inferer=inferer, hidden=hidden, datalist=[hidden], device={"x": hidden})
    with open_offer(folder, allowed("import glob", "int('16')")) as offer:
        assert offer.values["input"]["window"] == (16, 16, 16)
    assert not trace.exists()


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"channels": "$[@base, 32]"}, "other parts"),
        ({"channels": "$[%other.json::a, 32]"}, "other parts"),
        ({"imports": "$open('ran', 'w')"}, "no list of import"),
        ({"imports": [["$import os"]]}, "no list of import"),
        ({"imports": [{"a": "$import os"}]}, "no list of import"),
        ({"imports": ["$open('ran', 'w')"]}, "no import statement"),
        ({"imports": ["@base"]}, "no list of import"),
        ({"imports": ["%base"]}, "no list of import"),
        ({"imports": ["$import os; open('ran', 'w')"]}, "no import statement"),
        ({"imports": ["$import os\nopen('ran', 'w')"]}, "no import statement"),
        ({"imports": ["$import scripts"]}, "come with the model"),
        ({"imports": ["$from . import scripts"]}, "come with the model"),
    ],
)
def test_code_that_brings_other_code_is_refused(
    write_bundle: WriteBundle, tmp_path: Path, parts: dict[str, Any], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    network = {"_target_": "UNet", "channels": parts.pop("channels", "$[int('4'), 8]")}
    folder = write_bundle(network_def=network, base="$open('ran', 'w')", **parts)
    (folder / "scripts").mkdir()
    for choices in (Choices(), Choices(run_code=True)):
        with pytest.raises(MedsegError, match=words), open_offer(folder, choices):
            pass
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "parts",
    [
        {"postprocessing": 3},
        {"postprocessing": [{"sigmoid": False}]},
        {"postprocessing": ["Activationsd"]},
        {"preprocessing": [{"_target_": "ScaleIntensityRanged", "a_min": 0, "a_max": 1, "b_min": [], "b_max": "x"}]},
        {"preprocessing": [{"_target_": "ScaleIntensityd", "minv": [0]}]},
        {"preprocessing": [{"_target_": "NormalizeIntensityd", "subtrahend": "x", "divisor": {}}]},
        {"preprocessing": 3},
        {"preprocessing": [{"_target_": "Spacingd", "pixdim": "x"}]},
    ],
)
def test_values_of_another_kind_are_a_sentence(write_bundle: WriteBundle, parts: dict[str, Any]) -> None:
    with pytest.raises(MedsegError), open_offer(write_bundle(**parts)):
        pass


def test_code_after_the_network_is_shown(write_bundle: WriteBundle) -> None:
    with open_offer(write_bundle(postprocessing="$monai.transforms.Compose([])")) as offer:
        assert offer.runs == ("import glob", "monai.transforms.Compose([])")


def test_an_import_is_shown_and_does_not_run(write_bundle: WriteBundle) -> None:
    network = {"_target_": "UNet", "channels": "$__import__('os').system('true') or [4, 8]"}
    with open_offer(write_bundle(network_def=network, imports=["$import os"])) as offer:
        assert offer.runs == ("import os", "__import__('os').system('true') or [4, 8]")


def test_a_pickle_that_wants_more_than_numbers_is_refused(write_bundle: WriteBundle, tmp_path: Path) -> None:
    trace = tmp_path / "it ran"

    class Hostile:
        def __reduce__(self) -> tuple[Any, ...]:
            return open, (str(trace), "w")

    folder = write_bundle()
    torch.save({"weight": Hostile()}, folder / "models" / "model.pt")
    with open_offer(folder) as offer, pytest.raises(MedsegError, match="run code"):
        add_offer(offer, tmp_path / "user")
    assert not trace.exists()


def test_safetensors_that_lie_about_their_sizes_are_refused(write_bundle: WriteBundle, tmp_path: Path) -> None:
    folder = write_bundle()
    (folder / "models" / "model.pt").unlink()
    header = json.dumps({"weight": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}).encode()
    path = folder / "models" / "model.safetensors"
    for content in (len(header).to_bytes(8, "little") + header + b"\0" * 64, (1 << 62).to_bytes(8, "little") + b"{}"):
        path.write_bytes(content)
        with open_offer(folder) as offer, pytest.raises(MedsegError, match="not what its header says"):
            add_offer(offer, tmp_path / "user")


def test_one_number_that_claims_to_be_millions_is_refused(write_bundle: WriteBundle, tmp_path: Path) -> None:
    folder = write_bundle()
    torch.save({"weight": torch.zeros(1).expand(1 << 40)}, folder / "models" / "model.pt")
    with open_offer(folder) as offer, pytest.raises(MedsegError, match="claims more"):
        add_offer(offer, tmp_path / "user")


def test_weights_of_another_network_are_refused(write_bundle: WriteBundle, tmp_path: Path) -> None:
    folder = write_bundle()
    torch.save({"weight": torch.zeros(3)}, folder / "models" / "model.pt")
    with open_offer(folder) as offer, pytest.raises(MedsegError, match="not those of its network"):
        add_offer(offer, tmp_path / "user")


def test_a_model_of_this_name_stays_unless_asked_for(write_bundle: WriteBundle, tmp_path: Path) -> None:
    with open_offer(write_bundle()) as offer:
        add_offer(offer, tmp_path / "user")
        with pytest.raises(MedsegError, match="already"):
            add_offer(offer, tmp_path / "user")
        add_offer(offer, tmp_path / "user", overwrite=True)
    assert find_model("two-organs", tmp_path / "user").card.licence == "Apache-2.0"


@pytest.mark.parametrize("name", ["two\x1b[2Jorgans", "two\u202eorgans", "two\norgans"])
def test_names_with_characters_that_cannot_be_seen_are_refused(write_bundle: WriteBundle, name: str) -> None:
    with pytest.raises(MedsegError, match="cannot be seen"), open_offer(write_bundle({"name": name})):
        pass
