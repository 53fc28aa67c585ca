"""What a click must do whatever the method says, and how its window grows."""

from __future__ import annotations

import numpy as np
import pytest

from click_methods import Always, Bright
from napari_medseg.core import BoxPrompt, Cancelled, CancelToken, Geometry, MedsegError, PointPrompt, ScribblePrompt
from napari_medseg.inference.clicks import ClickScene, ClickSession, CurrentObject

CENTRE = (28, 36, 14)


def apply(session: ClickSession, prompts, labels: np.ndarray, label: int = 1, locked: frozenset[int] = frozenset()):
    current = CurrentObject(labels, label, locked)
    answer = session.answer(prompts, current)
    where, values = answer.changes(current)
    labels[where] = values
    return answer


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def click(scene: ClickScene, at=CENTRE, *, positive: bool = True) -> PointPrompt:
    return PointPrompt.from_ijk(at, scene.geometry, positive=positive)


@pytest.mark.parametrize("plane", [None, (0, 28), (1, 36), (2, 14)])
def test_a_click_finds_the_object_in_a_volume_and_on_any_slice(scene, truth, plane) -> None:
    on = ClickScene(scene.voxels, scene.geometry, plane=plane)
    labels = np.zeros(truth.shape, np.uint8)
    apply(ClickSession(on, Bright()), [click(on)], labels)
    wanted = truth
    if plane is not None:
        wanted = np.zeros_like(truth)
        part = tuple(plane[1] if axis == plane[0] else slice(None) for axis in range(3))
        wanted[part] = truth[part]
    assert overlap(labels == 1, wanted) > 0.9
    assert plane is None or not labels.any(axis=tuple(a for a in range(3) if a != plane[0]))[[3, 5]].any()


def test_the_window_grows_until_the_object_fits(scene, truth) -> None:
    labels = np.zeros(truth.shape, np.uint8)
    small = Bright(side=12)
    answer = apply(ClickSession(scene, small), [click(scene)], labels)
    assert len(small.windows) > 1
    assert answer.zoom > 1
    assert overlap(labels == 1, truth) > 0.8
    assert all(view.image.shape == (12, 12, 12) for view in small.windows)


def test_a_small_object_in_a_large_volume_is_looked_at_closely(geometry) -> None:
    voxels = np.zeros((160, 150, 140), np.int16)
    voxels[80:86, 70:77, 60:68] = 100
    scene = ClickScene(voxels, Geometry.from_matrix(voxels.shape, np.eye(4)))
    labels = np.zeros(voxels.shape, np.uint8)
    method = Bright(side=20)
    answer = apply(ClickSession(scene, method), [click(scene, (83, 73, 64))], labels)
    assert answer.zoom == 1
    assert np.array_equal(labels == 1, voxels > 0)
    assert len(method.windows) == 2
    apply(ClickSession(scene, method), [click(scene, (83, 73, 64)), click(scene, (84, 74, 65))], labels)
    assert len(method.windows) == 3, "where it is known, it is looked at closely at once"


def test_a_method_that_asks_twice_sees_its_own_answer_until_there_is_an_object(scene, truth) -> None:
    on = ClickScene(scene.voxels, scene.geometry, plane=(2, 14))
    labels = np.zeros(truth.shape, np.uint8)
    method = Bright()
    method.asks_twice = True
    apply(ClickSession(on, method), [click(on)], labels)
    first, second = method.windows
    assert not first.previous.any()
    assert np.array_equal(second.previous, (Bright().chances(first) >= 0.5).astype(np.float32))
    assert second.previous.any() and second.image is first.image
    apply(ClickSession(on, method), [click(on), click(on)], labels)
    assert len(method.windows) == 3


def test_only_a_window_that_fits_is_asked_twice(scene, truth) -> None:
    on = ClickScene(scene.voxels, scene.geometry, plane=(2, 14))
    method = Bright(side=8)
    method.asks_twice = True
    labels = np.zeros(truth.shape, np.uint8)
    apply(ClickSession(on, method), [click(on)], labels)
    assert len(method.windows) > 2
    assert method.windows[1].image is not method.windows[0].image, "the first one grew before it was asked again"
    assert method.windows[-1].image is method.windows[-2].image


def test_an_object_as_large_as_the_scan_ends_the_growth(geometry) -> None:
    everything = ClickScene(np.full(geometry.shape, 7, np.int16), geometry)
    labels = np.zeros(geometry.shape, np.uint8)

    class All(Always):
        largest_zoom = float("inf")

    apply(ClickSession(everything, All(1.0)), [click(everything)], labels)
    assert (labels == 1).all()


def test_a_positive_click_holds_and_a_negative_one_does_too(scene) -> None:
    labels = np.zeros(scene.voxels.shape, np.uint8)
    never = ClickSession(scene, Always(0.0))
    apply(never, [click(scene, (2, 2, 2))], labels)
    assert np.argwhere(labels == 1).tolist() == [[2, 2, 2]]
    labels[...] = 0
    always = ClickSession(scene, Always(1.0))
    apply(always, [click(scene), click(scene, (30, 36, 14), positive=False)], labels)
    assert labels[CENTRE] == 1
    assert labels[30, 36, 14] == 0
    assert (labels == 1).sum() > 1000
    apply(always, [click(scene), click(scene, (30, 36, 14), positive=False), click(scene, (30, 36, 14))], labels)
    assert labels[30, 36, 14] == 1


