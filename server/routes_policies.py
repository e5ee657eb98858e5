"""Policy versions over HTTP: read with the scope `policy`, changed with `admin` (docs/policy-versions.md).

They are the gate's, not a tenant's: who may change them changes what every tenant's agents may do, within what a
trusted key signed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from policy_dsl import encode_json

from .bodies import number_of, read_members, text_of
from .edge import EdgeError
from .exchange import Answer, Caller, Scope, Whole
from .intake import Incoming
from .routes import Guarded
from .services import Services

if TYPE_CHECKING:
    from .versions import PolicyDesk

BAD_CHANGE: Final = "bad-policy-change"


async def _list(services: Services, request: Incoming, caller: Caller) -> Answer:
    return _told(await _desk(services).listed())


async def _show(services: Services, request: Incoming, caller: Caller) -> Answer:
    return _told(await _desk(services).shown(_number(request)))


async def _diff(services: Services, request: Incoming, caller: Caller) -> Answer:
    return _told(await _desk(services).differences(_number(request)))


async def _publish(services: Services, request: Incoming, caller: Caller) -> Answer:
    desk = _desk(services)
    members = read_members(await request.json_body(), BAD_CHANGE, frozenset({"bundle"}), frozenset({"because"}))
    because = text_of(members, "because", BAD_CHANGE, default="")
    return _told(await desk.publish(encode_json(members["bundle"]), caller, because))


async def _activate(services: Services, request: Incoming, caller: Caller) -> Answer:
    expected, because, widens = await _change(request)
    return _told(await _desk(services).put("activate", _number(request), expected, caller, because, widens=widens))


async def _rollback(services: Services, request: Incoming, caller: Caller) -> Answer:
    expected, because, widens = await _change(request)
    return _told(await _desk(services).put("rollback", _number(request), expected, caller, because, widens=widens))


# --- inside ---


async def _change(request: Incoming) -> tuple[int, str, bool]:
    required, optional = frozenset({"because", "expected"}), frozenset({"widens"})
    members = read_members(await request.json_body(), BAD_CHANGE, required, optional)
    because = text_of(members, "because", BAD_CHANGE)
    if not because.strip():
        raise EdgeError(400, BAD_CHANGE, "`because` says why")
    widens = members.get("widens", False)
    if not isinstance(widens, bool):
        raise EdgeError(400, BAD_CHANGE, "`widens` is true or false")
    return number_of(members, "expected", BAD_CHANGE) or 0, because, widens


def _desk(services: Services) -> PolicyDesk:
    if services.versions is None:
        raise EdgeError(404, "policy-versions-off", "this gate's policies are files, and have no versions")
    return services.versions


def _number(request: Incoming) -> int:
    text = request.path_values.get("id", "")
    if not re.fullmatch(r"[1-9][0-9]{0,14}", text):
        raise EdgeError(404, "unknown-version", "there is no such policy version")
    return int(text)


def _told(tree: dict[str, Any]) -> Whole:
    return Whole(200, encode_json(tree), {"cache-control": "no-store"})


_ALL: Final = "/v1/policies"
_ONE: Final = "/v1/policies/{id}"
_READERS: Final = frozenset({Scope.ADMIN})

ROUTES = (
    Guarded("GET", _ALL, Scope.POLICY, _list, "Policy versions, and which is in force", _READERS),
    Guarded("POST", _ALL, Scope.ADMIN, _publish, "Publish a signed bundle; it is in force nowhere yet"),
    Guarded("GET", _ONE, Scope.POLICY, _show, "One policy version with its files", _READERS),
    Guarded("GET", f"{_ONE}/diff", Scope.POLICY, _diff, "What a version grants beyond the one in force", _READERS),
    Guarded("POST", f"{_ONE}/activate", Scope.ADMIN, _activate, "Put a later version in force"),
    Guarded("POST", f"{_ONE}/rollback", Scope.ADMIN, _rollback, "Put an earlier version in force again"),
)
