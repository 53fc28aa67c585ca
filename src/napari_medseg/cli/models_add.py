"""``napari-medseg models add``: other people's models, shown before anything is installed."""

from __future__ import annotations

import json
import re
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_medseg.cli.asking import agreed

if TYPE_CHECKING:
    import argparse

    from napari_medseg.core.progress import ProgressCallback
    from napari_medseg.models.foreign.offer import Choices, Offer

_MOST_NAMED = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of the action."""
    parser.add_argument("model", metavar="PATH_OR_URL", help="a folder, a ZIP file, an ONNX file, or an https address")
    parser.add_argument("--name", default="", help="what to call it in the list")
    parser.add_argument("--configuration", default="", help="of nnU-Net folders with several, such as 3d_fullres")
    parser.add_argument("--fold", action="append", default=[], help="of nnU-Net; may be repeated (all, if not given)")
    parser.add_argument("--sha256", default="", help="what the checksum of a file from the web must be")
    parser.add_argument("--origin", default="", help="where a file came from, for the model's card")
    parser.add_argument("--overwrite", action="store_true", help="let it take the place of your model of its name")
    parser.add_argument("--yes", action="store_true", help="do not ask (never a yes to running code)")
    parser.add_argument("--run-code", action="store_true", help="let the code that is shown run")
    parser.add_argument("--code-sha256", default="", help="let it run only if it is what was shown before, by checksum")
    parser.add_argument("--only-tell", action="store_true", help="tell what it is, as JSON, and add nothing")


def run(arguments: argparse.Namespace, on_progress: ProgressCallback) -> int:
    """Read a model, show what it is, and on a yes install it.

    Raises
    ------
    MedsegError
        If it is refused; the sentence says what is in the way.
    """
    from napari_medseg.models.addresses import public_address
    from napari_medseg.models.fetching import forget, is_address
    from napari_medseg.models.foreign.offer import Choices

    if not is_address(arguments.model):
        chosen = Choices(arguments.name, arguments.configuration, tuple(arguments.fold), arguments.run_code)
        return _add(Path(arguments.model).expanduser(), chosen, arguments, arguments.origin, on_progress)
    fetched = _fetch(arguments, on_progress)
    if fetched is None:
        return _nothing()
    path, sha256 = fetched
    name = arguments.name or re.sub(r"\.zip$", "", path.name, flags=re.IGNORECASE)
    chosen = Choices(name, arguments.configuration, tuple(arguments.fold), arguments.run_code)
    try:
        return _add(path, chosen, arguments, f"{public_address(arguments.model)}, SHA-256 {sha256}", on_progress)
    finally:
        forget(path)


def _fetch(arguments: argparse.Namespace, on_progress: ProgressCallback) -> tuple[Path, str] | None:
    from napari_medseg.models.fetching import fetch, look_up

    remote = look_up(arguments.model)
    size = "a file of unknown size" if remote.size_bytes is None else f"{remote.size_bytes / 1e6:.1f} MB"
    if not arguments.yes and not agreed(f"Fetch {size} from {remote.host}?"):
        return None
    return fetch(arguments.model, sha256=arguments.sha256, on_progress=on_progress)


def _add(
    path: Path, choices: Choices, arguments: argparse.Namespace, origin: str, on_progress: ProgressCallback
) -> int:
    from napari_medseg.models.foreign.adding import add_offer, is_builtin, open_offer
    from napari_medseg.models.foreign.code import code_sha256

    with ExitStack() as stack:
        offer = stack.enter_context(open_offer(path, replace(choices, run_code=False), on_progress))
        if arguments.only_tell and not (offer.runs and choices.run_code):
            print(json.dumps(as_values(offer), indent=2))
            return 0
        if offer.runs:
            print("\n".join(("This model needs code of its own to run on your machine:", *_shown(offer.runs))))
            if not choices.run_code and not agreed("Let this code run?", "--run-code"):
                return _nothing()
            seen = code_sha256(offer.runs) if not arguments.code_sha256 else arguments.code_sha256
            allowed = replace(choices, run_code=True, code_sha256=seen)
            offer = stack.enter_context(open_offer(path, allowed, on_progress))
        if arguments.only_tell:
            print(json.dumps(as_values(offer), indent=2))
            return 0
        print("\n".join(describe_offer(offer)))
        if arguments.overwrite and is_builtin(offer.name):
            print("  takes the place of this program's own model of that name")
        if not arguments.yes and not agreed("Add this model?"):
            return _nothing()
        added = add_offer(offer, overwrite=arguments.overwrite, origin=origin)
    print(f"added {added.card.name}", file=sys.stderr)
    return 0


def _nothing() -> int:
    print("nothing was added", file=sys.stderr)
    return 1


def describe_offer(offer: Offer) -> list[str]:
    """Return the lines that tell a reader about a model before it is added."""
    named = ", ".join(offer.labels[:_MOST_NAMED])
    more = f" and {len(offer.labels) - _MOST_NAMED} more" if len(offer.labels) > _MOST_NAMED else ""
    modality = ", ".join(offer.values["modality"]) or "any modality"
    return [
        f"{offer.name}: {offer.title} ({offer.kind})",
        f"  for {modality}; labels: {named}{more}",
        f"  {offer.size_bytes / 1e6:.1f} MB; licence {offer.licence}",
        *(f"  {note}" for note in offer.notes),
    ]


def as_values(offer: Offer) -> dict[str, Any]:
    """Return what is told about a model, for programs."""
    from napari_medseg.models.foreign.code import code_sha256

    return {
        "kind": offer.kind,
        "name": offer.name,
        "title": offer.title,
        "licence": offer.licence,
        "modality": list(offer.values["modality"]),
        "labels": list(offer.labels),
        "size_bytes": offer.size_bytes,
        "runs": list(offer.runs),
        "runs_sha256": code_sha256(offer.runs) if offer.runs else "",
        "notes": list(offer.notes),
    }


def _shown(lines: tuple[str, ...]) -> list[str]:
    """Return code as it may be printed: what a terminal would obey is written out."""
    return [f"    {line.encode('unicode_escape').decode()}" for line in lines]
