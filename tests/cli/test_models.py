from __future__ import annotations

import json
from collections.abc import Callable

from napari_medseg import list_models

Run = Callable[..., tuple[int, str, str]]


def test_every_model_is_listed_with_its_licence(run: Run) -> None:
    status, out, _ = run("models")
    assert status == 0
    for card in list_models():
        assert f"{card.name}: {card.title}" in out
        assert card.licence in out


def test_json_is_the_whole_card(run: Run) -> None:
    status, out, _ = run("models", "--json")
    assert status == 0
    assert [card["name"] for card in json.loads(out)] == [card.name for card in list_models()]
