"""Memory over HTTP: reports, audits, what was learned, and what people decide about it (docs/memory.md).

Another tenant's ids are unknown ones, and so is all of it at a gate without memory.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Protocol, cast

from policy_dsl import encode_json

from .bodies import choice_of, number_of, read_members, text_of
from .edge import EdgeError
from .exchange import Answer, Caller, Scope, Whole
from .intake import Incoming
from .reporting import BAD, LABELS, MOST_ID, REPORT_SCOPES, Narrowing, Who, who_is
from .routes import Guarded
from .services import Memory, Services

BAD_REVIEW: Final = "bad-review"
NARROWINGS: Final[tuple[Narrowing, ...]] = ("ask", "forbid")
_NOTHING: Final[frozenset[str]] = frozenset()


async def _report(services: Services, request: Incoming, caller: Caller) -> Answer:
    if services.reporting is None:
        raise _off()
    return _told(await services.reporting.from_body(caller, await request.json_body()))


async def _audits(services: Services, request: Incoming, caller: Caller) -> Answer:
    return await _asked(_memory(services).audits, caller.tenant)


async def _adjudicate(services: Services, request: Incoming, caller: Caller) -> Answer:
    memory, decision = _memory(services), _name(request)
    members = read_members(await request.json_body(), BAD, frozenset({"should"}), frozenset({"because"}))
    should = choice_of(members, "should", BAD, LABELS, None)
    because = text_of(members, "because", BAD, default="")
    return await _asked(memory.adjudicate, caller.tenant, decision, should, who_is(caller), because)


async def _abstractions(services: Services, request: Incoming, caller: Caller) -> Answer:
    return await _asked(_memory(services).abstractions, caller.tenant)


async def _abstraction(services: Services, request: Incoming, caller: Caller) -> Answer:
    return await _asked(_memory(services).abstraction, caller.tenant, _name(request))


async def _approve(services: Services, request: Incoming, caller: Caller) -> Answer:
    memory = _memory(services)
    members = await _review(request, frozenset({"version"}), frozenset({"narrows_to"}))
    version = number_of(members, "version", BAD_REVIEW)
    narrows_to = choice_of(members, "narrows_to", BAD_REVIEW, NARROWINGS, "ask")
    return await _asked(memory.approve, caller.tenant, _name(request), who_is(caller), version, narrows_to)


async def _reject(services: Services, request: Incoming, caller: Caller) -> Answer:
    memory = _memory(services)
    members = await _review(request, _NOTHING, frozenset({"because"}))
    because = text_of(members, "because", BAD_REVIEW, default="")
    return await _asked(memory.reject, caller.tenant, _name(request), who_is(caller), because)


async def _edit(services: Services, request: Incoming, caller: Caller) -> Answer:
    memory = _memory(services)
    members = await _review(request, frozenset({"when"}), frozenset({"because"}))
    when = text_of(members, "when", BAD_REVIEW, most=10_000)
    because = text_of(members, "because", BAD_REVIEW, default="")
    return await _asked(memory.edit, caller.tenant, _name(request), who_is(caller), when, because)


async def _refresh(services: Services, request: Incoming, caller: Caller) -> Answer:
    memory = _memory(services)
    members = await _review(request, _NOTHING, frozenset({"seed", "dry_run"}))
    seed = number_of(members, "seed", BAD_REVIEW, default=0) or 0
    dry_run = members.get("dry_run", False)
    if not isinstance(dry_run, bool):
        raise EdgeError(400, BAD_REVIEW, "`dry_run` is true or false")
    return await _asked(lambda: memory.refresh(caller.tenant, seed=seed, dry_run=dry_run))


async def _quarantined(services: Services, request: Incoming, caller: Caller) -> Answer:
    return await _asked(_releasing(services).quarantined, caller.tenant)


async def _release(services: Services, request: Incoming, caller: Caller) -> Answer:
    desk = _releasing(services)
    members = await _review(request, frozenset({"decision", "reporter"}), _NOTHING)
    decision = text_of(members, "decision", BAD_REVIEW, most=MOST_ID)
    reporter = text_of(members, "reporter", BAD_REVIEW, most=512)
    return await _asked(desk.release, caller.tenant, decision, reporter, who_is(caller))


async def _rollback(services: Services, request: Incoming, caller: Caller) -> Answer:
    memory = _memory(services)
    members = await _review(request, frozenset({"snapshot"}), _NOTHING)
    snapshot = number_of(members, "snapshot", BAD_REVIEW) or 0
    return await _asked(memory.rollback, caller.tenant, who_is(caller), snapshot)


async def _retract(services: Services, request: Incoming, caller: Caller) -> Answer:
    memory = _memory(services)
    members = await _review(request, frozenset({"reporter"}), _NOTHING)
    reporter = text_of(members, "reporter", BAD_REVIEW, most=512)
    return await _asked(memory.retract, caller.tenant, who_is(caller), reporter)


# --- inside ---


class _Releasing(Memory, Protocol):
    """Memory, as far as reports are held back and released."""

    def quarantined(self, tenant: str) -> dict[str, Any]: ...
    def release(self, tenant: str, decision: str, reporter: str, who: Who) -> dict[str, Any]: ...


def _releasing(services: Services) -> _Releasing:
    return cast(_Releasing, _memory(services))


def _memory(services: Services) -> Memory:
    if services.memory is None:
        raise _off()
    return services.memory


def _off() -> EdgeError:
    return EdgeError(404, "memory-off", "this gate has no memory: `memory.url` is not set")


def _name(request: Incoming) -> str:
    return request.path_values.get("id", "")


async def _review(request: Incoming, required: frozenset[str], optional: frozenset[str]) -> dict[str, Any]:
    return read_members(await request.json_body(), BAD_REVIEW, required, optional)


async def _asked(ask: Callable[..., dict[str, Any]], *given: object) -> Whole:
    """Memory waits for its database, so it is asked beside the event loop."""
    return _told(await asyncio.to_thread(ask, *given))


def _told(tree: dict[str, Any]) -> Whole:
    return Whole(200, encode_json(tree), {"cache-control": "no-store"})


_ONE = "/v1/abstractions/{id}"

ROUTES = (
    Guarded("POST", "/v1/reports", Scope.REPORT, _report, "Report that a decision was wrong", REPORT_SCOPES),
    Guarded("GET", "/v1/audits", Scope.APPROVE, _audits, "Decisions that were drawn for a person to look at"),
    Guarded("POST", "/v1/audits/{id}", Scope.APPROVE, _adjudicate, "What a drawn decision should have been"),
    Guarded("GET", "/v1/abstractions", Scope.APPROVE, _abstractions, "What was learned"),
    Guarded("GET", _ONE, Scope.APPROVE, _abstraction, "One learned rule: text, evidence, findings, what it changes"),
    Guarded("POST", f"{_ONE}/approve", Scope.APPROVE, _approve, "Let one version of a learned rule speak"),
    Guarded("POST", f"{_ONE}/reject", Scope.APPROVE, _reject, "Take a learned rule away for good"),
    Guarded("POST", f"{_ONE}/edit", Scope.APPROVE, _edit, "Narrow a learned rule"),
    Guarded("POST", "/v1/refresh", Scope.APPROVE, _refresh, "Learn from what was reported since the last refresh"),
    Guarded("GET", "/v1/memory/quarantine", Scope.APPROVE, _quarantined, "Reports that are held back"),
    Guarded("POST", "/v1/memory/release", Scope.APPROVE, _release, "Let a report count that was held back"),
    Guarded("POST", "/v1/memory/rollback", Scope.APPROVE, _rollback, "Put an earlier snapshot in force again"),
    Guarded("POST", "/v1/memory/retract", Scope.ADMIN, _retract, "Take all that a reporter said out of history"),
)
