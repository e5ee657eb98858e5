"""What is said about a call that was not released, and what puts it back into the model's own history."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

_SHOWABLE: Final = re.compile(r"[A-Za-z0-9_.:/\-]{1,128}")


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one call is not released: `code` is stable, `message` the rule's own text, `decision` the Decision's id.
    `effect` is `ask` where a person could release it."""

    code: str
    message: str | None
    decision: str
    effect: Literal["ask", "forbid"] = "forbid"


def refusal_text(refusal: Refusal, tool: str) -> str:
    """The one sentence that the model and the reader get. Never arguments, lists or other rules.

    The tool's name comes from the model: it is repeated only where it looks like a name, so that it can carry neither
    a sentence nor a call written as text.
    """
    name = tool if _SHOWABLE.fullmatch(tool) else "a call without a readable name"
    message = f" {refusal.message}" if refusal.message else ""
    decision = f" (decision {refusal.decision})" if refusal.decision else ""
    return f"[leastward] refused {name}: {refusal.code}.{message}{decision}"


@dataclass(frozen=True, slots=True)
class PastRefusal:
    """A refused call of an earlier answer, with what is needed to find its place when the client sends the history.

    `arguments_text` is canonical JSON (`{}` where the call's own were unreadable); `text` is its refusal text;
    `sibling_ids` are the ids of the calls released with the same answer; `content_text` is that answer's released text.
    """

    call_id: str
    tool: str
    arguments_text: str
    text: str
    sibling_ids: tuple[str, ...]
    content_text: str
