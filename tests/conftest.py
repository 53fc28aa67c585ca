"""What every test shares: a sandboxed home, and the data sets beside the checkout."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

import pytest

# Before anything of napari or platformdirs is imported, and inherited by child processes:
# no test reads or writes the folders of whoever runs it.
_SANDBOX = tempfile.TemporaryDirectory(prefix="napari-medseg-tests-")
for _name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME"):
    _folder = Path(_SANDBOX.name) / _name.lower()
    _folder.mkdir()
    os.environ[_name] = str(_folder)
os.environ["NAPARI_CONFIG"] = str(Path(_SANDBOX.name) / "napari-settings.yaml")

# The LLVM in triton and the one in Mesa's software OpenGL crash each other if a viewer comes first. The program keeps
# them in two processes; tests of both kinds share one.
with contextlib.suppress(ImportError):
    import triton  # noqa: F401


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def sample_data(repository: Path) -> Path:
    """The sample data that ships with the package."""
    return repository / "sample_data"


@pytest.fixture(scope="session")
def shared_data(repository: Path) -> Path:
    """The folder of larger data sets; NAPARI_MEDSEG_TEST_DATA names another one."""
    folder = Path(os.environ.get("NAPARI_MEDSEG_TEST_DATA", repository.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("the shared data sets are not beside this checkout")
    return folder
