"""Which methods are offered, and that click models stay in the Click section."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from click_hand import BALLS, Hand, make_scan
from napari_medseg.gui.click.methods import MethodShelf, load_method, method_choices
from napari_medseg.gui.segment import SegmentWidget
from napari_medseg.plugin.layers import volume_to_layer

pytestmark = pytest.mark.gui

A = BALLS["a"]


def click_card(new_card: Callable[..., Any], dims: int, name: str = "click-tiny") -> Any:
    """A card of a click model."""
    return new_card(
        name,
        dims=dims,
        task="clicks",
        modality=(),
        network={
            "family": "unet",
            "spatial_dims": dims,
            "in_channels": 6,
            "out_channels": 1,
            "arguments": {"channels": [4, 8], "strides": [2], "num_res_units": 1},
        },
        labels=[{"value": 1, "name": "Object", "colour": "#ffb000"}],
        input={"window": [32] * dims, "intensity": {"kind": "zscore", "scope": "window"}},
    )


def test_models_come_first_and_what_does_not_serve_last(new_card: Any) -> None:
    card = click_card(new_card, 3)
    flat, volume = method_choices([card], 2), method_choices([card], 3)
    assert [choice.key for choice in flat if not choice.apart] == ["geodesic", "growing", "random-walker"]
    assert [choice.key for choice in volume if not choice.apart] == ["click-tiny", "geodesic", "growing"]
    assert next(choice.text for choice in volume if choice.apart).endswith("for slices")


@pytest.mark.parametrize("key", ["geodesic", "growing", "random-walker"])
def test_every_classical_method_segments(key: str, qtbot: Any, viewer: Any, worker: Any, new_card: Any) -> None:
    panel = SegmentWidget(viewer, worker=worker, catalogue=lambda: [new_card()])
    qtbot.addWidget(panel)
    hand = Hand(viewer, viewer.add_layer(volume_to_layer(make_scan())), panel, qtbot)
    panel.view.click.method_box.choose(key)
    panel.view.click.tools["add"].click()
    hand.click(A)
    found = panel.clicks._target().labels > 0
    truth = np.asarray(panel.runs.image.metadata["napari_medseg"].volume.array)[:, A[1]] > 0
    truth[20:] = False  # ball b
    overlap = 2 * (found[:, A[1]] & truth).sum() / (found.sum() + truth.sum())
    assert overlap > 0.8


def test_click_models_are_offered_for_clicks_alone(qtbot: Any, viewer: Any, worker: Any, new_card: Any) -> None:
    cards = [click_card(new_card, 2), new_card("blobs")]
    panel = SegmentWidget(viewer, worker=worker, catalogue=lambda: cards)
    qtbot.addWidget(panel)
    viewer.add_layer(volume_to_layer(make_scan()))
    qtbot.waitUntil(lambda: not panel.runs.catalogue_job.busy)
    run, click = panel.view.model.model_box, panel.view.click.method_box
    assert run.findData("click-tiny") < 0 and run.findData("blobs") >= 0
    assert click.findData("click-tiny") >= 0 and click.findData("blobs") < 0
    panel.view.click.extent_box.choose("volume")
    assert click.key == "geodesic"


def test_a_network_answers(tmp_path: Path, new_card: Any, qtbot: Any, viewer: Any, worker: Any) -> None:
    """A tiny network with random weights: what it finds means nothing, but the clicked voxel is in it."""
    torch = pytest.importorskip("torch")
    from napari_medseg.inference.worker import default_click_worker
    from napari_medseg.models.networks import build_network
    from napari_medseg.models.weights import save_weights

    card = click_card(new_card, 2)
    torch.manual_seed(1)
    folder = tmp_path / "click-tiny"
    folder.mkdir()
    spec = save_weights(build_network(card.network).state_dict(), folder / "w.safetensors", "float32")
    (folder / "card.json").write_text(card.model_copy(update={"weights": spec}).model_dump_json())
    shelf = MethodShelf(lambda key: load_method(str(folder)))
    shelf.warm_up("click-tiny")  # the process starts, which takes longer than a test waits for a click
    assert default_click_worker().alive
    panel = SegmentWidget(viewer, worker=worker, catalogue=lambda: [card], click_methods=shelf)
    qtbot.addWidget(panel)
    qtbot.waitUntil(lambda: not panel.runs.catalogue_job.busy)
    hand = Hand(viewer, viewer.add_layer(volume_to_layer(make_scan())), panel, qtbot)
    panel.view.click.method_box.choose("click-tiny")
    panel.view.click.tools["add"].click()
    hand.click(A)
    assert panel.clicks._target().labels[A] > 0
    hand.click((A[0], A[1], A[2] - 12), "Control")
    assert panel.clicks._target().labels[A[0], A[1], A[2] - 12] == 0
    assert panel.clicks._target().labels[A] > 0
    default_click_worker().shutdown()


class Noting(MethodShelf):
    """Notes what it is asked to get ready."""

    def __init__(self) -> None:
        super().__init__()
        self.warmed: list[str] = []

    def warm_up(self, key: str, cancel: Any = None) -> None:
        self.warmed.append(key)


def test_a_method_is_got_ready_when_it_is_chosen_and_when_it_is_needed(
    qtbot: Any, viewer: Any, worker: Any, new_card: Any
) -> None:
    shelf = Noting()
    cards = [click_card(new_card, 2, "flat"), click_card(new_card, 3, "solid")]
    panel = SegmentWidget(viewer, worker=worker, catalogue=lambda: cards, click_methods=shelf)
    qtbot.addWidget(panel)
    viewer.add_layer(volume_to_layer(make_scan()))
    qtbot.waitUntil(lambda: not panel.runs.catalogue_job.busy)
    click = panel.view.click
    assert not shelf.warmed
    for key in ("growing", "flat"):
        click.method_box.choose(key)
        qtbot.waitUntil(lambda key=key: shelf.warmed[-1:] == [key])
    click.tools["add"].click()
    qtbot.waitUntil(lambda: shelf.warmed[2:] == ["flat"])
    click.extent_box.choose("volume")
    assert click.method_box.key == "solid"
    qtbot.waitUntil(lambda: shelf.warmed[3:] == ["solid"])


def test_a_model_comes_first_until_the_user_chooses(qtbot: Any, viewer: Any, worker: Any, new_card: Any) -> None:
    cards = [click_card(new_card, 2, "flat"), click_card(new_card, 3, "solid")]
    panel = SegmentWidget(viewer, worker=worker, catalogue=lambda: cards, click_methods=Noting())
    qtbot.addWidget(panel)
    assert panel.view.click.method_box.key == "geodesic"
    viewer.add_layer(volume_to_layer(make_scan()))
    qtbot.waitUntil(lambda: not panel.runs.catalogue_job.busy)
    click = panel.view.click
    assert click.method_box.key == "flat"
    click.method_box.choose("growing")
    click.extent_box.choose("volume")
    assert click.method_box.key == "solid"
    click.extent_box.choose("slice")
    assert click.method_box.key == "growing"
