"""Approvals over HTTP: what waits for a person, and a person's answer (docs/approvals.md).

Another tenant's ids are unknown ones. Whoever has no scope `approve` sees of an approval only how it stands, and only
where the call was their own.
"""

from __future__ import annotations

from typing import Any, Final

from policy_dsl import encode_json

from .approvals import shown
from .bodies import read_members, text_of
from .edge import EdgeError
from .exchange import Answer, Caller, Scope, Whole
from .intake import Incoming
from .routes import Guarded
from .services import Services

BAD_ANSWER: Final = "bad-approval"


async def _list(services: Services, request: Incoming, caller: Caller) -> Answer:
    pending, over = await services.approvals.listed(caller.tenant)
    return _told({"pending": list(map(shown, pending)), "over": list(map(shown, over))})


async def _one(services: Services, request: Incoming, caller: Caller) -> Answer:
    found = await services.approvals.named(_name(request), caller.tenant)
    if Scope.APPROVE in caller.scopes:
        return _told(shown(found))
    if found.principal_key != caller.principal.key:
        raise EdgeError(404, "unknown-approval", "there is no such approval of this tenant")
    return _told({"id": found.id, "state": found.state, "expires_at": found.expires_at})


async def _decide(services: Services, request: Incoming, caller: Caller) -> Answer:
    members = read_members(await request.json_body(), BAD_ANSWER, frozenset({"approve"}), frozenset({"because"}))
    approve = members["approve"]
    if not isinstance(approve, bool):
        raise EdgeError(400, BAD_ANSWER, "`approve` is true or false")
    because = text_of(members, "because", BAD_ANSWER, default="")
    return _told(shown(await services.approvals.decide(_name(request), caller, approve, because)))


# --- inside ---


def _name(request: Incoming) -> str:
    return request.path_values.get("id", "")


def _told(tree: dict[str, Any]) -> Whole:
    return Whole(200, encode_json(tree), {"cache-control": "no-store"})


_ONE: Final = "/v1/approvals/{id}"

ROUTES = (
    Guarded("GET", "/v1/approvals", Scope.APPROVE, _list, "Calls that wait for a person, and those that are over"),
    Guarded("GET", _ONE, Scope.APPROVE, _one, "One call that waits, as approvers see it", frozenset({Scope.CALL})),
    Guarded("POST", _ONE, Scope.APPROVE, _decide, "Approve or deny one call"),
)
