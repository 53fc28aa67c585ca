"""Scenes, images and windows are made as drawn, and never without an object."""

from __future__ import annotations

import nibabel as nib
import numpy as np
import pytest

from napari_medseg.core import MedsegError
from napari_medseg.training.clicks.bank import KINDS, find_targets, held_patients, load_bank
from napari_medseg.training.clicks.contrast import as_displayed, random_image
from napari_medseg.training.clicks.lessons import Users
from napari_medseg.training.clicks.samples import draw_sample
from napari_medseg.training.clicks.scenes import draw_scene, smooth_noise
from napari_medseg.training.clicks.sources import RawScene, drawn_scenes, like_parts, sources_of


@pytest.mark.parametrize("shape", [(64, 60), (34, 36, 40)])
def test_scenes_are_full_of_shapes_and_repeatable(shape: tuple[int, ...]) -> None:
    counts = []
    for seed in range(6):
        labels = draw_scene(shape, np.random.default_rng(seed))
        assert labels.shape == shape
        assert labels.max() < 255
        assert np.array_equal(labels, draw_scene(shape, np.random.default_rng(seed)))
        counts.append(len(np.unique(labels)))
    assert np.mean(counts) > 5


def test_noise_is_as_smooth_as_wanted() -> None:
    rng = np.random.default_rng(0)
    fine, coarse = (smooth_noise((80, 80), scale, rng) for scale in (2, 20))
    assert np.abs(np.diff(fine, axis=0)).mean() > 4 * np.abs(np.diff(coarse, axis=0)).mean()


def test_images_show_labels_and_never_nothing() -> None:
    labels = np.zeros((48, 48), np.uint8)
    labels[10:30, 10:30] = 4
    for seed in range(8):
        rng = np.random.default_rng(seed)
        image, limits = as_displayed(random_image(labels, rng), rng)
        assert np.isfinite(image).all()
        assert limits[0] < limits[1]


def test_a_target_is_the_largest_part_of_a_label() -> None:
    labels = np.zeros((60, 60), np.uint8)
    labels[5:25, 5:35] = 1
    labels[40:45, 40:45] = 1
    labels[50:52, 50:52] = 2  # too small
    scene = find_targets(RawScene("scenes", "scenes/0", labels), 2)
    assert [(t.value, t.low.tolist(), t.high.tolist()) for t in scene.targets] == [(1, [5, 5], [24, 34])]
    assert scene.targets[0].centre[0] in (14, 15)
    assert find_targets(RawScene("scenes", "scenes/0", np.zeros((9, 9), np.uint8)), 2) is None


@pytest.mark.parametrize("dims", [2, 3])
def test_a_window_holds_an_object_and_is_repeatable(make_clicks, dims) -> None:
    recipe = make_clicks(dims, scenes=3)
    scenes = [scene for raw in drawn_scenes(recipe) if (scene := find_targets(raw, dims))]
    for seed in range(12):
        scene = scenes[seed % len(scenes)]
        target = scene.targets[seed % len(scene.targets)]
        one, two = (draw_sample(scene, target, 32, np.random.default_rng(seed)) for _ in range(2))
        if one is None:
            continue
        assert one.truth.shape == one.image.shape == (32,) * dims
        assert one.truth.sum() >= 8
        assert not (one.truth & ~one.inside).any()
        assert np.array_equal(one.image, two.image)
        assert np.array_equal(one.truth, two.truth)


def test_a_real_image_lies_under_its_labels() -> None:
    labels = np.zeros((70, 80), np.uint8)
    labels[20:50, 30:60] = 1
    image = labels.astype(np.float16)
    scene = find_targets(RawScene("labelled", "a/b", labels, image), 2)
    whole = 0
    for seed in range(10):
        sample = draw_sample(scene, scene.targets[0], 48, np.random.default_rng(seed))
        outside = sample.inside & ~sample.truth
        if not outside.any():  # the object fills the window
            whole += 1
            continue
        apart = abs(sample.image[sample.truth].mean() - sample.image[outside].mean())
        assert apart > 1  # either bright or, turned round, dark
    assert whole <= 3


def test_parts_are_of_like_intensity() -> None:
    image = np.zeros((60, 60), np.float16)
    image[:, 30:] = 1
    parts = like_parts(image, 0)
    assert parts[:, :26].max() == parts[:, :26].min() != parts[:, 34:].max()


