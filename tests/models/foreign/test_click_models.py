"""Other people's click models among one's own."""

from __future__ import annotations

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from foreign_click_models import SAM_SIDE, write_nninteractive, write_sam
from napari_medseg.cli.models_add import describe_offer
from napari_medseg.core import MedsegError
from napari_medseg.inference.clicks.facts import click_facts
from napari_medseg.models.catalogue import ModelFolder
from napari_medseg.models.foreign.adding import add_offer, open_offer
from napari_medseg.models.foreign.offer import Choices
from napari_medseg.models.network_files import load_network


def add(path: Path, target: Path, **choices: Any) -> ModelFolder:
    with open_offer(path, Choices(**choices)) as offer:
        return add_offer(offer, target)


@pytest.fixture(scope="module")
def sam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers", reason="the extra 'sam' is not installed")
    return write_sam(tmp_path_factory.mktemp("sam") / "tiny-sam")


@pytest.fixture
def nninteractive(tmp_path: Path) -> Path:
    pytest.importorskip("dynamic_network_architectures", reason="the extra 'nninteractive' is not installed")
    return write_nninteractive(tmp_path / "nnInteractive_v1.0")


def test_a_sam_folder_becomes_a_click_model_with_the_weights_of_its_file(sam: Path, tmp_path: Path) -> None:
    from transformers import SamModel

    with open_offer(sam) as offer:
        told = "\n".join(describe_offer(offer))
    assert "Segment Anything" in told and "licence apache-2.0" in told
    model = add(sam, tmp_path)
    assert (model.card.name, model.card.task, model.card.licence) == ("tiny-sam", "clicks", "apache-2.0")
    assert click_facts(model.card).sees_whole and click_facts(model.card).side(2) == SAM_SIDE
    own, theirs = load_network(model), SamModel.from_pretrained(sam, local_files_only=True)
    assert own.sam.state_dict().keys() == theirs.state_dict().keys()
    assert all(torch.equal(own.sam.state_dict()[name], value) for name, value in theirs.state_dict().items())
    assert own(torch.zeros(1, 3, SAM_SIDE, SAM_SIDE)).shape == (1, 1, 32, 32)


