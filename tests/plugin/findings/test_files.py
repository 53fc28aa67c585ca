"""What is shown goes out to files, and comes back onto its image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from napari_medseg.core import MedsegError
from napari_medseg.io.findings import ImageFindings
from napari_medseg.io.findings_coco import write_coco
from napari_medseg.plugin.findings.files import compact, read_findings_of, shown_only, write_shown_findings


def test_only_what_is_shown_is_written_and_comes_back(tmp_path: Path, new_volume: Any, new_findings: Any) -> None:
    volume = new_volume(tmp_path / "chest_7.dcm")
    found = new_findings(volume)
    shown = shown_only(found, {1, 3})
    assert [segment.label for segment in shown.segments] == [1, 3]
    write_shown_findings(shown, tmp_path / "found.json", "")
    back = read_findings_of(tmp_path / "found.json", volume, "")
    assert [segment.score for segment in back.segments] == [0.9, 0.1]
    assert [segment.box for segment in back.segments] == [found.segments[0].box, found.segments[2].box]
    np.testing.assert_array_equal(back.array == 1, found.array == 1)
    np.testing.assert_array_equal(back.array == 2, found.array == 3)


def test_rsna_tables_keep_boxes_and_scores(tmp_path: Path, new_volume: Any, new_findings: Any) -> None:
    volume = new_volume()
    write_shown_findings(new_findings(volume), tmp_path / "found.csv", "chest 7")
    assert (tmp_path / "found.csv").read_text().splitlines()[1].startswith("chest 7,0.9 9 4 12 12 0.4 ")
    back = read_findings_of(tmp_path / "found.csv", volume, "chest 7")
    assert [segment.score for segment in back.segments] == [0.9, 0.4, 0.1]


@pytest.mark.parametrize("told", ["chest_7.dcm", "folder/chest_7.dcm", "chest_7", "chest_7.png"])
def test_the_image_is_found_by_its_name(tmp_path: Path, new_volume: Any, told: str) -> None:
    images = [ImageFindings(name, size=(60, 50)) for name in ("chest_6.dcm", told)]
    write_coco(images, tmp_path / "many.json")
    back = read_findings_of(tmp_path / "many.json", new_volume(tmp_path / "chest_7.dcm"), "")
    assert back.segments == () and not back.array.any()


def test_a_file_about_other_images_says_so(tmp_path: Path, new_volume: Any) -> None:
    write_coco([ImageFindings(f"{n}.png", size=(60, 50)) for n in range(5)], tmp_path / "other.json")
    with pytest.raises(MedsegError, match=r"other\.json tells nothing of chest_7\.dcm") as caught:
        read_findings_of(tmp_path / "other.json", new_volume(tmp_path / "chest_7.dcm"), "")
    assert "0.png, 1.png, 2.png, …" in caught.value.hint


def test_labels_are_kept_in_bytes_where_they_fit(new_volume: Any, new_findings: Any) -> None:
    found = new_findings(new_volume())
    wide = replace(found, array=found.array.astype(np.uint16))
    assert compact(wide).array.dtype == np.uint8
    np.testing.assert_array_equal(compact(wide).array, found.array)
    many = replace(wide, array=np.where(wide.array == 1, 300, 0).astype(np.uint16))
    assert compact(many) is many
