"""Every model API by every form of call by every effect, whole and streamed, on the client's socket (evals/speech.py
says the calls). Nothing of a call that was not released arrives: no name, argument, id or item; a released one arrives
as it stands in the Record. The forms are those of the wire's own tables: one that nobody can say fails by its name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import pytest

from evals.attack.clients import CLIENTS, REFUSED, on_the_wire
from evals.speech import APIS, Call, Part, Text
from server.app import ROUTES
from server.wire import GRAMMARS
from server.wire.members import MESSAGE_MEMBERS
from server.wire.messages.blocks import CALL, REQUEST_BLOCKS, SPOKEN
from server.wire.responses.items import CALLS, ELSEWHERE

SECRET = "s3cret-in-the-arguments"
HARMLESS = "harmless-by-policy"
EFFECTS = {
    "allow": "pay_ann",
    "rewrite": "change_sum",
    "ask": "ask_first",
    "forbid": "drop_table",
    "no rule": "nobody_named_it",
    "beside": "drop_table",
}
"""By the column, the tool that is called. `beside`: between two allowed calls in a form of their own."""
POLICY = f"""language 1
allow pay_ann(...) as pay
allow change_sum(...) as change
rewrite change_sum set to = "{HARMLESS}" when has to
rewrite change_sum set input = "{HARMLESS}" when has input
ask ask_first(...) as asks
forbid drop_table as never message "Never."
"""
CHAT_FORMS = {"tool_calls": "tool", "function_call": "function"}
READERS = {"chat": CLIENTS["openai_chat"], "responses": CLIENTS["responses"], "messages": CLIENTS["anthropic"]}
NATIVE = {"chat": "tool", "responses": "function_call", "messages": CALL}
FORMS: Mapping[str, tuple[str, ...]] = {
    "chat": (*(CHAT_FORMS[name] for name in sorted(MESSAGE_MEMBERS) if "call" in name), "tool n=2", "function n=2"),
    "responses": tuple(sorted(CALLS)),
    "messages": (CALL,),
}
NEVER: Mapping[str, tuple[str, ...]] = {
    "chat": ("custom",),
    "responses": tuple(sorted(ELSEWHERE)),
    "messages": tuple(sorted(REQUEST_BLOCKS - SPOKEN.keys() - {CALL})),
}
"""Members, items and blocks that no rule can release: they run at the provider, or nobody here can read them."""
ELSEWHERE_PROVED: Mapping[str, str] = {
    "/mcp": "test_matrix_tools",
    "/tools": "test_matrix_tools",
    "/proxy": "test_matrix_tools",
    "/v1/decide": "a dry run: nothing is released",
    "/v1/models": "names of models",
    "/v1/messages/count_tokens": "no model speaks",
    "/v1/runs": "no call",
    "/v1/decisions": "what was recorded",
    "/v1/reports": "no call",
    "/v1/audits": "no call",
    "/v1/abstractions": "no call",
    "/v1/refresh": "no call",
    "/v1/memory": "no call",
    "/v1/policies": "no call",
    "/v1/approvals": "what waits; released by the routes that it was asked on: tests/approvals",
    "/": "a page that is the same for everybody",
    "/console": "the files of that page",
    "/healthz": "no call",
    "/readyz": "no call",
    "/metrics": "no call",
    "/.well-known/oauth-protected-resource": "no call",
}
"""Where routes without a row are proved, or why there is nothing to prove, by the beginning of their paths."""


class Cell(NamedTuple):
    api: str
    form: str
    stream: bool
    column: str


CELLS = [
    Cell(api, form, stream, column)
    for api, forms in FORMS.items()
    for form in (*forms, *(f"text:{grammar}" for grammar in GRAMMARS))
    for stream in (False, True)
    for column in EFFECTS
    if not (column == "beside" and form.startswith(("function", "tool n=2")) and api == "chat")
]
"""Choices stand beside each other already, and a legacy call stands alone in its choice."""


def test_every_route_has_a_row_or_a_reason() -> None:
    unproved = {
        f"{route.method} {route.path}"
        for route in ROUTES
        if route.path not in {api.path for api in APIS.values()}
        and not any(route.path == path or route.path.startswith(path + "/") for path in ELSEWHERE_PROVED)
    }
    assert unproved == set()
    assert APIS.keys() == FORMS.keys() == NEVER.keys()


def _arguments(form: str) -> dict[str, str]:
    return {"input" if form == "custom_tool_call" else "to": SECRET}


def _speech(cell: Cell) -> list[list[Part]]:
    """The choices that the model server answers with. Each call's id holds its tool's name: a leak of either shows."""
    tool, form, native = EFFECTS[cell.column], cell.form.removesuffix(" n=2"), NATIVE[cell.api]
    call = Call(form, tool, _arguments(form), f"id_{tool}")
    pay = [Call(native, "pay_ann", {"to": "ann", "n": n}, f"id_{n}") for n in (1, 2)]
    if cell.form != form:
        return [[Text("One. "), call], [Text("Two. "), pay[0]]]
    return [[Text("Well. "), pay[0], call, pay[1]] if cell.column == "beside" else [Text("Well. "), call]]


class Gate:
    """The gate and its clients' socket; `play` sends one cell through."""

    def __init__(self, gate: Any, spoken: list[Any]) -> None:
        self.gate = gate
        self.spoken = spoken
        self.seen = 0

    def play(self, api: str, stream: bool, choices: list[list[Part]]) -> tuple[Any, list[dict[str, Any]]]:
        self.spoken[:] = [(api, choices)]
        body = APIS[api].request("go on", stream) | ({"n": 2} if len(choices) > 1 else {})
        got = self.gate.client.ask("POST", APIS[api].path, body)
        records = self.gate.records(after=self.seen)
        self.seen = records[-1]["position"] if records else self.seen
        return got, [record for record in records if record["kind"] == "decision"]


