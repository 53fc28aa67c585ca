"""The package as a whole: light to import, complete when installed, honest about what it needs."""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

import napari_medseg

HEAVY = {"torch", "torchvision", "monai", "napari", "qtpy", "PyQt6", "scipy", "nibabel", "pydicom", "pydantic"}
REINSTALL = "changed since the installation: run `pip install -e .` again"


def loaded_modules(statement: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter holds after a statement."""
    code = f"import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(answer.stdout.splitlines()[-1])}


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_modules("import napari_medseg") & (HEAVY | {"numpy"})


@pytest.mark.parametrize(
    "statement",
    [
        "import napari_medseg.cli",
        "from napari_medseg import open_study, read_volume, write_segmentation",
        "from napari_medseg import list_models; list_models()",
        "import napari_medseg.inference.worker",
        "import napari_medseg.plugin.reader, napari_medseg.plugin.writer, napari_medseg.plugin.samples",
    ],
)
def test_the_doors_load_no_network_library(statement: str) -> None:
    assert not loaded_modules(statement) & {"torch", "torchvision", "monai", "qtpy", "PyQt6"}


@pytest.mark.parametrize("name", napari_medseg.__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(napari_medseg, name) is not None


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="attribute nothing"):
        napari_medseg.nothing  # noqa: B018


def test_the_installed_manifest_is_the_one_at_the_root(repository: Path) -> None:
    installed = files("napari_medseg_data").joinpath("napari.yaml").read_text(encoding="utf-8")
    assert installed == (repository / "napari.yaml").read_text(encoding="utf-8"), f"napari.yaml {REINSTALL}"


def test_the_manifest_is_valid_and_names_what_exists() -> None:
    npe2 = pytest.importorskip("npe2")
    manifest = npe2.PluginManifest.from_distribution("napari-medseg")
    manifest.validate_imports()
    assert manifest.name == "napari-medseg"


def test_the_sample_data_is_installed_with_its_terms(sample_data: Path) -> None:
    installed = files("napari_medseg_data").joinpath("sample_data")
    for path in sample_data.rglob("*"):
        if path.is_file():
            copy = installed.joinpath(*path.relative_to(sample_data).parts)
            assert copy.is_file() and copy.read_bytes() == path.read_bytes(), f"{path.name} {REINSTALL}"


def test_every_import_is_declared(repository: Path) -> None:
    project = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = (extra for name, extra in project["optional-dependencies"].items() if name not in ("all", "test", "dev"))
    requirements = sum(extras, project["dependencies"])
    declared = {normalised(re.split(r"[\[<>=!~; ]", requirement)[0]) for requirement in requirements}
    providers = importlib.metadata.packages_distributions()
    missing = {
        module
        for path in (repository / "src").rglob("*.py")
        for module in imported_modules(path)
        if module not in sys.stdlib_module_names
        and module != "napari_medseg"
        and not declared & {normalised(name) for name in providers.get(module, [module])}
    }
    assert not missing


def imported_modules(path: Path) -> set[str]:
    """Return the top-level names of everything a file imports, wherever it does so."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


def normalised(distribution: str) -> str:
    """Return a distribution's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_ci_runs_the_commands_of_the_readme(repository: Path) -> None:
    readme = (repository / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"```bash\n(.*?)```", readme, flags=re.DOTALL)
    script = (repository / ".ci" / "run").read_text(encoding="utf-8")
    assert len(commands) >= 2
    for command in commands[:2]:
        assert command.strip() in script, "README.md and .ci/run tell different commands"
