"""``napari-medseg recipes``: the recipes that come with the program, to be read, copied and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError

if TYPE_CHECKING:
    import argparse

    from napari_medseg.cli.progress_bar import ProgressBar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    parser.add_argument("name", nargs="?", help="print this one, for example to > my-recipe.yaml; without, list all")


def run(arguments: argparse.Namespace, on_progress: ProgressBar) -> int:
    """List the recipes, or print one as it is."""
    from napari_medseg.training.recipe_file import RECIPES

    files = {path.stem: path for path in sorted(RECIPES.iterdir()) if path.suffix in (".toml", ".yaml")}
    if arguments.name is None:
        print("\n".join(files))
        return 0
    path = files.get(arguments.name)
    if path is None:
        raise MedsegError(f"There is no recipe '{arguments.name}'.", f"There are: {', '.join(files)}.")
    print(path.read_text(encoding="utf-8"), end="")
    return 0
