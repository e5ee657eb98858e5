"""What adapters tell the gate of a call that was run, and the agent of what the policy leaves of its answer."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_jsonable_python

from guardrail import NotJson, as_json

from ..tool_gate import Released


class Unguardable(ValueError):
    """A tool that the framework would run past the gate."""


def as_told(value: object) -> Any:
    """An answer as the gate reads it: its JSON, or the text that Python prints of what has none."""
    try:
        return as_json(to_jsonable_python(value, fallback=str))
    except (NotJson, ValueError, RecursionError):
        return str(value)


def shown(value: Any, told: Any, released: Released) -> Any:
    """`value` as the agent may see it: itself, or where the policy redacts something the JSON that is left."""
    return value if released.answer.content == told else released.answer.content
