"""What is wrong with labelled volumes, in one report before training starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_medseg.training.data import CaseSet, CheckReport, LabelledCase, MaskFile, check_cases

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_medseg.core.progress import CancelToken, ProgressCallback
    from napari_medseg.training.cases import CaseFiles
    from napari_medseg.training.recipe import Recipe


def check_volumes(
    files: Sequence[CaseFiles],
    recipe: Recipe,
    on_progress: ProgressCallback | None = None,
    cancel: CancelToken | None = None,
) -> CheckReport:
    """Read every image and its labels once, and report everything that is wrong; see `check_cases`.

    Parameters
    ----------
    files : sequence of CaseFiles
        Where they lie.
    recipe : Recipe
        Its card says which labels there are.
    """
    labels = recipe.card.labels
    pairs = tuple((label.value, number) for number, label in enumerate(labels, start=1))
    cases = tuple(
        LabelledCase(case.name, case.image, case.patient, masks=(MaskFile(case.labels, pairs),)) for case in files
    )
    return check_cases(CaseSet(tuple(label.name for label in labels), cases), on_progress, cancel)
