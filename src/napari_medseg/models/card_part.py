"""The base of everything on a model card."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class CardPart(BaseModel):
    """Base of all parts: immutable, and an unknown field is an error rather than silently ignored."""

    model_config = ConfigDict(frozen=True, extra="forbid")
