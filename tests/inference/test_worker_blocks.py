from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from napari_medseg.core import MedsegError
from napari_medseg.inference.worker import blocks
from napari_medseg.inference.worker.blocks import SharedBlock, memory_axes

ARRAYS = {
    "C order": np.arange(24, dtype=np.int16).reshape(2, 3, 4),
    "Fortran order": np.asfortranarray(np.arange(24, dtype=np.float32).reshape(2, 3, 4)),
    "reversed view": np.arange(24, dtype=np.uint8).reshape(2, 3, 4).transpose(1, 2, 0)[::-1],
    "big-endian": np.arange(24, dtype=">f4").reshape(2, 3, 4),
    "one plane": np.arange(6).reshape(3, 2, 1),
}


@pytest.mark.parametrize("array", ARRAYS.values(), ids=ARRAYS.keys())
def test_both_sides_see_the_same_voxels(array):
    with SharedBlock.copy_of(array) as block:
        other = SharedBlock(block.spec)
        np.testing.assert_array_equal(other.array, array)
        assert other.array.dtype.isnative
        other.array[0, 0, 0] = 77
        assert block.array[0, 0, 0] == 77
        other.close(unlink=False)


def test_copies_keep_the_memory_order():
    with SharedBlock.copy_of(ARRAYS["Fortran order"]) as block:
        assert block.array.flags.f_contiguous
        assert memory_axes(block.array) == (2, 1, 0)


def test_the_name_goes_early_and_the_voxels_stay():
    with SharedBlock.copy_of(ARRAYS["C order"]) as block:
        other = SharedBlock(block.spec)
        block.unlink()
        other.array[...] = 5
        assert (block.array == 5).all()
        assert not Path(block.spec.path).exists()
        other.close()


def test_nothing_is_left_behind():
    with SharedBlock.create((4, 4, 4), np.uint8, (0, 1, 2)) as block:
        path = Path(block.spec.path)
        assert path.exists()
    assert not path.exists()
    with pytest.raises(ValueError, match="closed"):
        _ = block.array


def test_a_name_that_cannot_go_yet_goes_with_the_last_view(monkeypatch):
    """Windows keeps it while somebody maps the file; labels on screen outlive the run that made them."""
    remove = Path.unlink

    def refuse(*_, **__):
        raise PermissionError

    with SharedBlock.create((4, 4, 4), np.uint8, (0, 1, 2)) as block:
        path, on_screen = Path(block.spec.path), block.array[1:]
        monkeypatch.setattr(Path, "unlink", refuse)
    monkeypatch.setattr(Path, "unlink", remove)
    assert path.exists() and not on_screen.any()
    del on_screen
    assert not path.exists()


def test_new_blocks_are_empty():
    with SharedBlock.create((300, 200, 10), np.uint8, (0, 1, 2)) as block:
        assert not block.array.any()


def test_without_shared_memory_a_temporary_file_serves(monkeypatch, tmp_path):
    monkeypatch.setattr(blocks, "_SHARED_FOLDER", tmp_path / "absent")
    monkeypatch.setattr(blocks.tempfile, "gettempdir", lambda: str(tmp_path))
    with SharedBlock.copy_of(ARRAYS["C order"]) as block:
        assert Path(block.spec.path).parent == tmp_path
        np.testing.assert_array_equal(block.array, ARRAYS["C order"])


def test_a_full_shared_memory_is_passed_over(monkeypatch, tmp_path):
    full = tmp_path / "shm"
    full.mkdir()
    real = shutil.disk_usage
    monkeypatch.setattr(blocks, "_SHARED_FOLDER", full)
    monkeypatch.setattr(blocks.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(
        blocks.shutil, "disk_usage", lambda folder: SimpleNamespace(free=10) if folder == full else real(folder)
    )
    with SharedBlock.create((8, 8, 8), np.uint8, (0, 1, 2)) as block:
        assert Path(block.spec.path).parent == tmp_path


def test_no_room_anywhere_is_told(monkeypatch):
    monkeypatch.setattr(blocks.shutil, "disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(MedsegError, match="no room for the 1 MB"):
        SharedBlock.create((100, 100, 100), np.uint8, (0, 1, 2))
