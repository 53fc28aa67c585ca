"""Finding series: any name, any depth, and one clear sentence for what cannot be shown."""

from __future__ import annotations

import io

import numpy as np
import pytest
from pydicom.filewriter import dcmwrite

from napari_medseg.core import Cancelled, CancelToken
from napari_medseg.io.dicom import find_dicom_series, scan


def test_headers_tell_what_the_panel_shows(tmp_path, series_writer, stack):
    series_writer(tmp_path / "a" / "b", stack, spacing=(0.5, 0.25))
    ((series,), problems) = find_dicom_series(tmp_path)
    assert problems == []
    assert (series.modality, series.number, series.description) == ("CT", 4, "Thorax 1.0")
    assert (series.shape, series.n_images, series.n_frames) == ((7, 5, 6), 6, 1)
    assert series.spacing_mm == pytest.approx((0.25, 0.5, 2.0))
    assert series.study_date == "2026-03-02"
    assert (series.patient_name, series.patient_id) == ("Doe^Jane", "SECRET-4711")
    assert series.path == tmp_path / "a" / "b"
    assert series.n_bytes == 6 * 5 * 7 * 2
    assert series.uid == "1.2.3.2"


def test_single_file_and_list_of_files(tmp_path, series_writer, stack):
    paths = series_writer(tmp_path, stack)
    assert find_dicom_series(paths[0])[0][0].n_images == 1
    assert find_dicom_series(paths[:4])[0][0].n_images == 4


def test_foreign_files_are_passed_over(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack)
    (tmp_path / "notes.txt").write_text("Dear colleague")
    (tmp_path / "empty.dcm").write_bytes(b"")
    (tmp_path / ".DS_Store").write_bytes(bytes(700))
    series, problems = find_dicom_series(tmp_path)
    assert (len(series), problems) == (1, [])


def test_without_preamble(tmp_path, slice_maker):
    pixels = np.arange(20, dtype=np.int16).reshape(4, 5)
    ds = slice_maker(pixels)
    del ds.file_meta
    buffer = io.BytesIO()
    dcmwrite(buffer, ds, implicit_vr=True, little_endian=True)
    (tmp_path / "bare").write_bytes(buffer.getvalue())
    ((series,), problems) = find_dicom_series(tmp_path)
    assert problems == []
    np.testing.assert_array_equal(series.load().array[:, :, 0], pixels.T)


def test_without_pixels_is_named(tmp_path, series_writer, slice_maker, slice_saver, stack):
    series_writer(tmp_path, stack)
    for n in range(3):
        report = slice_maker(stack[0], modality="SR")
        report.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.11"
        del report.PixelData, report.Rows
        slice_saver(report, tmp_path / f"Z{n}")
    image = slice_maker(stack[0])
    del image.PixelData
    slice_saver(image, tmp_path / "Y")
    series, problems = find_dicom_series(tmp_path)
    assert len(series) == 1
    assert sorted(problems) == [
        "Y (CT Image) holds no pixels.",
        "Z0 and 2 more of its kind (Basic Text SR) hold no pixels.",
    ]


def test_mosaic_without_its_private_header_is_refused_not_misread(tmp_path, series_writer, stack):
    def mosaic(ds, n):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]

    first, *_ = sorted(series_writer(tmp_path, stack, edit=mosaic, modality="MR"))
    series, problems = find_dicom_series(tmp_path)
    assert series == []
    why = "mosaic of slices whose places the header does not tell"
    assert problems == [f"{first.name} and 5 more of its series ({why}) are not read by this version."]


def test_cut_short_file_is_a_problem_and_the_rest_opens(tmp_path, series_writer, stack):
    paths = series_writer(tmp_path, stack)
    paths[2].write_bytes(paths[2].read_bytes()[:-20])
    ((series,), problems) = find_dicom_series(tmp_path)
    assert problems == [f"{paths[2].name} is cut short: some of its pixels are missing."]
    assert series.n_images == 5
    assert "missing" in series.notes[0]


def test_cut_in_the_header_is_a_problem(tmp_path, series_writer, stack):
    paths = series_writer(tmp_path, stack)
    paths[2].write_bytes(paths[2].read_bytes()[:600])
    ((series,), problems) = find_dicom_series(tmp_path)
    assert series.n_images == 5
    assert len(problems) == 1
    assert paths[2].name in problems[0]


def test_nested_without_end_is_a_problem(tmp_path, slice_maker, slice_saver):
    from pydicom.dataset import Dataset

    path = slice_saver(slice_maker(np.zeros((4, 4), np.int16)), tmp_path / "deep")
    item = Dataset()
    item.PatientComments = "x"
    sequence = b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    whole = path.read_bytes()
    at = whole.index(b"\x10\x00\x10\x00PN")
    path.write_bytes(whole[:at] + sequence * 3000 + whole[at:])
    series, problems = find_dicom_series(tmp_path)
    assert series == []
    assert problems == ["deep looks like DICOM but cannot be read."]


def test_deflated_bomb_is_refused(tmp_path, slice_maker, monkeypatch):
    from napari_medseg.io.dicom import deflate

    monkeypatch.setattr(deflate, "MAX_INFLATED_BYTES", 1 << 20)
    ds = slice_maker(np.zeros((1024, 1024), np.int16))
    ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1.99"
    ds.save_as(tmp_path / "bomb", enforce_file_format=True)
    series, problems = find_dicom_series(tmp_path)
    assert (series, problems) == ([], ["bomb unpacks to more than 1 MB."])


def test_missing_series_uid_groups_by_folder_and_number(tmp_path, series_writer, stack):
    def strip(ds, n):
        del ds.SeriesInstanceUID

    series_writer(tmp_path / "one", stack, edit=strip)
    series_writer(tmp_path / "two", stack, edit=strip)
    series, _ = find_dicom_series(tmp_path)
    assert [one.n_images for one in series] == [6, 6]


def test_characters_beyond_ascii(tmp_path, slice_maker, slice_saver, stack):
    ds = slice_maker(stack[0])
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName, ds.SeriesDescription = "Müller^Jürgen", "Schädel nativ"
    slice_saver(ds, tmp_path / "x")
    ((series,), _) = find_dicom_series(tmp_path)
    assert (series.patient_name, series.description) == ("Müller^Jürgen", "Schädel nativ")


def test_a_slow_disk_is_read_by_threads_and_lists_the_same(tmp_path, series_writer, stack, monkeypatch):
    for name in ("a", "b", "c"):
        series_writer(tmp_path / name, stack)
    (tmp_path / "a" / "notes.txt").write_text("no image")
    expected = [(one.uid, one.n_images) for one in find_dicom_series(tmp_path)[0]]
    monkeypatch.setattr(scan, "_SLOW_S", -1.0)
    monkeypatch.setattr(scan, "_BATCH", 2)
    assert [(one.uid, one.n_images) for one in find_dicom_series(tmp_path)[0]] == expected


def test_progress_reaches_the_end_and_cancel_stops(tmp_path, series_writer, stack):
    series_writer(tmp_path, stack)
    calls = []
    find_dicom_series(tmp_path, on_progress=lambda done, total, label: calls.append((done, total)))
    assert calls[0] == (0, 6)
    assert calls[-1] == (6, 6)
    token = CancelToken()
    token.cancel()
    with pytest.raises(Cancelled):
        find_dicom_series(tmp_path, cancel=token)


def test_nothing_there(tmp_path):
    assert find_dicom_series(tmp_path) == ([], [])
