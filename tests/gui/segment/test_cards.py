"""Model cards in words."""

from __future__ import annotations

from collections.abc import Callable

from napari_medseg.core import Volume
from napari_medseg.gui.segment.cards import about_model, expected_seconds, misfit, model_choices, model_details
from napari_medseg.models.card import ModelCard


def test_models_that_do_not_fit_stand_apart_with_the_reason(
    new_card: Callable[..., ModelCard], new_volume: Callable[..., Volume]
) -> None:
    cards = [new_card("lungs", modality=("DX", "CR"), dims=2), new_card("blobs")]
    blobs, lungs = model_choices(cards, new_volume())
    assert lungs.apart and lungs.text == "Lungs — for DX/CR"
    assert "this one is MR" in lungs.tooltip
    assert not blobs.apart and blobs.text == "Blobs"
    unknown = model_choices(cards, new_volume(modality=""))
    assert [choice.key for choice in unknown] == ["blobs", "lungs"], "a network with as many axes as the scan first"
    assert misfit(cards[0], None) == "", "before a scan is open every model may do"


def test_expected_time_grows_with_the_volume_at_the_models_spacing(
    new_card: Callable[..., ModelCard], new_volume: Callable[..., Volume]
) -> None:
    geometry = new_volume().geometry
    n_voxels, voxel_mm3 = 12 * 10 * 14, 0.9 * 2.0 * 1.2
    at_scan = new_card(cpu_seconds_per_megavoxel=1e6)
    at_half = new_card(cpu_seconds_per_megavoxel=1e6, input={"window": [8, 8, 8], "spacing_mm": [0.5, 0.5, 0.5]})
    assert expected_seconds(at_scan, geometry) == n_voxels
    assert abs(expected_seconds(at_half, geometry) - n_voxels * voxel_mm3 / 0.125) < 1e-6
    assert expected_seconds(new_card(), geometry) is None
    assert expected_seconds(at_scan, None) is None


def test_the_card_in_short_and_in_full(new_card: Callable[..., ModelCard], new_volume: Callable[..., Volume]) -> None:
    record = {"dataset": "set", "n": 200, "metric": "Dice", "ci_low": 0.8, "ci_high": 0.92}
    card = new_card(
        description="Finds <blobs>.",
        cpu_seconds_per_megavoxel=1e4,
        quality=[{**record, "label": "left", "mean": 0.9}, {**record, "label": "right", "mean": 0.86}],
    )
    geometry = new_volume().geometry
    short = about_model(card, geometry)
    assert short.startswith("Finds &lt;blobs&gt;.<br>")
    assert "Dice 0.88 on 200 cases · licence BSD-3-Clause · about 17 s on a processor" in short
    assert "processor" not in about_model(card, geometry, "cuda")
    assert "left: Dice 0.900 (0.800 to 0.920), 200 cases, set" in model_details(card)
