from __future__ import annotations

from pathlib import Path

import pytest
import torch

from napari_medseg.core.errors import MedsegError
from napari_medseg.inference.devices import Accelerators
from napari_medseg.training.cases import find_cases, load_cases
from napari_medseg.training.hardware import CPU, Hardware, choose_hardware
from napari_medseg.training.loop import Surroundings, Training
from napari_medseg.training.samples import Batches

CARD = Accelerators(cuda="a card")
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch finds no graphics card")


def test_the_processor_is_what_there_always_is() -> None:
    assert choose_hardware("auto", "auto", Accelerators()) == CPU
    assert choose_hardware("cpu", "mixed", CARD) == CPU
    assert choose_hardware("auto", "mixed", Accelerators(mps=True)) == CPU
    with pytest.raises(MedsegError, match="cuda"):
        choose_hardware("cuda", "auto", Accelerators())


@pytest.mark.parametrize(("has_bfloat16", "wanted"), [(True, torch.bfloat16), (False, torch.float16)])
def test_a_card_mixes_unless_told_not_to(
    monkeypatch: pytest.MonkeyPatch, has_bfloat16: bool, wanted: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: has_bfloat16)
    for precision in ("auto", "mixed"):
        assert choose_hardware("auto", precision, CARD) == Hardware(torch.device("cuda"), wanted)
    assert choose_hardware("cuda", "full", CARD) == Hardware(torch.device("cuda"))


def test_only_float16_scales_its_gradients() -> None:
    assert not CPU.scaler().is_enabled()
    assert not Hardware(torch.device("cpu"), torch.bfloat16).scaler().is_enabled()
    assert Hardware(torch.device("cpu"), torch.float16).scaler().is_enabled()


def test_the_order_of_sums_is_fixed_on_a_card_only_and_only_while_it_trains() -> None:
    card = Hardware(torch.device("cuda"))
    for hardware, family, fixed in ((CPU, "unet", False), (card, "unet", True), (card, "maskrcnn", False)):
        with hardware.repeatable(family):
            assert torch.are_deterministic_algorithms_enabled() is fixed
        assert not torch.are_deterministic_algorithms_enabled()


def train(ball_data: Path, recipe, folder: Path, hardware: Hardware) -> dict[str, torch.Tensor]:
    folder.mkdir(exist_ok=True)
    cases = load_cases(find_cases(ball_data, recipe.data), recipe.input.intensity)
    return Training(recipe, Batches(recipe, cases, None), folder, surroundings=Surroundings(hardware)).run()


def test_mixed_numbers_and_their_scale_go_through_a_checkpoint(ball_data: Path, make_recipe, tmp_path: Path) -> None:
    """On the processor, which can do what a card does, though slowly; the recipe never asks it to."""
    mixed = Hardware(torch.device("cpu"), torch.float16)
    whole = train(ball_data, make_recipe(steps=4), tmp_path / "whole", mixed)
    full = train(ball_data, make_recipe(steps=4), tmp_path / "full", CPU)
    assert any(not torch.equal(whole[name], full[name]) for name in full)
    assert all(bool(torch.isfinite(value).all()) for value in whole.values())
    state = torch.load(tmp_path / "whole" / "checkpoint.pt", weights_only=True)
    assert state["scaler"]["scale"] > 0


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("precision", ["full", "mixed"])
def test_a_card_trains_gives_the_same_twice_and_goes_on(
    ball_data: Path, make_recipe, tmp_path: Path, precision: str
) -> None:
    hardware = choose_hardware("cuda", precision)
    first = train(ball_data, make_recipe(steps=6), tmp_path / "a", hardware)
    second = train(ball_data, make_recipe(steps=6), tmp_path / "b", hardware)
    assert all(value.device.type == "cpu" for value in first.values())
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.equal(first[n], v) for n, v in train(ball_data, make_recipe(steps=6), tmp_path / "a", CPU).items())


@pytest.mark.gpu
@needs_gpu
def test_a_training_begun_on_the_processor_goes_on_on_a_card(ball_data: Path, make_recipe, tmp_path: Path) -> None:
    recipe = make_recipe(steps=6)
    (tmp_path / "a").mkdir()
    cases = load_cases(find_cases(ball_data, recipe.data), recipe.input.intensity)

    def stop(done: int, total: int, label: str) -> None:
        if done == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Training(recipe, Batches(recipe, cases, None), tmp_path / "a").run(stop)
    weights = train(ball_data, recipe, tmp_path / "a", choose_hardware("cuda", "full"))
    reference = train(ball_data, recipe, tmp_path / "b", CPU)
    assert all(torch.allclose(weights[name].float(), reference[name].float(), atol=1e-2) for name in reference)
