"""What a person does to a running session: vouches for what it read (endorse), or takes a label off it (declassify).

Both give the session back what its labels took, so they need the scope `approve`, are never done by the principal of
the run itself, and are Records before they count for any call (design: Authority).
"""

from __future__ import annotations

import re
from typing import Any, Final

from guardrail import Act
from policy_dsl import StrictJsonError, encode_json, parse_json

from .exchange import Caller, Whole
from .policies import Policy
from .recorded import RecordedDecisions
from .sessions import SessionBook
from .store import StoreError
from .wire import openai_error

_LABEL: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_-]*)(?:\(([A-Za-z_][A-Za-z0-9_-]*)\))?")
MOST_SAID: Final = 1_000
"""Characters of a reason: it stands in the chain, which is never erased."""


class Acts:
    """`POST /v1/runs/{id}/acts`."""

    def __init__(self, policies: Policy, sessions: SessionBook, decisions: RecordedDecisions) -> None:
        self._policies = policies
        self._sessions = sessions
        self._decisions = decisions

    async def __call__(self, caller: Caller, run_id: str, body: bytes) -> Whole:
        try:
            act = _read(body, caller)
        except ValueError as error:
            return Whole(400, openai_error(400, str(error), code="bad-act"))
        state = self._sessions.find(run_id)
        if state is None or (state.session.principal.tenant or "") != caller.tenant:
            return Whole(404, openai_error(404, "there is no such run of this tenant", code="unknown-run"))
        session = state.session
        if session.principal.actor == caller.principal.actor:
            return Whole(403, openai_error(403, "nobody acts on a run of their own", code="own-run"))
        exchange = self._decisions.open(caller, run_id, state, self._policies.current, "runs")
        name, compartment = _parts(act.label)
        if act.verb == "endorse":
            session.endorse(act.by, act.because)
        else:
            session.declassify(name, compartment, act.by, act.because)
        try:
            record = await self._decisions.acted(exchange, act)
        except StoreError as error:
            state.session.labelled(name, compartment)  # what is not recorded did not happen
            return Whole(503, openai_error(503, error.message, code="cannot-record"))
        return Whole(200, encode_json({"id": record, "verb": act.verb, "label": act.label}))


def _read(body: bytes, caller: Caller) -> Act:
    try:
        tree: Any = parse_json(body)
    except StrictJsonError as error:
        raise ValueError(f"the body is not strict JSON: {error.message}") from error
    if not isinstance(tree, dict) or not tree.keys() <= {"verb", "label", "because"}:
        raise ValueError("the body is an object of `verb`, `label` and `because`")
    verb, label, because = tree.get("verb"), tree.get("label", "untrusted"), tree.get("because")
    if verb not in ("endorse", "declassify"):
        raise ValueError("`verb` is `endorse` or `declassify`")
    if not isinstance(because, str) or not because.strip() or len(because) > MOST_SAID:
        raise ValueError(f"`because` says why, in at most {MOST_SAID} characters")
    if not isinstance(label, str) or not _LABEL.fullmatch(label) or (verb == "endorse") != (label == "untrusted"):
        raise ValueError("`label` is a label as a policy writes it; `untrusted` is endorsed, all others declassified")
    who = caller.principal
    return Act(because, who.user or who.agent or caller.key_id, label, verb)


def _parts(label: str) -> tuple[str, str | None]:
    match = _LABEL.fullmatch(label)
    assert match is not None
    return match[1], match[2]