def test_held_out_patients_are_of_every_source_and_always_the_same() -> None:
    patients = [f"a/{n}" for n in range(50)] + [f"b/{n}" for n in range(10)] + ["c/0"]
    held = held_patients(patients, 0.1)
    assert held == held_patients(patients[::-1], 0.1)
    assert {len([name for name in held if name.startswith(source)]) for source in "ab"} == {5, 1}
    assert not any(name.startswith("c") for name in held)


def test_the_bank_is_made_once(make_clicks, map_data, tmp_path, monkeypatch) -> None:
    recipe = make_clicks(label_maps="maps")
    made = load_bank(recipe, map_data, tmp_path)
    monkeypatch.setattr("napari_medseg.training.clicks.bank.sources_of", None)
    read = load_bank(recipe, map_data, tmp_path)
    for one, two in zip((*made.learnt, *made.held), (*read.learnt, *read.held), strict=True):
        assert (one.kind, one.patient) == (two.kind, two.patient)
        assert np.array_equal(one.labels, two.labels)
        assert [t.value for t in one.targets] == [t.value for t in two.targets]
        assert all(np.array_equal(a.centre, b.centre) for a, b in zip(one.targets, two.targets, strict=True))
    assert not {scene.patient for scene in made.learnt} & {scene.patient for scene in made.held}
    assert {KINDS[scene.kind] for scene in made.learnt} == {"scenes", "maps"}
    (tmp_path / "scenes.npz").write_bytes(b"cut short")
    with pytest.raises(TypeError):  # it is made anew
        load_bank(recipe, map_data, tmp_path)


def test_slices_of_maps_are_along_all_axes(make_clicks, map_data) -> None:
    flat = list(sources_of(make_clicks(2, label_maps="maps"), map_data))
    assert {scene.labels.ndim for scene in flat} == {2}
    assert len(flat) > 3 * 3
    assert [scene.labels.ndim for scene in sources_of(make_clicks(3, label_maps="maps"), map_data)] == [3] * 3
    with pytest.raises(MedsegError, match="label maps"):
        list(sources_of(make_clicks(2, label_maps="nowhere"), map_data))


def test_every_source_is_drawn_as_often_as_its_share(make_clicks, map_data, tmp_path) -> None:
    recipe = make_clicks(label_maps="maps")
    users = Users(load_bank(recipe, map_data, tmp_path).learnt, recipe, 0)
    assert users.kinds == [KINDS.index("scenes"), KINDS.index("maps")]
    assert np.array_equal(users.sample(5).image, users.sample(5).image)
    assert not np.array_equal(users.sample(5).image, users.sample(6).image)


def test_some_objects_are_larger_than_the_window_that_shows_them(make_clicks) -> None:
    """Without them a network never learns to fill a window, and a session never looks further."""
    recipe = make_clicks(scenes=8)
    users = Users([scene for raw in drawn_scenes(recipe) if (scene := find_targets(raw, 2))], recipe, 1)
    shares = [users.sample(number).truth.mean() for number in range(150)]
    assert max(shares) > 0.8
    assert min(shares) < 0.05


def test_volumes_without_labels_are_cut_into_parts(make_clicks, tmp_path) -> None:
    recipe = make_clicks(3)
    recipe = recipe.model_copy(
        update={"clicks": recipe.clicks.model_copy(update={"unlabelled_volumes": ("heads/*.nii.gz",)})}
    )
    with pytest.raises(MedsegError, match="no volumes 'heads"):
        list(sources_of(recipe, tmp_path))
    (tmp_path / "heads").mkdir()
    rng = np.random.default_rng(0)
    for name, shape in (("one", (24, 20, 18)), ("series", (24, 20, 18, 3))):
        image = nib.Nifti1Image(rng.normal(size=shape).astype(np.float32), np.eye(4))
        nib.save(image, tmp_path / "heads" / f"{name}.nii.gz")
    scenes = list(sources_of(recipe, tmp_path))
    assert {(scene.kind, scene.patient, scene.labels.shape) for scene in scenes} == {
        ("parts", "heads/heads", (24, 20, 18))
    }
    assert len({scene.labels.tobytes() for scene in scenes}) == len(scenes) > 1
