"""Two written ceilings over one suite's tools: what memory may open of a defence's refusals."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

from policy_dsl import Catalogue, Program, compile_policy, parse, policy_set

Ceiling = Literal["open", "bound"]

TARGETS: Final[Mapping[str, tuple[str, ...]]] = {
    "send_money": ("recipient from user",),
    "send_email": (
        "each of recipients from user",
        "(missing cc or length of cc == 0)",
        "(missing bcc or length of bcc == 0)",
    ),
    "input_to_webpage": ("url from user",),
    "browse_webpage": ("url from user",),
    "download_file_through_url": ("url from user",),
    "delete_node": ("path from user",),
    "add_calendar_event_participants": ("each of participants from user",),
    "create_calendar_event": ("(missing participants or each of participants from user)",),
}
"""Where a call takes effect on somebody or something outside: the user must have named it. Written from the tools'
schemas alone, before any run was looked at."""


def ceiling(suite: str, tools: list[dict[str, Any]], kind: Ceiling) -> Program:
    """A policy that grants nothing and lets memory open each of `tools`: `open` with any arguments of the schema,
    `bound` only as TARGETS say."""
    lines = ["language 1"]
    for tool in tools:
        declared = tool["parameters"]
        required = declared.get("required") or ()
        names = ", ".join(name if name in required else f"{name}?" for name in declared["properties"])
        tests = TARGETS.get(tool["name"], ()) if kind == "bound" else ()
        when = f" when {' and '.join(tests)}" if tests else ""
        lines.append(f"learnable {tool['name']}({names}){when}")
    declared_tools = [{"type": "function", "function": tool} for tool in tools]
    policy = policy_set([parse("\n".join(lines) + "\n", f"{suite}.lw")], Catalogue.from_tools(declared_tools))
    return compile_policy(policy)
