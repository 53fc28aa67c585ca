"""What belongs together in a series, and what does not."""

from __future__ import annotations

import numpy as np
import pytest

from napari_medseg.io.dicom import find_dicom_series


def list_series(folder):
    series, problems = find_dicom_series(folder)
    assert problems == []
    return series


def test_sorted_by_position_not_by_number(tmp_path, series_writer, stack):
    def scramble(ds, n):
        ds.InstanceNumber = [3, 1, 6, 2, 5, 4][n]

    series_writer(tmp_path, stack, edit=scramble)
    (series,) = list_series(tmp_path)
    np.testing.assert_array_equal(series.load().array, stack.T)


def test_two_series_in_one_folder(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack, prefix="A")
    series_writer(tmp_path, stack[:3], prefix="B", uids=("1.2.3.1", "1.2.3.9", "1.2.3.3"))
    assert sorted(series.n_images for series in list_series(tmp_path)) == [3, 6]


def test_same_file_twice_is_used_once(tmp_path, series_writer, stack):
    paths = series_writer(tmp_path, stack)
    (tmp_path / "copy").write_bytes(paths[2].read_bytes())
    (series,) = list_series(tmp_path)
    assert series.shape == (7, 5, 6)
    assert series.notes == ("1 image is stored twice; one of each is used.",)
    np.testing.assert_array_equal(series.load().array, stack.T)


def test_same_slice_under_another_uid_is_used_once(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack, prefix="A")
    series_writer(tmp_path, stack, prefix="B", skip=[0, 1, 2, 4, 5])
    (series,) = list_series(tmp_path)
    assert "stored twice" in series.notes[0]
    np.testing.assert_array_equal(series.load().array, stack.T)


def test_other_slice_at_the_same_place_is_kept_apart(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack, prefix="A")
    series_writer(tmp_path, stack + 1, prefix="B", skip=[0, 1, 2, 4, 5])
    whole, extra = list_series(tmp_path)
    assert (whole.shape, extra.shape) == ((7, 5, 6), (7, 5, 1))
    assert any("instance number" in note for note in whole.notes)


def test_slices_of_two_sizes_are_two_volumes(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack, prefix="A")
    series_writer(tmp_path, stack[:2, :4, :4].copy(), prefix="B", origin=(0, 0, 90))
    large, small = list_series(tmp_path)
    assert (large.shape, small.shape) == ((7, 5, 6), (4, 4, 2))
    assert "7 × 5" in large.description
    assert "4 × 4" in small.description
    assert large.uid != small.uid


def test_localizer_planes_are_apart(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack[:3], prefix="A")
    series_writer(tmp_path, stack[:2], prefix="C", row=(1, 0, 0), column=(0, 0, -1), step=(0, 5, 0))
    series_writer(tmp_path, stack[:1], prefix="S", row=(0, 1, 0), column=(0, 0, -1), step=(5, 0, 0))
    names = {series.description.split(", ")[-1] for series in list_series(tmp_path)}
    assert names == {"axial", "coronal", "sagittal"}


def set_time(t):
    def edit(ds, n):
        ds.TemporalPositionIdentifier = t + 1
        ds.AcquisitionTime = f"1200{t * 3:02d}.50"

    return edit


def set_b_value(t):
    def edit(ds, n):
        ds.add_new(0x00189087, "FD", [0.0, 500.0, 1000.0][t])

    return edit


def set_echo(t):
    def edit(ds, n):
        ds.EchoTime = [80, 12, 30][t]

    return edit


def set_number(t):
    def edit(ds, n):
        ds.InstanceNumber = t * 6 + n + 1

    return edit


@pytest.mark.parametrize(
    ("mark", "order", "step_s"),
    [
        (set_time, (0, 1, 2), 3.0),
        (set_b_value, (0, 1, 2), None),
        (set_number, (0, 1, 2), None),
    ],
)
def test_repeated_positions_make_a_fourth_axis(tmp_path, series_writer, stack, mark, order, step_s):
    for t in range(3):
        series_writer(tmp_path, stack + 300 * t, prefix=f"T{t}", edit=mark(t), modality="MR")
    (series,) = list_series(tmp_path)
    assert (series.shape, series.n_frames, series.fourth_axis, series.n_images) == ((7, 5, 6), 3, "time", 18)
    volume = series.load()
    assert volume.array.shape == (7, 5, 6, 3)
    assert volume.time_step_s == step_s
    for frame, t in enumerate(order):
        np.testing.assert_array_equal(volume.frame(frame), (stack + 300 * t).T)


