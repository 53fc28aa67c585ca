"""What a user points at: the same millimetres in every scan, and back from a file within bounds."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_medseg.core import BoxPrompt, Geometry, LassoPrompt, MedsegError, PointPrompt, ScribblePrompt
from napari_medseg.core.prompt_file import ObjectPrompts, prompts_from_json, prompts_to_json

MATRIX = np.array([[0.0, -0.7, 0.1, 12.0], [0.7, 0.0, 0.0, -40.0], [0.0, 0.1, 2.5, 5.0], [0.0, 0.0, 0.0, 1.0]])
SCAN = Geometry.from_matrix((40, 50, 30), MATRIX)
OTHER = Geometry.from_matrix((60, 60, 60), np.diag([-1.0, -1.0, 1.0, 1.0]))

OBJECTS = (
    ObjectPrompts(
        3,
        (
            PointPrompt((1.5, -2.25, 3.0)),
            PointPrompt((0.1, 0.2, 0.3), positive=False),
            BoxPrompt((0.0, 0.0, 0.0), (5.0, 5.0, 5.0)),
            ScribblePrompt(((0.0, 0.0, 0.0), (1.0, 1.0, 0.0)), positive=False),
            LassoPrompt(((0.0, 0.0, 0.0), (4.0, 0.0, 0.0), (0.0, 4.0, 0.0))),
        ),
    ),
    ObjectPrompts(70_000),
)


def test_a_prompt_has_the_same_millimetres_in_every_scan() -> None:
    at = [[4.0, 7.5, 2.0], [9.0, 7.0, 2.0], [6.0, 12.0, 2.0]]
    for prompt in (
        PointPrompt.from_ijk(at[0], SCAN),
        ScribblePrompt.from_ijk(at, SCAN),
        LassoPrompt.from_ijk(at, SCAN),
    ):
        there = prompt.to_ijk(OTHER)
        np.testing.assert_allclose(prompt.to_ijk(SCAN), at[: len(there)], atol=1e-9)
        np.testing.assert_allclose(OTHER.ijk_to_ras(there), SCAN.ijk_to_ras(at[: len(there)]), atol=1e-9)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_lasso_knows_its_slice(axis: int) -> None:
    points = np.array([[3.0, 4.0, 5.0], [20.0, 6.0, 9.0], [8.0, 22.0, 24.0]])
    points[:, axis] = 11
    assert LassoPrompt.from_ijk(points, SCAN).slice_axis(SCAN) == axis


def test_lines_without_points_are_refused() -> None:
    with pytest.raises(ValueError, match="scribble"):
        ScribblePrompt(())
    with pytest.raises(ValueError, match="lasso"):
        LassoPrompt(((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)))


def test_prompts_come_back_from_text_as_they_were() -> None:
    assert prompts_from_json(prompts_to_json(OBJECTS)) == OBJECTS
    assert prompts_from_json(prompts_to_json(())) == ()


def _with(**changes: object) -> str:
    prompt = {"kind": "point", "positive": True, "points": [[0, 0, 0]]} | changes
    return _file({"label": 1, "prompts": [prompt]})


def _file(*objects: object) -> str:
    return json.dumps({"format": "napari-medseg prompts", "version": 1, "objects": list(objects)})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[1]",
        "[" * 100_000,
        json.dumps({"format": "other"}),
        prompts_to_json(OBJECTS).replace('"version": 1', '"version": 2'),
        _with(kind="sphere"),
        _with(positive="no"),
        _with(points=[]),
        _with(points=[[0, 0]]),
        _with(points=[[0, 0, True]]),
        _with(points=[[0, 0, 1e300]]),
        _with(points=[[0, 0, 10**400]]),
        _with(points=[[0, 0, 0]] * 2),
        _with(kind="scribble", points=[[0, 0, 0]] * 10_001),
        _with(points=[[0, 0, 0]]).replace("[0, 0, 0]", "[0, 0, NaN]"),
        _file({"label": 0, "prompts": []}),
        _file({"label": True, "prompts": []}),
        _file({"label": 1}),
        _file(7),
        _file({"label": 1, "prompts": ["point"]}),
    ],
)
def test_other_text_is_refused_in_words(text: str) -> None:
    with pytest.raises(MedsegError, match="prompts cannot be read"):
        prompts_from_json(text)


def test_a_file_of_too_many_prompts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_medseg.core.prompt_file.MOST_PROMPTS", 3)
    one = {"label": 1, "prompts": [{"kind": "point", "points": [[0, 0, 0]]}] * 2}
    assert len(prompts_from_json(_file(one))) == 1
    with pytest.raises(MedsegError, match="too many"):
        prompts_from_json(_file(one, one))


WORDS = ["label", "prompts", "kind", "points", "positive"]


@settings(max_examples=25, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.sampled_from(["label", "prompts", "kind", "points"]), inner)
        ),
        max_leaves=12,
    )
)
def test_nothing_but_words_comes_of_any_content(content: object) -> None:
    for text in (json.dumps(content), _file(content), _file({"label": 1, "prompts": [content]})):
        try:
            found = prompts_from_json(text)
        except MedsegError:
            continue
        assert all(isinstance(one, ObjectPrompts) for one in found)
