from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest

from napari_medseg.core import Code, MedsegError, Source, Volume
from napari_medseg.inference import load_model


@pytest.fixture(scope="module")
def model(tiny_model):
    return load_model(str(tiny_model), device="cpu")


def test_labels_come_on_the_volumes_geometry_with_the_cards_segments(model, noise):
    source = Source(path=None, format="memory")
    result = model.segment(dataclasses.replace(noise, source=source))
    assert result.geometry is noise.geometry
    assert result.source is source
    assert result.model == "tiny"
    assert result.notes == ()
    assert [(s.label, s.name, s.colour) for s in result.segments] == [(1, "first", "#ff0000"), (2, "second", "#00ff00")]
    assert result.segments[1].code == Code("5366008", "SCT", "Hippocampus")
    assert set(np.unique(result.array)) <= {0, 1, 2}


def test_one_frame_of_many_is_segmented(model, noise):
    other = np.zeros_like(noise.array)
    both = Volume(np.stack([other, noise.array], axis=-1), noise.geometry, fourth_axis="time")
    np.testing.assert_array_equal(model.segment(both, frame=1).array, model.segment(noise).array)


def test_device_and_reason_are_told(model):
    assert model.device == "cpu"
    assert model.device_reason


def test_an_unfit_volume_is_refused(model, noise):
    with pytest.raises(MedsegError, match="this one is CT"):
        model.segment(dataclasses.replace(noise, modality="CT"))


@pytest.mark.parametrize("threshold", [0, 1, -0.5, 7])
def test_a_threshold_is_a_probability(model, noise, threshold):
    with pytest.raises(MedsegError, match="between 0 and 1"):
        model.segment(noise, threshold=threshold)


def test_a_higher_threshold_finds_less(model, noise):
    found = [np.count_nonzero(model.segment(noise, threshold=t).array) for t in (0.2, 0.6, 0.9)]
    assert found == sorted(found, reverse=True)
    assert found[0] > found[-1]


def test_finding_nothing_is_said(model, noise):
    empty = dataclasses.replace(noise, array=np.zeros_like(noise.array))
    result = model.segment(empty)
    assert not result.array.any()
    assert "found nothing" in result.notes[0]


def test_unknown_models_and_changed_weights_are_told(tiny_model, tmp_path):
    with pytest.raises(MedsegError, match="no-such-model"):
        load_model("no-such-model")
    folder = shutil.copytree(tiny_model, tmp_path / "tiny")
    weights = folder / "weights.safetensors"
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(MedsegError, match="not those of its card"):
        load_model(str(folder))


def test_a_card_with_too_few_labels_is_told(tiny_model, tmp_path):
    folder = shutil.copytree(tiny_model, tmp_path / "tiny")
    card = json.loads((folder / "card.json").read_text())
    card["labels"] = card["labels"][:1]
    (folder / "card.json").write_text(json.dumps(card))
    with pytest.raises(MedsegError, match="names 1 labels"):
        load_model(str(folder))