def test_every_voxel_of_a_scribble_holds(scene) -> None:
    labels = np.zeros(scene.voxels.shape, np.uint8)
    line = ScribblePrompt.from_ijk([(1, 1, 1), (50, 60, 25)], scene.geometry)
    apply(ClickSession(scene, Always(0.0)), [line], labels)
    assert labels[1, 1, 1] == labels[50, 60, 25] == 1
    cut = ScribblePrompt.from_ijk([(20, 36, 14), (36, 36, 14)], scene.geometry, positive=False)
    apply(ClickSession(scene, Bright()), [click(scene, (28, 30, 14)), cut], labels)
    assert not labels[20:37, 36, 14].any()


def test_locked_voxels_never_change_and_other_labels_do(scene, truth) -> None:
    labels = np.zeros(truth.shape, np.uint16)
    labels[:28] = 300
    labels[28:, :36] = 4
    before = labels.copy()
    apply(ClickSession(scene, Bright()), [click(scene)], labels, 7, frozenset({300}))
    assert np.array_equal(labels == 300, before == 300)
    assert overlap(labels == 7, truth & (before != 300)) > 0.85
    assert (labels == 4).sum() < (before == 4).sum()
    with pytest.raises(MedsegError, match="locked"):
        CurrentObject(labels, 7, frozenset({7}))


def test_a_click_on_a_locked_voxel_changes_nothing_there(scene) -> None:
    labels = np.zeros(scene.voxels.shape, np.uint8)
    labels[2, 2, 2] = 9
    apply(ClickSession(scene, Always(0.0)), [click(scene, (2, 2, 2))], labels, 1, frozenset({9}))
    assert labels[2, 2, 2] == 9
    assert not (labels == 1).any()


def test_the_method_sees_hand_edits_and_what_it_leaves_out_goes(scene, truth) -> None:
    labels = np.zeros(truth.shape, np.uint8)
    labels[24:33, 30:50, 10:20] = 1
    labels[50, 60, 20] = 1
    method = Bright()
    apply(ClickSession(scene, method), [click(scene)], labels)
    assert method.windows[0].previous.sum() > 500
    assert overlap(labels == 1, truth) > 0.9
    assert labels[50, 60, 20] == 0


def test_a_hand_painted_part_stays_if_the_method_keeps_it(scene, truth) -> None:
    two = scene.voxels.copy()
    two[50:55, 58:64, 12:16] = 100
    labels = np.zeros(truth.shape, np.uint8)
    labels[51:54, 59:63, 13:15] = 1
    on = ClickScene(two, scene.geometry)
    apply(ClickSession(on, Bright(64)), [click(on)], labels)
    assert labels[52, 60, 14] == 1
    labels[...] = 0
    apply(ClickSession(on, Bright(64)), [click(on)], labels)
    assert labels[52, 60, 14] == 0  # nobody has pointed at it


def test_answers_are_bounded_regions(scene, truth) -> None:
    labels = np.zeros(truth.shape, np.uint8)
    answer = apply(ClickSession(scene, Bright()), [click(scene)], labels)
    box = [np.flatnonzero(truth.any(axis=tuple(n for n in range(3) if n != a))) for a in range(3)]
    for part, at in zip(answer.region, box, strict=True):
        assert at[0] - 6 <= part.start
        assert part.stop <= at[-1] + 7


def test_a_box_alone_points_at_an_object(scene, truth) -> None:
    labels = np.zeros(truth.shape, np.uint8)
    box = BoxPrompt.from_ijk((14, 22, 7), (42, 50, 21), scene.geometry)
    method = Bright()
    apply(ClickSession(scene, method), [box], labels)
    assert method.windows[0].prompts.region is not None
    assert overlap(labels == 1, truth) > 0.9


def test_there_must_be_something_to_correct(scene) -> None:
    labels = np.zeros(scene.voxels.shape, np.uint8)
    session = ClickSession(scene, Bright())
    with pytest.raises(MedsegError, match="nothing to correct"):
        session.answer([click(scene, positive=False)], CurrentObject(labels, 1))
    labels[20:30, 30:40, 10:18] = 1
    apply(session, [click(scene, (25, 35, 12), positive=False)], labels)
    assert labels[25, 35, 12] == 0


def test_a_method_for_planes_refuses_volumes(scene) -> None:
    class Planes(Bright):
        spatial_dims = (2,)

    with pytest.raises(MedsegError, match="does not segment volumes"):
        ClickSession(scene, Planes())


def test_a_thrown_token_stops_it(scene) -> None:
    token = CancelToken()
    token.cancel()
    labels = np.zeros(scene.voxels.shape, np.uint8)
    with pytest.raises(Cancelled):
        ClickSession(scene, Bright()).answer([click(scene)], CurrentObject(labels, 1), token)


def test_a_single_image_is_segmented_as_it_is() -> None:
    geometry = Geometry.from_matrix((64, 48, 1), np.diag([0.2, 0.2, 1.0, 1.0]))
    image = np.zeros((64, 48, 1), np.uint8)
    image[20:40, 10:30] = 200
    scene = ClickScene(image, geometry)
    labels = np.zeros(image.shape, np.uint8)
    apply(ClickSession(scene, Bright()), [PointPrompt.from_ijk((30, 20, 0), geometry)], labels)
    assert np.array_equal(labels == 1, image > 0)


def test_the_display_decides_what_is_seen(scene) -> None:
    method = Bright()
    on = ClickScene(scene.voxels, scene.geometry, limits=(-1000.0, 50.0))
    ClickSession(on, method).answer([click(on)], CurrentObject(np.zeros(scene.voxels.shape, np.uint8), 1))
    shown = method.windows[0].image
    assert shown.max() - np.percentile(shown, 92) < 0.01  # the ball is plain white