def test_echoes_are_apart(tmp_path, series_writer, stack):
    for t in range(3):
        series_writer(tmp_path, stack + 300 * t, prefix=f"T{t}", edit=set_echo(t), modality="MR")
    series = {one.description: one for one in list_series(tmp_path)}
    assert set(series) == {f"Thorax 1.0, echo time {echo} ms" for echo in (12, 30, 80)}
    np.testing.assert_array_equal(series["Thorax 1.0, echo time 12 ms"].load().array, (stack + 300).T)


def _echo_of_every_second(ds, n):
    ds.EchoTime = [12, 30][n % 2]


def _derived_first(ds, n):
    ds.ImageType = ["DERIVED" if n == 0 else "ORIGINAL", "PRIMARY", "M"]


def _weighted_last(ds, n):
    ds.add_new(0x00189087, "FD", 800.0 if n == 5 else 0.0)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (_echo_of_every_second, ["echo time 12 ms (3)", "echo time 30 ms (3)"]),
        (_derived_first, ["DERIVED (1)", "ORIGINAL (5)"]),
        (_weighted_last, ["b 0 (5)", "b 800 (1)"]),
    ],
)
def test_slices_of_several_kinds_at_places_of_their_own_are_told(tmp_path, series_writer, stack, edit, words):
    series_writer(tmp_path, stack, edit=edit, modality="MR")
    (series,) = list_series(tmp_path)
    (note,) = [note for note in series.load().notes if "not all of one kind" in note]
    assert all(word in note for word in words)
    series_writer(tmp_path / "alike", stack, modality="MR")
    (series,) = list_series(tmp_path / "alike")
    assert not [note for note in series.load().notes if "kind" in note]


def test_echoes_over_time_are_apart_and_each_has_time(tmp_path, series_writer, stack):
    for echo in range(2):
        for t in range(3):

            def mark(ds, n, echo=echo, t=t):
                ds.EchoTime, ds.TemporalPositionIdentifier = 10 * (echo + 1), t + 1

            series_writer(tmp_path, stack + 300 * t + echo, prefix=f"E{echo}T{t}", edit=mark, modality="MR")
    first, second = sorted(list_series(tmp_path), key=lambda one: one.description)
    for echo, one in enumerate((first, second)):
        assert (one.n_frames, one.fourth_axis) == (3, "time")
        volume = one.load()
        for t in range(3):
            np.testing.assert_array_equal(volume.frame(t), (stack + 300 * t + echo).T)


def test_flip_angles_over_time_make_one_axis(tmp_path, series_writer, stack):
    for angle in range(2):
        for t in range(3):

            def mark(ds, n, angle=angle, t=t):
                ds.FlipAngle, ds.AcquisitionNumber, ds.InstanceNumber = 5 + angle, t + 1, n + 1

            series_writer(tmp_path, stack + 300 * t + 7 * angle, prefix=f"A{angle}T{t}", edit=mark, modality="MR")
    (series,) = list_series(tmp_path)
    assert series.n_frames == 6
    assert series.notes == ("The fourth axis is flip angle and time.",)
    volume = series.load()
    for angle in range(2):
        for t in range(3):
            np.testing.assert_array_equal(volume.frame(angle * 3 + t), (stack + 300 * t + 7 * angle).T)


def test_phases_of_a_heart_beat_that_differ_from_slice_to_slice(tmp_path, series_writer, stack):
    for phase in range(4):

        def mark(ds, n, phase=phase):
            ds.TriggerTime, ds.InstanceNumber = phase * (30 + n), 4 * n + phase + 1
            ds.AcquisitionTime = f"1200{n:02d}.{phase}"

        series_writer(tmp_path, stack + 300 * phase, prefix=f"P{phase}", edit=mark, modality="MR")
    (series,) = list_series(tmp_path)
    assert (series.n_frames, series.notes) == (4, ())
    volume = series.load()
    for phase in range(4):
        np.testing.assert_array_equal(volume.frame(phase), (stack + 300 * phase).T)


