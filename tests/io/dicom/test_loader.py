"""Loading: progress, cancel, memory, privacy, and what the volume carries along."""

from __future__ import annotations

import logging
import tracemalloc
import warnings

import numpy as np
import pytest

from napari_medseg.core import Cancelled, CancelToken, MedsegError
from napari_medseg.io.dicom import find_dicom_series


@pytest.fixture
def series(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack)
    ((found,), _) = find_dicom_series(tmp_path)
    return found


def test_progress_counts_every_slice(series):
    calls = []
    series.load(on_progress=lambda done, total, label: calls.append((done, total, label)))
    assert calls[0][:2] == (0, 6)
    assert calls[-1] == (6, 6, "Reading images")
    assert [done for done, _, _ in calls] == sorted(done for done, _, _ in calls)


def test_cancel_by_token_and_by_callback(series):
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        series.load(cancel=token)

    def stop(done, total, label):
        raise Cancelled

    with pytest.raises(Cancelled):
        series.load(on_progress=stop)


def test_cancel_in_the_midst_reads_no_more(tmp_path, series_writer, monkeypatch):
    from napari_medseg.io.dicom import voxels

    series_writer(tmp_path, np.zeros((200, 8, 8), np.int16))
    ((series,), _) = find_dicom_series(tmp_path)
    token = CancelToken()
    read = []

    def slow_read(*args):
        read.append(1)
        if len(read) == 10:
            token.cancel()
        return original(*args)

    original = voxels.read_frame
    monkeypatch.setattr(voxels, "read_frame", slow_read)
    with pytest.raises(Cancelled):
        series.load(cancel=token)
    assert 10 <= len(read) <= 13  # those under way in the four threads are finished


def test_file_gone_since_the_scan(series):
    gone = series.load().source.files[3]
    gone.unlink()
    with pytest.raises(MedsegError, match=f"{gone.name} is no longer"):
        series.load()


def test_file_shortened_since_the_scan(series):
    path = series.load().source.files[3]
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(MedsegError, match=f"{path.name} is cut short"):
        series.load()


def test_files_and_identifiers_come_along(tmp_path, series, stack):
    volume = series.load()
    assert volume.source.format == "dicom"
    assert volume.source.path == tmp_path
    assert volume.source.identifiers == {
        "StudyInstanceUID": "1.2.3.1",
        "SeriesInstanceUID": "1.2.3.2",
        "FrameOfReferenceUID": "1.2.3.3",
    }
    assert len(volume.source.files) == 6
    for k, path in enumerate(volume.source.files):
        ((one,), _) = find_dicom_series(path)
        np.testing.assert_array_equal(one.load().array[:, :, 0], volume.array[:, :, k])


def test_no_patient_identity_leaves_the_panel(tmp_path, series_writer, stack, caplog):
    def long_name(ds, n):
        ds.PatientName = "Doe^Jane" + "x" * 80  # pydicom warns of it, with the name
        ds.PatientID = "Zebra"  # no digits: a random UID may hold any of them
        ds.SeriesDescription = ""

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        series_writer(tmp_path, stack, edit=long_name, skip=[2])
    with caplog.at_level(logging.DEBUG), warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        ((series,), problems) = find_dicom_series(tmp_path)
        volume = series.load()
    told = [volume.name, volume.notes, series.description, series.notes, problems, volume.source, caplog.text]
    told += [str(warning.message) for warning in caught] + [series.loader]
    assert "Doe" not in str(told)
    assert "Zebra" not in str(told)
    assert volume.name == "CT series 4"


def test_memory_stays_near_the_volume(tmp_path, series_writer):
    array = np.zeros((40, 128, 128), np.int16)
    series_writer(tmp_path, array)
    ((series,), _) = find_dicom_series(tmp_path)
    series.load()
    tracemalloc.start()
    volume = series.load()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.2 * volume.array.nbytes + 200_000


def test_slices_are_contiguous_in_memory(series):
    assert series.load().array.flags.f_contiguous


def test_thumbnail_is_windowed_and_small(tmp_path, series_writer):
    ramp = np.tile(np.arange(64, dtype=np.int16) * 10, (3, 32, 1))

    def window(ds, n):
        ds.WindowCenter, ds.WindowWidth = 320, 100

    series_writer(tmp_path, ramp, edit=window)
    ((series,), _) = find_dicom_series(tmp_path)
    picture = series.thumbnail(32)
    assert picture.shape == (16, 32)
    assert picture[0, 0] == 0
    assert picture[0, -1] == 255


def test_thumbnail_of_a_broken_file_is_none(series):
    for path in series.load().source.files:
        path.unlink()
    assert series.thumbnail() is None
