"""What a training left behind: a model a fold, each with the cases that it has not seen."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from napari_medseg.core.errors import MedsegError
from napari_medseg.models.card import ModelCard
from napari_medseg.models.catalogue import CARD_FILE, ModelFolder, read_model_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from napari_medseg.training.data import LabelledCase

_FOLDS = "fold-*"
_MODEL, _SCORES = "model", "scores.json"
_ROWS = ("scores", "found")
"""Under which names `training.evaluation` and `training.planes.evaluation` keep a row for each unseen case."""

_AGAIN = "Give the training command again: it takes up what is not finished."


@dataclass(frozen=True)
class Fold:
    """One run of a cross validation.

    Parameters
    ----------
    name : str
        Such as "fold-0".
    model : ModelFolder
        What it gave.
    unseen : frozenset of str
        Names of the cases that were kept from it, as far as anyone knows what is in them.
    """

    name: str
    model: ModelFolder
    unseen: frozenset[str] = field(repr=False)


@dataclass(frozen=True)
class FoldRuns:
    """The runs of one training, to be measured together: each case by the model that has not seen it.

    Parameters
    ----------
    card : ModelCard
        That of the first fold, with the lowest score of the model that was trained on all cases, if there is one: the
        same threshold for all folds, and the one that a user of that model has.
    folds : tuple of Fold
        Those that are finished, at least two.
    unfinished : tuple of str
        The names of the others.
    """

    card: ModelCard
    folds: tuple[Fold, ...]
    unfinished: tuple[str, ...] = ()

    @property
    def models(self) -> tuple[ModelFolder, ...]:
        """The folds' models under the one card."""
        return tuple(ModelFolder(self.card, fold.model.path) for fold in self.folds)

    @property
    def threshold_fitted(self) -> bool:
        """Whether the lowest score was chosen after the folds were trained, on the cases of all of them."""
        own = self.folds[0].model.card.postprocess.min_score
        return self.card.task == "instances" and self.card.postprocess.min_score != own

    def cases_of(self, cases: Sequence[LabelledCase]) -> list[tuple[LabelledCase, ...]]:
        """Return, for each fold, those of the cases that it has not seen.

        Raises
        ------
        MedsegError
            If the runs had other cases, or a patient is in two folds: a model could then have seen what it is measured
            on.
        """
        known = {case.name for case in cases}
        foreign = sorted(name for fold in self.folds for name in fold.unseen if name not in known)
        if foreign:
            raise MedsegError(
                f"{self.card.name} was trained on other data: they have a case '{foreign[0]}'.",
                "Give the recipe that it was trained by as --data.",
            )
        parts = [tuple(case for case in cases if case.name in fold.unseen) for fold in self.folds]
        homes: dict[str, int] = {}
        for number, part in enumerate(parts):
            for case in part:
                if homes.setdefault(case.patient, number) != number:
                    raise MedsegError(
                        f"The folds of {self.card.name} divide a patient: another image of the one in '{case.name}' "
                        "was trained on.",
                        "Give the recipe that it was trained by as --data.",
                    )
        return parts


def is_run_folder(path: Path) -> bool:
    """Whether a folder holds the runs of a training."""
    return any(path.glob(f"{_FOLDS}/run.sha256")) or any(path.glob(f"{_FOLDS}/{_SCORES}"))


def read_fold_runs(path: Path) -> FoldRuns:
    """Read what the training command has written to its output folder.

    Which cases a fold's model has not seen is told by the scores that the training took of just these weights.

    Parameters
    ----------
    path : pathlib.Path
        The output folder, with folders fold-0, fold-1 …

    Raises
    ------
    MedsegError
        If there are no such runs, fewer than two are finished, or scores and weights do not belong together.
    """
    folders = sorted((one for one in path.glob(_FOLDS) if one.is_dir()), key=lambda one: (len(one.name), one.name))
    if not folders:
        raise MedsegError(f"{path} holds no runs of a training.", "Name the output folder of the training command.")
    folds = [_read_fold(one) for one in folders if (one / _SCORES).is_file()]
    unfinished = tuple(one.name for one in folders if not (one / _SCORES).is_file())
    if len(folds) < 2:
        raise MedsegError(f"Only {len(folds)} of the folds in {path} are finished, and two are needed.", _AGAIN)
    _require_alike(folds)
    card = folds[0].model.card
    score = _lowest_score(path / card.name, card)
    card = card.model_copy(update={"postprocess": card.postprocess.model_copy(update={"min_score": score})})
    return FoldRuns(card, tuple(folds), unfinished)


def named_apart(runs: Iterable[tuple[FoldRuns, str]]) -> list[FoldRuns]:
    """Return runs of which no two have one name: those of the same recipe are called as their folder is.

    Parameters
    ----------
    runs : iterable of (FoldRuns, str)
        Each with the name of its folder.
    """
    listed = list(runs)
    names = [one.card.name for one, _ in listed]
    return [
        one
        if names.count(one.card.name) == 1
        else FoldRuns(one.card.model_copy(update={"name": folder}), one.folds, one.unfinished)
        for one, folder in listed
    ]


def _read_fold(folder: Path) -> Fold:
    from napari_medseg.training.evaluation import model_fingerprint  # brings torch

    model = read_model_folder(folder / _MODEL)
    try:
        content = json.loads((folder / _SCORES).read_text(encoding="utf-8"))
        rows = next(content[name] for name in _ROWS if name in content)
        unseen, scored = frozenset(str(row["case"]) for row in rows), content["model"]
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise MedsegError(f"The scores of {folder.name} in {folder.parent} cannot be read.", _AGAIN) from error
    if scored not in (model_fingerprint(model.card), model_fingerprint(model.card, as_stored=True)):
        raise MedsegError(f"The scores of {folder.name} in {folder.parent} are of other weights.", _AGAIN)
    return Fold(folder.name, model, unseen)


def _require_alike(folds: Sequence[Fold]) -> None:
    first = folds[0]
    seen_before: set[str] = set()
    for fold in folds:
        own, card = fold.model.card, first.model.card
        if (own.name, own.network, own.input, own.labels) != (card.name, card.network, card.input, card.labels):
            raise MedsegError(f"{fold.name} and {first.name} are not of one recipe.", "Keep trainings apart.")
        if seen_before & fold.unseen:
            raise MedsegError(f"The case '{min(seen_before & fold.unseen)}' is in two folds.", "Keep trainings apart.")
        seen_before |= fold.unseen


def _lowest_score(final: Path, card: ModelCard) -> float:
    """Return the lowest score of the model that was trained on all cases, or the card's own."""
    shipped = read_model_folder(final).card if (final / CARD_FILE).is_file() else card
    return shipped.postprocess.min_score
