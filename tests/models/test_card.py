from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from napari_medseg.models import ModelCard


def test_a_card_survives_json(card_values: dict[str, Any]) -> None:
    card = ModelCard.model_validate(card_values)
    assert ModelCard.model_validate_json(card.model_dump_json()) == card


def test_a_card_says_nothing_that_older_versions_do_not_know_unless_it_must(card_values: dict[str, Any]) -> None:
    card = ModelCard.model_validate(card_values)
    assert not {"blending", "channels"} & set(card.model_dump(mode="json")["input"])
    names = [{"name": "T1", "intensity": {"kind": "rescale"}}, {"name": "T2"}]
    card_values["network"] = {**card_values["network"], "in_channels": 2}
    card_values["input"] = {**card_values["input"], "blending": "constant", "channels": names}
    card = ModelCard.model_validate(card_values)
    assert ModelCard.model_validate_json(card.model_dump_json()) == card
    assert card.channel_names == ("T1", "T2")
    assert [rule.kind for rule in card.channel_rules] == ["rescale", card.input.intensity.kind]


def test_a_card_cannot_be_changed(card_values: dict[str, Any]) -> None:
    card = ModelCard.model_validate(card_values)
    with pytest.raises(ValidationError):
        card.name = "other"  # type: ignore[misc]


def _changed(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    *parents, last = path.split(".")
    part = values
    for parent in parents:
        part[parent] = dict(part[parent])
        part = part[parent]
    part[last] = value
    return values


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("surprise", 1, "Extra inputs"),
        ("weights.file", "c:weights.safetensors", "pattern"),
        ("test_vector", "c:vector.safetensors", "pattern"),
        ("schema_version", 2, "Input should be 1"),
        ("name", "../escape", "pattern"),
        ("labels", [], "at least 1"),
        ("labels", [{"value": 0, "name": "background", "colour": "#000000"}], "greater than or equal to 1"),
        ("labels", [{"value": 1, "name": "a", "colour": "red"}], "pattern"),
        ("labels", [{"value": 1, "name": n, "colour": "#000000"} for n in "ab"], "share a value"),
        ("input.window", [16, 16], "2 axes"),
        ("input.spacing_mm", [1.0], "1 axes"),
        ("input.overlap", 1.0, "less than 1"),
        ("input.mirror_axes", [3], "not all axes"),
        ("input.intensity", {"percentiles": [99, 1]}, "ascend"),
        ("network.family", "transformer", "Input should be"),
        ("input.channels", [{"name": "T1"}, {"name": "T2"}], "are 2, the network reads 1"),
        ("weights.file", "../weights.safetensors", "pattern"),
        ("weights.file", "weights.pt", "pattern"),
        ("weights.sha256", "abc", "pattern"),
        ("test_vector", "/etc/vector.safetensors", "pattern"),
    ],
)
def test_a_card_that_is_not_in_order_is_refused(card_values: dict[str, Any], path: str, value: Any, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        ModelCard.model_validate(_changed(card_values, path, value))


def test_a_network_of_instances_is_not_cropped(card_values: dict[str, Any]) -> None:
    network = {"family": "maskrcnn", "spatial_dims": 2, "in_channels": 1, "out_channels": 2}
    values = card_values | {"task": "instances", "network": network, "input": {"window": [16, 16]}}
    ModelCard.model_validate(values)
    with pytest.raises(ValidationError, match=r"input\.crop"):
        ModelCard.model_validate(values | {"input": {"window": [16, 16], "crop": "nonzero"}})