@pytest.fixture(scope="module")
def played(outside: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gate]:
    spoken: list[Any] = []

    def answers(asked: Any) -> Any:
        api, choices = spoken[0]
        if not asked.tree.get("stream"):
            return outside.whole(APIS[api].whole(*choices))
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        parts = APIS[api].stream(*choices)
        return outside.reply([head, *(b"%x\r\n%s\r\n" % (len(part), part) for part in parts), b"0\r\n\r\n"])

    names = {kind for kinds in NEVER.values() for kind in kinds}
    policy = POLICY + "".join(f'allow "{name}"(...)\n' for name in sorted(names))
    started = outside.running_gate(
        tmp_path_factory.mktemp("gate"), policy, answers=answers, refusals={"per_run_limit": 10_000, "rounds": 0}
    )
    with started as gate:
        yield Gate(gate, spoken)


@pytest.fixture(scope="module")
def outcomes() -> dict[Cell, str]:
    return {}


@pytest.fixture(scope="module")
def barred() -> dict[tuple[str, str], list[str]]:
    return {}


def _check_recorded(cell: Cell, fresh: Sequence[Mapping[str, Any]]) -> None:
    wanted = {"rewrite": "allow", "no rule": "forbid", "beside": "forbid"}.get(cell.column, cell.column)
    tool, form = EFFECTS[cell.column], cell.form.removesuffix(" n=2")
    about = [record for record in fresh if record["tool"] == tool and (cell.column != "allow" or SECRET in str(record))]
    assert [record["effect"] for record in about] == [wanted], fresh
    assert about[0]["payload"] == _arguments(form), "the Record has the call as it came"
    assert len(fresh) == {"beside": 3}.get(cell.column, 2 if cell.form.endswith("n=2") else 1)


