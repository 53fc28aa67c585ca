"""A file is written whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import napari_medseg as ms
from napari_medseg.io.atomic import TEMPORARY_PREFIX, atomic_write

posix = pytest.mark.skipif(os.name != "posix", reason="signals, limits and permissions of POSIX systems")

# Saves 16 MB of noise over the file given; what happens at which step is up to the test.
SAVE = """
import os, resource, signal, sys
import numpy as np
import napari_medseg as ms

path, step, limit = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
geometry = ms.Geometry((256, 256, 128), ms.Affine.from_spacing((1, 1, 1)))
noise = np.random.default_rng(0).integers(0, 60000, geometry.shape, dtype=np.uint16)
calls = 0
def on_progress(done, total, label):
    global calls
    calls += 1
    if step and (calls == step or (step < 0 and done == total)):
        os.kill(os.getpid(), signal.SIGKILL)
try:
    ms.write_segmentation(ms.Segmentation(noise, geometry), path, on_progress)
except ms.MedsegError as error:
    sys.exit(str(error))
"""


def run_save(path: Path, step: int = 0, limit: int = 0) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", SAVE, str(path), str(step), str(limit)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def others(folder: Path, *names: str) -> list[str]:
    return sorted(set(os.listdir(folder)) - set(names))


@posix
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("step", [1, 4, -1], ids=["first", "middle", "last"])
def test_killed_during_a_save_the_old_file_is_intact(tmp_path: Path, step: int, suffix: str) -> None:
    path = tmp_path / f"labels{suffix}"
    old = nib.Nifti1Image(np.ones((3, 3, 3), np.uint8), np.eye(4))
    nib.save(old, path)
    before = path.read_bytes()
    assert run_save(path, step).returncode == -9
    assert path.read_bytes() == before
    assert ms.open_study(tmp_path).series[0].path == path, "what the killed process left is no scan"
    assert len(ms.open_study(tmp_path).series) == 1


@posix
def test_saving_again_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "labels.nii.gz"
    assert run_save(path, step=2).returncode == -9
    assert not path.exists()
    assert run_save(path).returncode == 0
    assert ms.read_segmentation(path).array.shape == (256, 256, 128)


@posix
@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
def test_full_disk(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"labels{suffix}"
    path.write_bytes(b"old")
    result = run_save(path, limit=3_000_000)
    assert result.returncode == 1
    assert f"no space left to write labels{suffix}" in result.stderr and "Free some space" in result.stderr
    assert "Traceback" not in result.stderr
    assert path.read_bytes() == b"old"
    assert others(tmp_path, path.name) == []


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_space_is_told(tmp_path: Path, code: int) -> None:
    with pytest.raises(ms.MedsegError, match="no space left"), atomic_write(tmp_path / "out") as temporary:
        temporary.write_bytes(b"half")
        raise OSError(code, os.strerror(code))
    assert others(tmp_path) == []


def test_any_error_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "out.nii"
    target.write_bytes(b"old")
    for error in (KeyError("bug"), KeyboardInterrupt(), ms.Cancelled()):
        with pytest.raises(type(error)), atomic_write(target) as temporary:
            temporary.write_bytes(b"half")
            raise error
    assert target.read_bytes() == b"old"
    assert others(tmp_path, "out.nii") == []


def test_the_temporary_file_lies_beside_the_target_and_ends_like_it(tmp_path: Path) -> None:
    with atomic_write(tmp_path / "out.nii.gz") as temporary:
        assert temporary.parent == tmp_path
        assert temporary.name.startswith(TEMPORARY_PREFIX) and temporary.name.endswith("out.nii.gz")
        assert not (tmp_path / "out.nii.gz").exists()
        temporary.write_bytes(b"new")
    assert (tmp_path / "out.nii.gz").read_bytes() == b"new"
    assert others(tmp_path, "out.nii.gz") == []


def test_long_names(tmp_path: Path) -> None:
    target = tmp_path / ("x" * 240 + ".nii.gz")
    with atomic_write(target) as temporary:
        temporary.write_bytes(b"new")
    assert target.read_bytes() == b"new"


@posix
def test_permissions(tmp_path: Path) -> None:
    old_mask = os.umask(0o027)
    try:
        with atomic_write(tmp_path / "fresh"):
            pass
        assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o640
        (tmp_path / "fresh").chmod(0o664)
        with atomic_write(tmp_path / "fresh"):
            pass
        assert stat.S_IMODE((tmp_path / "fresh").stat().st_mode) == 0o664
    finally:
        os.umask(old_mask)


@posix
def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to(tmp_path / "store" / "real")
    with atomic_write(tmp_path / "link") as temporary:
        temporary.write_bytes(b"new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "store" / "real").read_bytes() == b"new"


@posix
def test_a_write_protected_file_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "out.nii"
    target.write_bytes(b"old")
    target.chmod(0o444)
    with pytest.raises(ms.MedsegError, match="write-protected"), atomic_write(target):
        pytest.fail("the block must not run")
    assert target.read_bytes() == b"old"
    assert others(tmp_path, "out.nii") == []


def _missing_folder(tmp_path: Path) -> Path:
    return tmp_path / "no" / "such" / "out.nii"


def _file_as_folder(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"")
    return tmp_path / "file" / "out.nii"


def _folder(tmp_path: Path) -> Path:
    (tmp_path / "folder.nii").mkdir()
    return tmp_path / "folder.nii"


@pytest.mark.parametrize(
    "place, words",
    [(_missing_folder, "does not exist"), (_file_as_folder, "does not exist"), (_folder, "is a folder")],
)
def test_targets_that_cannot_be(
    labels: ms.Segmentation, tmp_path: Path, place: Callable[[Path], Path], words: str
) -> None:
    with pytest.raises(ms.MedsegError, match=words) as caught:
        ms.write_segmentation(labels, place(tmp_path))
    assert caught.value.hint


@posix
def test_a_folder_that_cannot_be_written_to(labels: ms.Segmentation, tmp_path: Path) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o555)
    if os.access(locked, os.W_OK):  # root may write anywhere but here
        locked = Path("/proc")
        if not locked.is_dir():
            pytest.skip("no folder that root cannot write to")
    with pytest.raises(ms.MedsegError, match=r"cannot be written to|does not exist"):
        ms.write_segmentation(labels, locked / "labels.nii.gz")


def test_a_read_only_disk_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(ms.MedsegError, match="cannot be written to"), atomic_write(tmp_path / "out"):
        pytest.fail("the block must not run")
