"""The middle slice is given before the rest is read; what is loaded in the end is the same."""

from __future__ import annotations

import numpy as np
import pytest

from dicom_writers.mosaic import N_SLICES, write_mosaic
from dicom_writers.tilted import write_tilted
from napari_medseg.core import Cancelled, CancelToken, MedsegError
from napari_medseg.io.dicom import find_dicom_series


def only_series(folder):
    ((series,), problems) = find_dicom_series(folder)
    assert problems == []
    return series


@pytest.mark.parametrize("n_slices", [5, 6])
def test_middle_slice_comes_before_the_others(tmp_path, series_writer, n_slices):
    stack = np.random.default_rng(0).integers(-900, 900, (n_slices, 5, 7)).astype(np.int16)
    series_writer(tmp_path, stack)
    series = only_series(tmp_path)
    seen, progress = [], []

    def show(volume, k):
        seen.append((volume, k, volume.array.copy(), len(progress)))

    loaded = series.load(lambda *step: progress.append(step), on_preview=show)
    ((volume, k, then, n_reports),) = seen
    assert k in {(n_slices - 1) // 2, n_slices // 2}
    there = {(n_slices - 1) // 2, n_slices // 2}
    for n in range(n_slices):
        expected = stack[n].T if n in there else np.full((7, 5), min(stack[m].min() for m in there))
        np.testing.assert_array_equal(then[:, :, n], expected)
    assert n_reports == 1 and progress[-1][0] == progress[-1][1]
    np.testing.assert_array_equal(loaded.array, stack.T)
    assert loaded.array.ctypes.data == volume.array.ctypes.data, "the preview is filled in place"
    assert volume.geometry == loaded.geometry and volume.windows == loaded.windows
    np.testing.assert_array_equal(series.load().array, loaded.array)


def test_slices_are_read_from_the_middle_outwards(tmp_path, series_writer, monkeypatch):
    from napari_medseg.io.dicom import voxels

    stack = np.arange(7 * 5 * 7, dtype=np.int16).reshape(7, 5, 7)
    series_writer(tmp_path, stack)
    read, order = voxels.read_frame, []

    def noting(image, *arguments):
        order.append(round((image.position[2] - 30) / 2))
        return read(image, *arguments)

    monkeypatch.setattr(voxels, "read_frame", noting)
    monkeypatch.setattr(voxels, "_n_threads", lambda stack: 1)
    only_series(tmp_path).load(on_preview=lambda volume, k: None)
    assert order[0] == 3
    assert [abs(k - 3) for k in order] == sorted(abs(k - 3) for k in order)


def test_values_that_do_not_fit_are_given_again(tmp_path, series_writer):
    """The header promises 12 bits; the second type is wider, and the first volume is void."""
    stack = np.full((5, 5, 7), 3000, np.uint16)
    stack[4, 0, 0] = 60_000
    series_writer(tmp_path, stack)
    seen = []
    loaded = only_series(tmp_path).load(on_preview=lambda volume, k: seen.append(volume))
    assert loaded.array.max() == 60_000
    assert [volume.array.dtype for volume in seen] == [np.int16, loaded.array.dtype]
    assert seen[-1].array.ctypes.data == loaded.array.ctypes.data


def test_time_points_mosaics_gaps_and_tilts(tmp_path, series_writer, stack):
    def weight(time):
        def edit(ds, n):
            ds.TemporalPositionIdentifier = time + 1

        return edit

    for time in range(3):
        series_writer(tmp_path / "time", stack + time, prefix=f"T{time}", edit=weight(time))
    for time in range(2):
        tiles = np.full((N_SLICES, 12, 10), time + 1, np.uint16)
        write_mosaic(tmp_path / "mosaic" / f"m{time}", tiles, time=time)
    series_writer(tmp_path / "gap", stack, skip=[2, 3])
    write_tilted(tmp_path / "tilt", 15)
    for name in ("time", "mosaic", "gap", "tilt"):
        series = only_series(tmp_path / name)
        seen = []
        loaded = series.load(on_preview=lambda volume, k, seen=seen: seen.append((volume.array.copy(), k)))
        ((then, k),) = seen
        at = (slice(None), slice(None), k, *((then.shape[3] // 2,) if then.ndim == 4 else ()))
        plain = series.load().array
        np.testing.assert_array_equal(loaded.array, plain)
        inside = then[at] != 0  # rows that a leaning slice does not cover are emptied last
        assert inside.any()
        np.testing.assert_array_equal(then[at][inside], plain[at][inside])


def test_stopped_or_damaged_after_the_first_slice(tmp_path, series_writer, stack):
    paths = series_writer(tmp_path, stack)
    series, token = only_series(tmp_path), CancelToken()
    with pytest.raises(Cancelled):
        series.load(cancel=token, on_preview=lambda volume, k: token.cancel())
    paths[0].unlink()
    seen = []
    with pytest.raises(MedsegError, match=r"moved|gone|no longer"):
        series.load(on_preview=lambda volume, k: seen.append(k))
    assert len(seen) <= 1
