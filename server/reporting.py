"""Reports of failures: who may say what of a decision, over `POST /v1/reports` and through the tool `report_decision`.

What a report says is data. It is kept, shown to people with its control characters spelled out, and never part of a
prompt or of a rule's condition.

Who counts as what follows from the scopes of the key alone: `approve` or `admin` is a person who decides (kind admin),
`report` a person who reports (kind user), and a key that can only make calls is an agent (kind automated), whose word
narrows a little and widens nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from policy_dsl import encode_json

from .bodies import MOST_SAID, choice_of, read_members, text_of
from .edge import EdgeError
from .exchange import Caller, Scope
from .gathering import Gathered

Label = Literal["allow", "forbid"]
Narrowing = Literal["ask", "forbid"]
"""What an approved rule may make of a call that it speaks against."""

LABELS: Final[tuple[Label, ...]] = ("allow", "forbid")
BAD: Final = "bad-report"
MOST_ID: Final = 64
MOST_KEY: Final = 128
MOST_TOGETHER: Final = 500
"""Reports that are taken in one go at most; memory commits as many at once."""

_UNIT: Final = "unit:"

REPORT_SCOPES: Final = frozenset({Scope.CALL, Scope.APPROVE, Scope.ADMIN})
"""Besides `report`: who else may send a report."""

REPORT_DECISION: Final[Mapping[str, Any]] = {
    "name": "report_decision",
    "description": "Tell the gate that one of its decisions was wrong. People see the report; it releases nothing.",
    "inputSchema": {
        "type": "object",
        "properties": {
            "decision": {"type": "string", "maxLength": MOST_ID, "description": "The id: `dec-...` with its number."},
            "should": {"type": "string", "enum": list(LABELS), "description": "What it should have come to."},
            "because": {"type": "string", "maxLength": MOST_SAID, "description": "Why, for a person to read."},
            "key": {
                "type": "string",
                "maxLength": MOST_KEY,
                "description": "The same for every repetition.",
            },
        },
        "required": ["decision", "should"],
        "additionalProperties": False,
    },
}
"""The tool that the MCP door offers to agents; `Reporting.from_tool` answers it."""

_REQUIRED: Final = frozenset(REPORT_DECISION["inputSchema"]["required"])
_OPTIONAL: Final = frozenset(REPORT_DECISION["inputSchema"]["properties"]) - _REQUIRED


@dataclass(frozen=True, slots=True)
class Who:
    """Who speaks to memory. `id` is what `retract` names; `principal` is the actor that their
    Principal is, empty for none."""

    id: str
    kind: Literal["user", "admin", "audit", "automated"]
    principal: str = ""
    unit: str = ""


def who_is(caller: Caller, *, agent: bool = False) -> Who:
    """The reporter that a key stands for, the same for every key of one person or agent. `agent`: whoever it is, it
    speaks through an agent's tool. A role `unit:NAME` says of which part of the organisation it is."""
    principal, scopes = caller.principal, caller.scopes
    name = f"user:{principal.user}" if principal.user is not None else f"agent:{principal.agent}"
    unit = next((role.removeprefix(_UNIT) for role in sorted(principal.roles) if role.startswith(_UNIT)), "")
    if agent or scopes.isdisjoint({Scope.REPORT, Scope.APPROVE, Scope.ADMIN}):
        # All users of one agent are one reporter here: it is the agent's word, whoever it acts for.
        return Who(f"agent:{principal.agent}", "automated", principal.actor, unit)
    return Who(name, "user" if scopes.isdisjoint({Scope.APPROVE, Scope.ADMIN}) else "admin", principal.actor, unit)


@dataclass(frozen=True, slots=True)
class Claim:
    """What `who`, of this tenant, reports of a decision. `key` is an idempotency key, empty for none."""

    tenant: str
    decision: str
    should: Label
    who: Who
    because: str = ""
    key: str = ""


class ReportTaker(Protocol):
    """Takes reports, from any thread: for each what was taken, or why it was refused, an EdgeError with a stable code.
    Each is decided for itself. What it raises holds for all of them."""

    def report_many(self, claims: Sequence[Claim]) -> Sequence[dict[str, Any] | Exception]: ...


class Reporting:
    """Reads reports, hands on together what comes together, and counts what became of them: `counted` is told
    `accepted` or the code. One for a gate."""

    def __init__(self, taker: ReportTaker, counted: Callable[[str], None] = lambda result: None) -> None:
        self._gathered: Gathered[Claim, dict[str, Any]] = Gathered(taker.report_many, MOST_TOGETHER)
        self._counted = counted

    async def from_body(self, caller: Caller, body: bytes) -> dict[str, Any]:
        """A report by HTTP. Raises EdgeError."""
        return await self._taken(caller.tenant, who_is(caller), body)

    async def from_tool(self, caller: Caller, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """A report by an agent's tool call (REPORT_DECISION). Raises EdgeError."""
        return await self._taken(caller.tenant, who_is(caller, agent=True), encode_json(dict(arguments)))

    async def _taken(self, tenant: str, who: Who, body: bytes) -> dict[str, Any]:
        try:
            members = read_members(body, BAD, _REQUIRED, _OPTIONAL)
            decision = text_of(members, "decision", BAD, most=MOST_ID)
            should = choice_of(members, "should", BAD, LABELS, None)
            because = text_of(members, "because", BAD, default="")
            key = text_of(members, "key", BAD, default="", most=MOST_KEY)
            taken = await self._gathered.do(Claim(tenant, decision, should, who, because, key))
        except EdgeError as error:
            self._counted(error.code)
            raise
        self._counted("accepted")
        return taken
