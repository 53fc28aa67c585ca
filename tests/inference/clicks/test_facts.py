from __future__ import annotations

import math
import subprocess
import sys

import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.clicks.facts import click_facts
from napari_medseg.models.card import ModelCard


def _card(**changes: object) -> ModelCard:
    values = {
        "name": "clicks",
        "title": "Clicks",
        "description": "",
        "task": "clicks",
        "modality": (),
        "body_part": "",
        "network": {"family": "unet", "spatial_dims": 3, "in_channels": 6, "out_channels": 1},
        "labels": [{"value": 1, "name": "object", "colour": "#ff0000"}],
        "input": {"window": (96, 96, 96)},
        "licence": "BSD-3-Clause",
        "intended_use": "",
        "limitations": "",
        "weights": {"file": "w.safetensors", "sha256": "0" * 64, "size_bytes": 1, "dtype": "float32"},
    }
    return ModelCard.model_validate({**values, **changes})


def test_the_card_says_how_a_model_is_asked() -> None:
    facts = click_facts(_card())
    assert (facts.name, facts.spatial_dims, facts.side(3), facts.largest_zoom) == ("Clicks", (3,), 96, math.inf)
    assert not facts.sees_whole and facts.asks_twice


def test_what_answers_no_clicks_is_refused() -> None:
    with pytest.raises(MedsegError, match="does not segment by clicks"):
        click_facts(_card(task="semantic"))
    with pytest.raises(MedsegError, match="cannot show Clicks"):
        click_facts(_card(input={"window": (96, 96, 48)}))


def test_facts_need_no_network_library() -> None:
    code = "import napari_medseg.inference.clicks.facts, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
