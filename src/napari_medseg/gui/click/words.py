"""What the Click section says."""

from __future__ import annotations

_DO = {
    "add": "Click on the object. Ctrl+click on what does not belong to it.",
    "remove": "Click on what does not belong to the object.",
    "box": "Drag a box around the object.",
    "scribble": "Draw through the object; with Ctrl, through what does not belong to it.",
    "lasso": "Draw around the object.",
    "pick": "Click on a mask to correct it.",
}


def hint_text(tool: str, *, has_image: bool, segment: str, n_prompts: int | None, n_waiting: int) -> str:
    """Return what is going on, and what to do next.

    Parameters
    ----------
    tool : str
        In hand; "" for none.
    has_image : bool
        Whether there is anything to click on.
    segment : str
        Name of the segment that the object belongs to.
    n_prompts : int or None
        Answered for the object in hand; None if there is none.
    n_waiting : int
        Not answered yet.
    """
    if not has_image:
        return "Open a scan first."
    if n_waiting:
        return "Computing …" if n_waiting == 1 else f"Computing … {n_waiting} prompts wait."
    if n_prompts is not None:
        prompts = {0: "Picked up", 1: "1 prompt"}.get(n_prompts, f"{n_prompts} prompts")
        return f"{prompts}. Correct the object, or accept it into {segment} (N)."
    if tool:
        return _DO[tool] if tool == "pick" else f"{_DO[tool]} It goes into {segment}."
    return "Choose a tool, then point at something: it is segmented at once."