def _check_arrived(cell: Cell, text: str) -> None:
    """What the simplest client there is finds in the answer: exactly the released calls."""
    reader, form = READERS[cell.api], cell.form.removesuffix(" n=2")
    found = (reader.streamed if cell.stream else reader.whole)(text)
    read = [(tool, json.loads(arguments)) for tool, arguments in found]
    pay = [("pay_ann", {"to": "ann", "n": n}) for n in (1, 2)]
    value = {"allow": SECRET, "rewrite": HARMLESS}.get(cell.column)
    arguments = dict.fromkeys(_arguments(form), value)
    wanted = [] if value is None or form.startswith("text:") else [(EFFECTS[cell.column], arguments)]
    beside = pay if cell.column == "beside" else pay[:1] if cell.form != form else []
    assert sorted(map(str, read)) == sorted(map(str, [*wanted, *beside]))


@pytest.mark.parametrize(
    "cell", CELLS, ids=lambda c: f"{c.api} {c.form} {'stream' if c.stream else 'whole'} {c.column}"
)
def test_only_what_was_released_reaches_the_socket(played: Gate, outcomes: dict[Cell, str], cell: Cell) -> None:
    got, fresh = played.play(cell.api, cell.stream, _speech(cell))
    text = got.body.decode()
    assert (got.status, got.complete) == (200, True), text
    _check_recorded(cell, fresh)
    _check_arrived(cell, text)
    wire, released = on_the_wire(text), cell.column in ("allow", "rewrite")
    assert (SECRET in wire) == (cell.column == "allow"), text
    assert (HARMLESS in wire) == (cell.column == "rewrite"), text
    assert (EFFECTS[cell.column] in wire) == released, text
    told = set(REFUSED.findall(text))
    assert len(told) == (0 if released else 1), text
    outcomes[cell] = {"allow": "released", "rewrite": "released as rewritten"}.get(cell.column, "".join(told))


@pytest.mark.parametrize(
    ("api", "kind", "stream"),
    [(api, kind, stream) for api, kinds in NEVER.items() for kind in kinds for stream in (False, True)],
)
def test_what_no_rule_releases(
    played: Gate, barred: dict[tuple[str, str], list[str]], api: str, kind: str, stream: bool
) -> None:
    """Beside an allowed call, and the policy allows its tool and its kind by name."""
    pay = Call(NATIVE[api], "pay_ann", {"to": "ann"}, "id_1")
    choices: list[list[Part]] = [[Text("Well. "), Call(kind, "change_sum", {"to": SECRET}, "id_x"), pay]]
    got, fresh = played.play(api, stream, choices)
    text = got.body.decode()
    wire = on_the_wire(text)
    assert not [leaked for leaked in (SECRET, "change_sum", "id_x") if leaked in wire], text
    refused = [record["reason"] for record in fresh if record["effect"] == "forbid"]
    if "pay_ann" in wire:
        assert refused == ["unknown-call-kind"]
        assert [record["tool"] for record in fresh if record["effect"] == "allow"] == ["pay_ann"]
        barred.setdefault((api, kind), []).append("refused singly")
    else:
        assert fresh == []
        assert "malformed-answer" in wire
        barred.setdefault((api, kind), []).append("the whole answer is refused")


def test_the_page_says_what_was_seen(
    played: Gate, outcomes: dict[Cell, str], barred: dict[tuple[str, str], list[str]], page: Callable[..., None]
) -> None:
    if len(outcomes) < len(CELLS) or len(barred) < sum(map(len, NEVER.values())):
        pytest.skip("not every cell was played in this run")

    def seen(api: str, form: str, column: str) -> str:
        both = (outcomes.get(Cell(api, form, stream, column), "-") for stream in (False, True))
        return " / ".join(dict.fromkeys(both))

    rows = [
        [f"`{APIS[api].path}`", f"`{form}`", *(seen(api, form, column) for column in EFFECTS)]
        for api, form in dict.fromkeys((cell.api, cell.form) for cell in CELLS)
    ]
    page("models", ["route", "form of call", *EFFECTS], rows)
    never = [[f"`{APIS[api].path}`", f"`{kind}`", " / ".join(dict.fromkeys(s))] for (api, kind), s in barred.items()]
    page("never", ["route", "kind", "whole and streamed"], never)
