"""``python -m napari_medseg.training``: the training command without the rest of the command line."""

from __future__ import annotations

import argparse
import sys

from napari_medseg.core.errors import MedsegError
from napari_medseg.training.command import add_arguments, run


def main(argv: list[str] | None = None) -> int:
    """Train as the arguments say; return 0 if done, 1 if the input or the work failed."""
    parser = argparse.ArgumentParser(prog="python -m napari_medseg.training", description="Train a model by a recipe.")
    add_arguments(parser)
    arguments = parser.parse_args(argv)
    try:
        return run(arguments, _report, _say)
    except MedsegError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _report(done: int, total: int, label: str) -> None:
    if done % 25 == 0 or done == total:
        title, _, details = label.partition(": ")
        sys.stderr.write(f"{title}: {done}/{total}{f', {details}' if details else ''}\n")
        sys.stderr.flush()


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
