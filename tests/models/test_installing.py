from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from napari_medseg.core.errors import MedsegError
from napari_medseg.models import find_model, list_models
from napari_medseg.models.catalogue import ModelFolder, builtin_folder, read_model_folder
from napari_medseg.models.installing import install_model

NAME = "my-hippocampus"


@pytest.fixture
def made(tmp_path: Path) -> ModelFolder:
    """A model under another name, as training writes one."""
    folder = tmp_path / "made"
    shutil.copytree(builtin_folder() / "hippocampus-unet", folder)
    card = json.loads((folder / "card.json").read_text(encoding="utf-8"))
    (folder / "card.json").write_text(json.dumps(card | {"name": NAME}), encoding="utf-8")
    return read_model_folder(folder)


def test_an_installed_model_is_listed_and_does_not_need_its_first_folder(made: ModelFolder, tmp_path: Path) -> None:
    user = tmp_path / "user" / "models"
    assert install_model(made, user).path == user / NAME
    shutil.rmtree(made.path)
    assert NAME in [card.name for card in list_models(user)]
    assert find_model(NAME, user).weights_path.is_file()
    assert [path.name for path in user.iterdir()] == [NAME]


def test_a_model_of_this_name_is_replaced_only_if_asked_for(made: ModelFolder, tmp_path: Path) -> None:
    user = tmp_path / "user"
    install_model(made, user)
    with pytest.raises(MedsegError, match="already"):
        install_model(made, user)
    (user / NAME / "of the old one").touch()
    install_model(made, user, overwrite=True)
    assert not (user / NAME / "of the old one").exists()
    assert [path.name for path in user.iterdir()] == [NAME]


def test_an_installed_model_is_not_installed_over_itself(made: ModelFolder, tmp_path: Path) -> None:
    installed = install_model(made, tmp_path / "user")
    assert install_model(installed, tmp_path / "user", overwrite=True).path == installed.path
    assert installed.weights_path.is_file()


def test_weights_of_another_model_are_refused(made: ModelFolder, tmp_path: Path) -> None:
    made.weights_path.write_bytes(b"others")
    with pytest.raises(MedsegError, match="not those of its card"):
        install_model(made, tmp_path / "user")
    assert not (tmp_path / "user" / NAME).exists()


def test_a_failure_leaves_the_old_model(made: ModelFolder, tmp_path: Path) -> None:
    user = tmp_path / "user"
    install_model(made, user)
    (made.path / str(made.card.test_vector)).unlink()
    with pytest.raises(MedsegError, match="could not be copied"):
        install_model(made, user, overwrite=True)
    assert find_model(NAME, user).weights_path.is_file()
    assert [path.name for path in user.iterdir()] == [NAME]
