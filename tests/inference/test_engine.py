"""A scan becomes labels at the right place: run with a network whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from scipy import ndimage
from scipy.spatial.transform import Rotation

from napari_medseg.core import BoxPrompt, Cancelled, CancelToken, Geometry, MedsegError, Reorientation
from napari_medseg.inference import engine
from napari_medseg.inference.engine import FrameTask
from napari_medseg.inference.stepdown import Attempt, NotEnoughMemoryError

CPU = Attempt("cpu", 1)
CENTRE_RAS = np.array([4.0, -6.0, 3.0])
RADIUS_MM = 9.0


def ball(geometry: Geometry) -> np.ndarray:
    """A bright ball in dark tissue, drawn in millimetres with soft edges."""
    points = np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij"), axis=-1)
    distance = np.linalg.norm(geometry.ijk_to_ras(points) - CENTRE_RAS, axis=-1)
    return (100 / (1 + np.exp(0.8 * (distance - RADIUS_MM)))).astype(np.float32)


def grid_of(angles_deg, spacing, shape) -> Geometry:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles_deg, degrees=True).as_matrix() * spacing
    affine[:3, 3] = CENTRE_RAS - affine[:3, :3] @ (np.array(shape) / 2 + (1.3, -2.2, 0.7))
    return Geometry.from_matrix(shape, affine)


@pytest.mark.parametrize(
    "geometry",
    [
        pytest.param(grid_of((0, 0, 0), (1, 1, 1), (40, 44, 48)), id="as the model's"),
        pytest.param(grid_of((0, 0, 0), (0.6, 0.6, 0.6), (70, 64, 66)), id="finer"),
        pytest.param(grid_of((0, 0, 0), (0.5, 2.0, 3.0), (80, 24, 16)), id="thick slices"),
        pytest.param(grid_of((25, -12, 8), (1, 1, 1), (44, 44, 44)), id="oblique"),
        pytest.param(grid_of((-35, 20, 40), (0.7, 1.1, 2.5), (60, 44, 20)), id="oblique, thick"),
        pytest.param(grid_of((92, 3, 181), (0.8, 1.3, 0.8), (60, 40, 60)), id="on the side"),
    ],
)
def test_labels_lie_where_the_structure_is(make_card, brightness, geometry):
    card = make_card(window=(32, 32, 32), intensity={"kind": "zscore", "percentiles": [0.5, 99.5], "scope": "volume"})
    labels = FrameTask(card, ball(geometry), geometry).run(brightness, CPU)
    assert labels.shape == geometry.shape
    assert labels.dtype == np.uint8
    centre = geometry.ijk_to_ras(ndimage.center_of_mass(labels > 0))
    np.testing.assert_allclose(centre, CENTRE_RAS, atol=0.15)
    scan = ball(geometry)
    expected = scan > scan.mean()  # where the z-score is positive
    agreement = 2 * np.count_nonzero(expected & (labels > 0)) / (np.count_nonzero(expected) + np.count_nonzero(labels))
    assert agreement > 0.97


@pytest.mark.parametrize("axes", list(itertools.permutations(range(3))))
@pytest.mark.parametrize("flips", list(itertools.product((False, True), repeat=3)))
def test_all_axis_orders_give_the_same_labels(make_card, axes, flips):
    torch.manual_seed(0)
    network = torch.nn.Conv3d(1, 3, 3, padding=1).eval().requires_grad_(False)
    geometry = Geometry.from_matrix((20, 17, 26), np.diag([1.0, 1, 1, 1]))
    voxels = np.random.default_rng(0).integers(0, 500, size=geometry.shape).astype(np.int16)
    expected = FrameTask(make_card(), voxels, geometry).run(network, CPU)
    order = Reorientation(tuple(axes), tuple(flips))
    labels = FrameTask(make_card(), order.apply(voxels), order.geometry(geometry)).run(network, CPU)
    np.testing.assert_array_equal(order.inverse_apply(labels), expected)


def test_holes_are_filled_where_the_card_says_so(make_card, brightness):
    geometry = grid_of((0, 0, 0), (1, 1, 1), (40, 44, 48))
    scan = ball(geometry)
    middle = tuple(np.round(geometry.ras_to_ijk(CENTRE_RAS)).astype(int))
    scan[tuple(slice(n - 1, n + 2) for n in middle)] = 0  # 27 voxels of 1 µL
    for largest_ml, is_filled in ((0.0, False), (0.02, False), (0.1, True)):
        card = make_card(window=(32, 32, 32), intensity={"scope": "volume"}, postprocess={"fill_holes_ml": largest_ml})
        labels = FrameTask(card, scan, geometry).run(brightness, CPU)
        assert bool(labels[middle]) is is_filled


def test_labels_have_the_memory_order_of_the_scan(make_card, brightness):
    voxels = np.asfortranarray(np.random.default_rng(0).normal(size=(20, 17, 26)))
    labels = FrameTask(make_card(), voxels, Geometry.from_matrix(voxels.shape, np.eye(4))).run(brightness, CPU)
    assert labels.flags.f_contiguous


def test_a_box_confines_and_saves_work(make_card, noise):
    torch.manual_seed(0)
    network = torch.nn.Conv3d(1, 3, 3, padding=1).eval().requires_grad_(False)
    everywhere = FrameTask(make_card(), noise.array, noise.geometry)
    box = BoxPrompt.from_ijk((10, 8, 20), (15, 14, 27), noise.geometry)
    confined = FrameTask(make_card(), noise.array, noise.geometry, [box])
    labels = confined.run(network, CPU)
    assert confined.plan.n_windows < everywhere.plan.n_windows / 4
    inside = np.zeros(noise.array.shape, dtype=bool)
    inside[box.voxels(noise.geometry)] = True
    assert labels[inside].any()
    assert not labels[~inside].any()


@pytest.mark.parametrize("spacing", [(1, 1, 1), (0.7, 0.7, 1.4)])
def test_a_box_finds_what_the_whole_scan_does(make_card, brightness, spacing):
    geometry = grid_of((0, 0, 0), spacing, (70, 64, 50))
    card = make_card(window=(32, 32, 32), intensity={"kind": "zscore", "percentiles": [0.5, 99.5], "scope": "volume"})
    whole = FrameTask(card, ball(geometry), geometry).run(brightness, CPU)
    low, high = (CENTRE_RAS + offset * (RADIUS_MM + 9) for offset in (-1, 1))
    box = BoxPrompt(tuple(low), tuple(high))
    boxed = FrameTask(card, ball(geometry), geometry, [box]).run(brightness, CPU)
    assert (boxed != whole).mean() < 1e-3


def test_two_boxes_are_both_looked_into(make_card, brightness, noise):
    boxes = [
        BoxPrompt.from_ijk((2, 2, 2), (6, 6, 6), noise.geometry),
        BoxPrompt.from_ijk((30, 20, 40), (35, 25, 45), noise.geometry),
    ]
    labels = FrameTask(make_card(), noise.array, noise.geometry, boxes).run(brightness, CPU)
    assert labels[2:7, 2:7, 2:7].any()
    assert labels[30:36, 20:26, 40:46].any()
    assert not labels[10:28].any()


def test_a_box_outside_the_scan_is_refused(make_card, noise):
    box = BoxPrompt.from_ijk((100, 100, 100), (120, 120, 120), noise.geometry)
    with pytest.raises(MedsegError, match="outside the scan"):
        FrameTask(make_card(), noise.array, noise.geometry, [box])


def test_progress_counts_windows_and_names_what_is_done(make_card, brightness, noise):
    reports = []
    task = FrameTask(make_card(), noise.array, noise.geometry, on_progress=lambda *report: reports.append(report))
    task.run(brightness, CPU)
    n = task.plan.n_windows
    assert reports[0][2].startswith("Preparing the scan (needs ")
    expected = [reports[0]]
    expected += [(done, n, "Segmenting on the processor") for done in range(n + 1)]
    assert reports == [*expected, (n, n, "Cleaning up")]


@pytest.mark.parametrize("step", [0, 1, 7])
def test_a_cancel_stops_before_the_next_window(make_card, brightness, noise, step):
    token, reports = CancelToken(), []

    def on_progress(done, total, label):
        reports.append(done)
        if done == step and label.startswith("Segmenting"):
            token.cancel()

    with pytest.raises(Cancelled):
        FrameTask(make_card(), noise.array, noise.geometry, on_progress=on_progress, cancel=token).run(brightness, CPU)
    assert max(reports) == step


def test_small_scans_are_padded(make_card, brightness):
    geometry = Geometry.from_matrix((9, 5, 30), np.eye(4))
    voxels = np.random.default_rng(0).normal(size=geometry.shape)
    labels = FrameTask(make_card(), voxels, geometry).run(brightness, CPU)
    expected = voxels > voxels.mean()
    assert ((labels > 0) == expected).mean() > 0.97  # windows are normalised one by one


def test_damaged_weights_are_told(make_card, noise):
    def broken(x):
        return torch.full((len(x), 3, *x.shape[2:]), float("nan"))

    with pytest.raises(MedsegError, match="not numbers"):
        FrameTask(make_card(), noise.array, noise.geometry).run(broken, CPU)


def test_an_empty_scan_gives_no_labels(make_card, brightness):
    geometry = Geometry.from_matrix((20, 20, 20), np.diag([0.5, 0.5, 0.5, 1]))
    assert not FrameTask(make_card(), np.zeros(geometry.shape, np.int16), geometry).run(brightness, CPU).any()


def test_too_little_memory_is_told_before_the_run(make_card, brightness, noise, monkeypatch):
    monkeypatch.setattr("napari_medseg.inference.memory.available_bytes", lambda: 1000)
    monkeypatch.setattr(engine, "slide", lambda *_, **__: pytest.fail("it started"))
    with pytest.raises(NotEnoughMemoryError, match=r"needs about .* MB"):
        FrameTask(make_card(), noise.array, noise.geometry).run(brightness, CPU)


@pytest.mark.parametrize("spacing", [None, [1.4, 1.4, 1.4]])
def test_every_step_down_gives_the_same_labels(make_card, noise, spacing):
    torch.manual_seed(0)
    network = torch.nn.Conv3d(1, 3, 3, padding=1).eval().requires_grad_(False)
    card = make_card(spacing_mm=spacing)
    steps = [CPU, Attempt("cpu", 3), Attempt("cpu", 1, half_sums=True), Attempt("cpu", 1, sums_on="cpu")]
    first, *others = [FrameTask(card, noise.array, noise.geometry).run(network, step) for step in steps]
    assert len(np.unique(first)) == 3
    for other in others:
        assert (other == first).mean() > 0.9999  # but for ties


def test_a_volume_goes_through_a_2d_network_plane_by_plane_also_resampled(make_card):
    """As nnU-Net's 2-D networks do: every plane once."""
    card = make_card(
        network={"spatial_dims": 2}, window=(16, 16), spacing_mm=[0.7, 0.7], orientation=None, even_windows=True
    )
    planes = []

    def flat(x):
        planes.append(len(x))
        return torch.cat([torch.zeros_like(x), x, x - 9], dim=1)

    voxels = np.zeros((30, 20, 6), dtype=np.float32)
    voxels[8:20, 6:15, 1:5] = 1000 * np.arange(1, 5)
    task = FrameTask(card, voxels, Geometry.from_matrix(voxels.shape, np.eye(4)))
    labels = task.run(flat, CPU)
    assert len(task.plan.starts[2]) == 6
    assert labels[9:19, 7:14, 2:5].all()
    assert not labels[..., 0].any() and not labels[..., 5].any()


def test_planes_go_through_2d_networks(make_card):
    card = make_card(network={"spatial_dims": 2}, window=(16, 16), spacing_mm=None, orientation=None)
    calls = []

    def flat(x):
        calls.append(tuple(x.shape))
        return torch.cat([torch.zeros_like(x), x, x - 9], dim=1)

    voxels = np.random.default_rng(0).normal(size=(30, 20, 1)).astype(np.float32)
    labels = FrameTask(card, voxels, Geometry.from_matrix(voxels.shape, np.eye(4))).run(flat, CPU)
    assert set(calls) == {(1, 1, 16, 16)}
    assert labels.shape == voxels.shape
    assert labels.any()
