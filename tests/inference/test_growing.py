"""Labels are written where the caller wants them, block by block while the network goes through the scan."""

from __future__ import annotations

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_medseg.core import BoxPrompt
from napari_medseg.inference import load_model
from napari_medseg.inference.engine import FrameTask
from napari_medseg.inference.memory import estimate_bytes
from napari_medseg.inference.stepdown import Attempt, NotEnoughMemoryError, run_with_step_down
from napari_medseg.inference.worker import client
from napari_medseg.inference.worker.messages import Finished
from napari_medseg.models.catalogue import find_model

CPU = Attempt("cpu", 1)


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (0.8, 0.8, 0.8)], ids=["on its grid", "resampled"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_the_place_receives_the_labels_whatever_it_held(make_card, make_noise, brightness, spacing, order):
    noise, card = make_noise(order), make_card(spacing_mm=spacing, postprocess={"keep_components": 1})
    expected = FrameTask(card, noise.array, noise.geometry).run(brightness, CPU)
    place = np.full(noise.array.shape, 7, np.uint8, order=order)
    labels = FrameTask(card, noise.array, noise.geometry, into=place).run(brightness, CPU)
    assert labels is place
    np.testing.assert_array_equal(place, expected)
    assert expected.any()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (1.3, 1.3, 1.3)], ids=["on its grid", "resampled"])
def test_it_fills_window_by_window(make_card, noise, brightness, spacing):
    place, seen = np.full(noise.array.shape, 7, np.uint8), []

    def on_progress(done, total, label):
        if label.startswith("Segmenting"):
            seen.append(place.copy())

    task = FrameTask(make_card(spacing_mm=spacing), noise.array, noise.geometry, on_progress=on_progress, into=place)
    final = task.run(brightness, CPU)
    assert not seen[0].any()
    n_found = [np.count_nonzero(labels) for labels in seen]
    assert n_found == sorted(n_found)
    assert len(set(n_found)) > 10
    for labels in seen:
        assert (labels[labels > 0] == final[labels > 0]).all()
    np.testing.assert_array_equal(seen[-1], final)


def test_islands_and_what_lies_outside_of_boxes_go_last(make_card, noise, brightness):
    box, last = BoxPrompt.from_ijk((10, 8, 20), (15, 14, 27), noise.geometry), []
    card, place = make_card(postprocess={"keep_components": 1}), np.zeros(noise.array.shape, np.uint8)
    expected = FrameTask(card, noise.array, noise.geometry, [box]).run(brightness, CPU)

    def on_progress(done, total, label):
        if label == "Cleaning up":
            last.append(place.copy())

    FrameTask(card, noise.array, noise.geometry, [box], on_progress=on_progress, into=place).run(brightness, CPU)
    inside = np.zeros(place.shape, bool)
    inside[box.voxels(noise.geometry)] = True
    assert last[0][~inside].any()
    assert not place[~inside].any()
    np.testing.assert_array_equal(place, expected)


def test_a_step_down_begins_with_empty_labels(make_card, noise, brightness):
    place, at_start, n_calls = np.zeros(noise.array.shape, np.uint8), [], []

    def network(x):
        n_calls.append(len(x))
        if len(n_calls) == 3:
            raise torch.OutOfMemoryError
        return brightness(x)

    def on_progress(done, total, label):
        if label.startswith("Preparing"):
            at_start.append((place.any(), len(n_calls)))

    task = FrameTask(make_card(), noise.array, noise.geometry, on_progress=on_progress, into=place)
    labels, notes = run_with_step_down(lambda attempt: task.run(network, attempt), "cpu", task.window_voxels)
    assert len(notes) == 1
    assert at_start == [(False, 0), (False, 3)]
    np.testing.assert_array_equal(labels, FrameTask(make_card(), noise.array, noise.geometry).run(brightness, CPU))


def test_the_place_is_not_counted_twice(make_card, noise, brightness, monkeypatch):
    needed = []

    def estimate(plan, **options):
        needed.append(estimate_bytes(plan, **options))
        return needed[-1]

    monkeypatch.setattr("napari_medseg.inference.engine.estimate_bytes", estimate)
    place = np.zeros(noise.array.shape, np.uint8)
    FrameTask(make_card(), noise.array, noise.geometry).run(brightness, CPU)
    monkeypatch.setattr("napari_medseg.inference.memory.available_bytes", lambda: needed[0] - place.nbytes)
    with pytest.raises(NotEnoughMemoryError):
        FrameTask(make_card(), noise.array, noise.geometry).run(brightness, CPU)
    FrameTask(make_card(), noise.array, noise.geometry, into=place).run(brightness, CPU)
    assert len(set(needed)) == 1


@pytest.mark.parametrize("crop", [None, "nonzero"])
def test_a_model_writes_into_it_too(tiny_model, tmp_path, noise, crop):
    folder = shutil.copytree(tiny_model, tmp_path / "tiny")
    card = json.loads((folder / "card.json").read_text())
    card["input"]["crop"] = crop
    (folder / "card.json").write_text(json.dumps(card))
    noise.array[:9] = noise.array[..., :4] = 0
    model, place = load_model(folder, device="cpu"), np.zeros(noise.array.shape, np.uint8)
    result = model.segment(noise, into=place)
    assert result.array is place
    np.testing.assert_array_equal(place, model.segment(noise).array)
    assert place.any()


def test_a_place_that_does_not_fit_is_refused(tiny_model, noise):
    model = load_model(tiny_model, device="cpu")
    for place in (np.zeros(noise.array.shape, np.int64), np.zeros((4, 4, 4), np.uint8)):
        with pytest.raises(ValueError, match="do not go into"):
            model.segment(noise, into=place)


@pytest.mark.parametrize("task", ["semantic", "instances"])
def test_findings_do_not_grow(tiny_model, noise, monkeypatch, task):
    """The viewer's side of the worker, without the process."""
    monkeypatch.setattr(client.InferenceWorker, "_start", lambda self: None)
    monkeypatch.setattr(client, "find_model", lambda *_: SimpleNamespace(card=card))
    monkeypatch.setattr(client, "require_fit", lambda *_: None)
    card = find_model(str(tiny_model)).card.model_copy(update={"task": task})
    reports, labels = [], []

    def hold(self, on_progress, cancel, patience_s):
        for done in (0, 1, 2):
            on_progress(done, 2, "Segmenting")
            reports.append((done, len(labels)))
        return Finished(1, (), ())

    monkeypatch.setattr(client.Conversation, "hold", hold)
    worker = client.InferenceWorker()
    worker.segment("tiny", noise, on_labels=labels.append, on_progress=lambda *_: None)
    n = int(task == "semantic")
    assert reports == [(0, 0), (1, n), (2, n)]
