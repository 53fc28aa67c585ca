from __future__ import annotations

from pydicom.data import get_testdata_file


def test_copies_and_says_how_many(run, tmp_path):
    status, out, err = run("deidentify", get_testdata_file("CT_small.dcm"), tmp_path / "out")
    assert (status, err) == (0, "")
    assert "1 files without identity" in out
    (path,) = (tmp_path / "out").rglob("*.dcm")
    assert b"CompressedSamples" not in path.read_bytes()


def test_a_folder_that_holds_something_is_left_alone(run, tmp_path):
    (tmp_path / "kept").write_text("mine")
    status, _, err = run("deidentify", get_testdata_file("CT_small.dcm"), tmp_path)
    assert status == 1 and "is there already" in err
    assert (tmp_path / "kept").read_text() == "mine"
