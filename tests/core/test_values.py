"""Volume, Segmentation, prompts, progress and errors as values."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_medseg.core import (
    BoxPrompt,
    Cancelled,
    CancelToken,
    Geometry,
    MedsegError,
    Segment,
    Segmentation,
    Source,
    Volume,
    Window,
)
from napari_medseg.core.progress import report
from napari_medseg.core.segmentation import present_labels


def make_volume(shape: tuple[int, ...] = (4, 5, 6), **facts: object) -> Volume:
    geometry = Geometry.from_matrix(shape[:3], np.diag([2.0, 2.0, 3.0, 1.0]))
    return Volume(np.zeros(shape, np.int16), geometry, **facts)  # type: ignore[arg-type]


def test_a_volume_must_fill_its_geometry() -> None:
    geometry = Geometry.from_matrix((4, 5, 6), np.eye(4))
    with pytest.raises(ValueError, match="does not fill"):
        Volume(np.zeros((4, 5, 7)), geometry)
    with pytest.raises(ValueError, match="fourth_axis"):
        Volume(np.zeros((4, 5, 6, 2)), geometry)


def test_frames_are_views() -> None:
    volume = make_volume((4, 5, 6, 3), fourth_axis="time")
    assert volume.n_frames == 3
    assert np.shares_memory(volume.frame(2), volume.array)
    assert volume.frame(2).shape == (4, 5, 6)
    with pytest.raises(IndexError):
        volume.frame(3)
    assert make_volume((4, 5, 1, 3), fourth_axis="rgb").n_frames == 1


def test_labels_take_over_geometry_and_source() -> None:
    source = Source("memory", native_shape=(4, 5, 6))
    volume = make_volume(source=source)
    labels = np.zeros((4, 5, 6), np.int64)
    labels[1, 2, 3] = 300
    labels[0, 0, 0] = 2
    seg = Segmentation.from_array(labels, volume, [Segment(2, "liver")])
    assert seg.array.dtype == np.uint16
    assert seg.geometry is volume.geometry
    assert seg.source is source
    assert [(s.label, s.name) for s in seg.segments] == [(2, "liver"), (300, "Label 300")]
    assert all(s.colour.startswith("#") and len(s.colour) == 7 for s in seg.segments)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.full((4, 5, 6), -1), "negative"),
        (np.zeros((4, 5, 6), float), "integers"),
        (np.zeros((4, 5, 7), int), "do not fill"),
    ],
)
def test_what_is_no_label_array_is_refused(labels: np.ndarray, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Segmentation.from_array(labels, make_volume())


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.uint32])
def test_present_labels_are_found_in_any_memory_order(kind: type) -> None:
    array = np.zeros((70, 80, 90), kind)
    array[69, 79, 89] = 200
    array[0, 0, 0] = 3
    assert present_labels(array) == present_labels(np.asfortranarray(array)) == [3, 200]
    assert present_labels(array[::-1, ::2].transpose(2, 0, 1)) == [3]


def test_a_box_keeps_its_place_on_another_grid() -> None:
    fine = Geometry.from_matrix((40, 40, 40), np.diag([1.0, 1.0, 1.0, 1.0]))
    flipped = np.diag([-2.0, 2.0, 2.0, 1.0])
    flipped[0, 3] = 38
    coarse = Geometry.from_matrix((20, 20, 20), flipped)
    box = BoxPrompt.from_ijk((10, 4, 6), (20, 8, 6), fine)
    assert box.voxels(fine) == (slice(10, 21), slice(4, 9), slice(6, 7))
    assert box.voxels(coarse) == (slice(9, 15), slice(2, 5), slice(3, 4))


def test_a_box_outside_holds_no_voxels() -> None:
    geometry = Geometry.from_matrix((5, 5, 5), np.eye(4))
    assert any(s.start == s.stop for s in BoxPrompt((20, 20, 20), (30, 30, 30)).voxels(geometry))


def test_a_cancel_from_another_thread_stops_the_next_step() -> None:
    token = CancelToken()
    steps: list[tuple[int, int, str]] = []
    report(lambda *step: steps.append(step), 1, 2, "Reading", token)
    thread = threading.Thread(target=token.cancel)
    thread.start()
    thread.join()
    with pytest.raises(Cancelled):
        report(lambda *step: steps.append(step), 2, 2, "Reading", token)
    assert steps == [(1, 2, "Reading")]


def test_an_error_reads_as_sentence_and_hint() -> None:
    error = MedsegError("The file is empty.", "Copy it again.")
    assert str(error) == "The file is empty. Copy it again."
    assert str(MedsegError("The file is empty.")) == "The file is empty."


def test_window_limits() -> None:
    assert Window(40, 400).limits == (-160, 240)
