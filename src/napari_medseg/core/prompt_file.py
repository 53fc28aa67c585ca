"""Prompts as text, so that what was pointed at can be kept and done again.

JSON: ``{"format": "napari-medseg prompts", "version": 1, "objects": [{"label": 1, "prompts": […]}]}``; a prompt is
``{"kind": "point", "positive": true, "points": [[x, y, z]]}``, all positions in RAS mm. Such a file may come from
anyone: it is parsed within bounds, and nothing in it is run.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from napari_medseg.core.errors import MedsegError
from napari_medseg.core.prompt import (
    MOST_POINTS,
    BoxPrompt,
    ClickPrompt,
    LassoPrompt,
    Point,
    PointPrompt,
    ScribblePrompt,
)

MOST_CHARACTERS = 64 << 20
MOST_PROMPTS = 100_000
_FORMAT = "napari-medseg prompts"
_VERSION = 1
_FARTHEST_MM = 1e6
_LARGEST_LABEL = 2**32 - 1


@dataclass(frozen=True)
class ObjectPrompts:
    """What was pointed at for one object, in order.

    Parameters
    ----------
    label : int
        Of the segment that the object belongs to, at least 1.
    prompts : tuple of ClickPrompt
        The first one first.
    """

    label: int
    prompts: tuple[ClickPrompt, ...] = ()


def prompts_to_json(objects: tuple[ObjectPrompts, ...]) -> str:
    """Write prompts as JSON."""
    content = [{"label": one.label, "prompts": [_entry(prompt) for prompt in one.prompts]} for one in objects]
    return json.dumps({"format": _FORMAT, "version": _VERSION, "objects": content})


def prompts_from_json(text: str) -> tuple[ObjectPrompts, ...]:
    """Read what `prompts_to_json` wrote.

    Raises
    ------
    MedsegError
        If it is anything else: other words, numbers that are not finite, or far too many.
    """
    if len(text) > MOST_CHARACTERS:
        raise _refusal("it is too long")
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _refusal("it is no JSON") from error
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise _refusal("it holds something else")
    if content.get("version") != _VERSION:
        raise _refusal(f"it is of version {str(content.get('version'))[:20]}, and this program reads {_VERSION}")
    objects = content.get("objects")
    if not isinstance(objects, list) or len(objects) > MOST_PROMPTS:
        raise _refusal("it lists no objects")
    left = MOST_PROMPTS
    found = []
    for one in objects:
        found.append(_object(one, left))
        left -= len(found[-1].prompts)
    return tuple(found)


def _entry(prompt: ClickPrompt) -> dict[str, Any]:
    if isinstance(prompt, PointPrompt):
        return {"kind": "point", "positive": prompt.positive, "points": [prompt.point_ras]}
    if isinstance(prompt, BoxPrompt):
        return {"kind": "box", "points": [prompt.corner_a_ras, prompt.corner_b_ras]}
    if isinstance(prompt, ScribblePrompt):
        return {"kind": "scribble", "positive": prompt.positive, "points": prompt.points_ras}
    return {"kind": "lasso", "points": prompt.points_ras}


def _object(content: Any, most: int) -> ObjectPrompts:
    if not isinstance(content, dict):
        raise _refusal("an object is no mapping")
    label, prompts = content.get("label"), content.get("prompts")
    if type(label) is not int or not 1 <= label <= _LARGEST_LABEL:
        raise _refusal("an object has no label")
    if not isinstance(prompts, list) or len(prompts) > most:
        raise _refusal("an object lists no prompts, or too many")
    return ObjectPrompts(label, tuple(_prompt(one) for one in prompts))


def _prompt(content: Any) -> ClickPrompt:
    if not isinstance(content, dict):
        raise _refusal("a prompt is no mapping")
    kind, positive = content.get("kind"), content.get("positive", True)
    if type(positive) is not bool:
        raise _refusal("a prompt is neither positive nor negative")
    points = _points(content.get("points"))
    if kind == "point" and len(points) == 1:
        return PointPrompt(points[0], positive)
    if kind == "box" and len(points) == 2:
        return BoxPrompt(points[0], points[1])
    if kind == "scribble" and points:
        return ScribblePrompt(points, positive)
    if kind == "lasso" and len(points) >= 3:
        return LassoPrompt(points)
    raise _refusal("a prompt is of no known kind")


def _points(content: Any) -> tuple[Point, ...]:
    if not isinstance(content, list) or len(content) > MOST_POINTS:
        raise _refusal("a prompt has no points, or too many")
    return tuple(_point(one) for one in content)


def _point(content: Any) -> Point:
    if not isinstance(content, list) or len(content) != 3 or any(type(value) not in (int, float) for value in content):
        raise _refusal("a point has not three numbers")
    if not all(abs(value) <= _FARTHEST_MM for value in content):  # neither is what is no number
        raise _refusal("a point lies nowhere near a patient")
    x, y, z = (float(value) for value in content)
    return x, y, z


def _refusal(why: str) -> MedsegError:
    return MedsegError(f"The prompts cannot be read: {why}.", "Choose a file of prompts that this program has saved.")