def test_nothing_that_is_no_number_reaches_the_network_of_a_sam(sam: Path, tmp_path: Path) -> None:
    copy = _copy(sam, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["vision_config"] |= {"_attn_implementation": "somebody/kernel", "auto_map": {"AutoModel": "evil.Model"}}
    (copy / "config.json").write_text(json.dumps(config))
    model = add(copy, tmp_path / "models")
    assert "somebody" not in model.card.model_dump_json() and "evil" not in model.card.model_dump_json()
    config["vision_config"]["hidden_act"] = "evil"
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(MedsegError, match="refuses its arguments"):
        add(copy, tmp_path / "others")


def test_a_sam_of_another_size_than_its_weights_is_refused(sam: Path, tmp_path: Path) -> None:
    copy = _copy(sam, tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text())
    config["vision_config"]["mlp_dim"] = 2**20
    (copy / "config.json").write_text(json.dumps(config))
    with pytest.raises(MedsegError, match="weights are not those of its network"):
        add(copy, tmp_path / "models")


def test_pickled_weights_of_a_sam_are_refused(sam: Path, tmp_path: Path) -> None:
    copy = _copy(sam, tmp_path / "copy")
    (copy / "model.safetensors").unlink()
    torch.save({}, copy / "pytorch_model.bin")
    with pytest.raises(MedsegError, match=r"pytorch_model\.bin are a pickle"):
        add(copy, tmp_path / "models")


def test_other_models_of_transformers_are_named_and_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(MedsegError, match="of the kind 'bert'"):
        add(tmp_path, tmp_path / "models")


def test_without_transformers_a_sentence_says_what_to_install(
    sam: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = add(sam, tmp_path)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MedsegError) as caught:
        load_network(model)
    assert "need the package transformers" in str(caught.value)
    assert 'pip install "napari-medseg[sam]"' in caught.value.hint


def test_an_nninteractive_folder_becomes_a_click_model(nninteractive: Path, tmp_path: Path) -> None:
    with open_offer(nninteractive.parent) as offer:  # as it is unpacked, one folder in another
        told = "\n".join(describe_offer(offer))
    assert "nnInteractive model" in told and "licence CC BY-NC-SA 4.0" in told
    model = add(nninteractive, tmp_path / "models")
    card = model.card
    assert (card.name, card.task, card.licence) == ("nninteractive_v1.0", "clicks", "CC BY-NC-SA 4.0")
    assert (card.network.family, card.network.in_channels, card.input.window) == ("nninteractive", 8, (16, 16, 16))
    assert card.network.arguments["drawing"] == {
        "radius": 4,
        "thickness": 2,
        "decay": 0.9,
        "previous": 0,
        "region": [1, 2],
        "points": [3, 4],
        "scribbles": [5, 6],
    }
    assert not click_facts(card).sees_whole


def test_what_a_folder_says_of_its_prompts_and_its_licence_is_taken_over(tmp_path: Path) -> None:
    pytest.importorskip("dynamic_network_architectures", reason="the extra 'nninteractive' is not installed")
    folder = write_nninteractive(tmp_path / "own", {"point_radius": 9})  # the newer file counts
    facts = {
        "point_radius": 3,
        "interaction_decay": 0.95,
        "interaction_channels": 6,
        "channel_mapping": {"prev_seg": -7, "points": [-2, -1], "scribble": [3, 4]},
    }
    (folder / "inference_info.json").write_text(json.dumps(facts))
    (folder / "LICENSE").write_text("\n CC BY 4.0 \nhttps://creativecommons.org\n")
    card = add(folder, tmp_path / "models", name="own").card
    drawing = card.network.arguments["drawing"]
    assert card.licence == "CC BY 4.0"
    assert (drawing["radius"], drawing["decay"], drawing["previous"]) == (3, 0.95, 0)
    assert (drawing["points"], drawing["scribbles"]) == ([5, 6], [3, 4])


def test_channels_that_there_are_not_are_refused(nninteractive: Path, tmp_path: Path) -> None:
    facts = {"channel_mapping": {"points": [3, 40]}}
    (nninteractive / "inference_info.json").write_text(json.dumps(facts))
    with pytest.raises(MedsegError, match="channels that there are not"):
        add(nninteractive, tmp_path / "models")


def test_a_checkpoint_of_another_configuration_is_refused(nninteractive: Path, tmp_path: Path) -> None:
    with pytest.raises(MedsegError, match="was trained as '3d_fullres_ps192_bs24'"):
        add(nninteractive, tmp_path / "models", configuration="3d_fullres")


def test_a_checkpoint_that_would_run_code_is_refused(nninteractive: Path, tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return os.mkdir, (str(tmp_path / "was-run"),)

    torch.save({"network_weights": {}, "evil": Evil()}, nninteractive / "fold_0" / "checkpoint_final.pth")
    with pytest.raises(MedsegError, match="would run code"):
        add(nninteractive, tmp_path / "models")
    (nninteractive / "fold_0" / "checkpoint_final.pth").write_bytes(pickle.dumps(Evil()))
    with pytest.raises(MedsegError):
        add(nninteractive, tmp_path / "models")
    assert not (tmp_path / "was-run").exists()


def test_without_its_library_a_sentence_says_what_to_install(
    nninteractive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = add(nninteractive, tmp_path / "models")
    monkeypatch.setitem(sys.modules, "dynamic_network_architectures", None)
    with pytest.raises(MedsegError) as caught:
        load_network(model)
    assert 'pip install "napari-medseg[nninteractive]"' in caught.value.hint


def _copy(folder: Path, target: Path) -> Path:
    import shutil

    return Path(shutil.copytree(folder, target))