def test_gradients_keep_the_order_of_acquisition(tmp_path, series_writer, stack):
    weighted = [(0, None), (1000, [0, 1, 0]), (1000, [1, 0, 0]), (500, [0, 0, 1])]
    for t, (b_value, gradient) in enumerate(weighted):

        def mark(ds, n, t=t, b_value=b_value, gradient=gradient):
            ds.add_new(0x00189087, "FD", float(b_value))
            if gradient:
                ds.add_new(0x00189089, "FD", [float(part) for part in gradient])
            ds.InstanceNumber = t * 6 + n + 1

        series_writer(tmp_path, stack + 300 * t, prefix=f"D{t}", edit=mark, modality="MR")
    (series,) = list_series(tmp_path)
    assert series.notes == (
        "Diffusion weighting of the volumes: b = 0, 1000, 1000, 500 s/mm², along 3 gradients.",
        "The fourth axis is b-value and gradient.",
    )
    volume = series.load()
    for t in range(4):
        np.testing.assert_array_equal(volume.frame(t), (stack + 300 * t).T)


def test_gradients_of_philips(tmp_path, series_writer, stack):
    for t, gradient in enumerate([(0, 0, 0), (0.6, 0.8, 0), (0, 0, 1)]):

        def mark(ds, n, t=t, gradient=gradient):
            ds.add_new(0x20010010, "LO", "Philips Imaging DD 001")
            ds.add_new(0x20011003, "FL", 1000.0 if t else 0.0)
            ds.add_new(0x20050010, "LO", "Philips MR Imaging DD 001")
            for part, value in enumerate(gradient):
                ds.add_new(0x200510B0 + part, "FL", float(value))
            ds.InstanceNumber = t * 6 + n + 1

        series_writer(tmp_path, stack + 300 * t, prefix=f"D{t}", edit=mark, modality="MR")
    (series,) = list_series(tmp_path)
    diffusion = series.load().diffusion
    assert diffusion.b_values == (0, 1000, 1000)
    assert diffusion.gradients_ras[0] is None
    np.testing.assert_allclose(diffusion.gradients_ras[1:], [(-0.6, -0.8, 0), (0, 0, 1)], atol=1e-6)


def test_unfinished_last_time_point_is_apart(tmp_path, series_writer, stack):
    for t in range(3):
        series_writer(tmp_path, stack, prefix=f"T{t}", edit=set_time(t), modality="MR", skip=[4, 5] if t == 2 else ())
    whole, rest = list_series(tmp_path)
    assert (whole.n_frames, whole.shape) == (2, (7, 5, 6))
    assert (rest.n_frames, rest.shape) == (1, (7, 5, 4))


def test_magnitude_and_phase_are_apart(tmp_path, series_writer, stack):
    for kind in "MP":

        def set_type(ds, n, kind=kind):
            ds.ImageType = ["ORIGINAL", "PRIMARY", kind]

        series_writer(tmp_path, stack, prefix=kind, edit=set_type, modality="MR")
    names = {series.description for series in list_series(tmp_path)}
    assert names == {"Thorax 1.0, M", "Thorax 1.0, P"}


def test_overlapping_acquisitions_are_two_volumes(tmp_path, series_writer, stack):
    for number, origin in ((1, (0, 0, 0)), (2, (0, 0, 8))):

        def set_acquisition(ds, n, number=number):
            ds.AcquisitionNumber = number

        series_writer(tmp_path, stack + 300 * number, prefix=f"A{number}", origin=origin, edit=set_acquisition)
    first, second = list_series(tmp_path)
    assert {first.description, second.description} == {"Thorax 1.0, acquisition 1", "Thorax 1.0, acquisition 2"}
    assert first.shape == second.shape == (7, 5, 6)


def test_radiographs_of_one_series_stand_alone(tmp_path, series_writer, stack):
    def unplace(ds, n):
        del ds.ImagePositionPatient, ds.ImageOrientationPatient

    series_writer(tmp_path, stack[:2], modality="CR", edit=unplace)
    series = list_series(tmp_path)
    assert [s.shape for s in series] == [(7, 5, 1), (7, 5, 1)]
    assert len({s.uid for s in series}) == 2
