"""Streams of all three model APIs, cut anywhere on their way to the gate: one Decision for each call, the same bytes
for the client, and nothing of a refused call among them.

The streams are those of evals/speech.py in every form of call, and all that the attack corpus holds as recorded. A
model server on a socket sends each piece as a chunk of its own, and the gate is made to take one at a time: a kernel
that is busy would hand it several at once, and the cut would not be seen.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import pytest

from evals.attack.cases import Case
from evals.attack.clients import CLIENTS, on_the_wire
from evals.attack.neutral import policy_text
from evals.attack.run import CORPUS, wanted
from evals.speech import APIS, MODEL, Call, Part, Text
from server.upstream import UpstreamReply
from server.wire import GRAMMARS
from server.wire.responses.items import CALLS, ELSEWHERE

SECRET = "s3cret-in-the-arguments"
POLICY = """language 1
for agent "bot" {
  allow pay_ann(...) as pay
  forbid drop_table as never message "Never."
}
"""
RUN_LENGTH = 100
RANDOM_PLACES, EVERY_RANDOM_PLACE = 200, 10_000
_ID = re.compile(r"(dec|apr)-[0-9a-v]{26}")


class Stream(NamedTuple):
    """`agent` is whose key asks; the rules of a case of the corpus stand in its agent's scope."""

    name: str
    path: str
    asks: dict[str, Any]
    body: bytes
    agent: str = "bot"


def _spoken(api: str, form: str) -> Stream:
    """An allowed call, a refused one in this form, another allowed one; a legacy call stands alone."""
    native = {"chat": "tool", "responses": "function_call", "messages": "tool_use"}[api]
    pay = [Call(native, "pay_ann", {"to": "ann \u00e9\U0001f600", "n": n}, f"id_{n}") for n in (1, 2)]
    drop = Call(form, "drop_table", {"input" if form == "custom_tool_call" else "to": SECRET}, "id_drop_table")
    parts: list[Part] = [Text("Well, <tool"), drop] if form == "function" else [Text("Well. "), pay[0], drop, pay[1]]
    return Stream(f"{api} {form}", APIS[api].path, APIS[api].request("go on", True), b"".join(APIS[api].stream(parts)))


def _recorded(case: Case) -> Stream:
    client = CLIENTS[case.protocol]
    return Stream(case.id, client.path, client.body(MODEL, True), b"".join(case.wire), case.id)


TEXTS = tuple(f"text:{grammar}" for grammar in GRAMMARS)
SPOKEN = [
    _spoken(api, form)
    for api, forms in {
        "chat": ("tool", "function", "custom"),
        "responses": (*sorted(CALLS), sorted(ELSEWHERE)[0]),
        "messages": ("tool_use",),
    }.items()
    for form in (*forms, *TEXTS)
]
CASES = [
    case for case in wanted(CORPUS) if case.streams and case.protocol in CLIENTS and "audit_store" not in case.context
]
RECORDED = [_recorded(case) for case in CASES]
MAIN = [stream for stream in SPOKEN if stream.name in ("chat tool", "responses function_call", "messages tool_use")]


class Cutting:
    """The gate, and the model server that cuts what it says."""

    def __init__(self, outside: Any, gate: Any, pieces: list[bytes]) -> None:
        self.outside = outside
        self.gate = gate
        self._pieces = pieces
        self._seen = 0
        self._runs: dict[str, tuple[str, int]] = {}
        self._whole: dict[str, tuple[bytes, list[Any]]] = {}
        self.taken = 0

    def through(self, stream: Stream, places: Sequence[int]) -> tuple[bytes, list[Any]]:
        """What the client got and what was recorded, for `stream` cut at `places`. Ids are left out: they are new."""
        edges = [0, *sorted(set(places) - {0, len(stream.body)}), len(stream.body)]
        got = self._asked(stream, [stream.body[a:b] for a, b in pairwise(edges)])
        while got.status == 503:  # on a machine that is too busy for the gate to hear of its database in time
            self.outside.wait_for(lambda: self.gate.ready()[0] == 200)
            got = self._asked(stream, [stream.body[a:b] for a, b in pairwise(edges)])
        # A stream that cannot be read is given up where that shows.
        assert self.taken == len(edges) - 1 or b'"code":"malformed-answer"' in got.body, "a cut was not seen"
        fresh = self.gate.records(after=self._seen)
        self._seen = fresh[-1]["position"] if fresh else self._seen
        told = [
            (one["tool"], one["effect"], one["reason"], one["payload"]) for one in fresh if one["kind"] == "decision"
        ]
        body = _ID.sub("ID", got.body.decode("utf-8"))
        return body.encode(), [got.status, got.complete, *told]

    def _asked(self, stream: Stream, pieces: list[bytes]) -> Any:
        self._pieces[:], self.taken = pieces, 0
        run = {"x-leastward-run": self._run(stream.agent)}
        return self.gate.with_key(stream.agent).ask("POST", stream.path, stream.asks, run)

    def _run(self, agent: str) -> str:
        """A run of the agent's own, and now and then another: a run is told the reasons of so many refusals only."""
        run, used = self._runs.get(agent, ("", RUN_LENGTH))
        if used >= RUN_LENGTH:
            run, used = str(self.gate.with_key(agent).ask("POST", "/v1/runs", {}).tree["id"]), 0
        self._runs[agent] = (run, used + 1)
        return run

    def check(self, stream: Stream, places: Sequence[int]) -> None:
        if stream.name not in self._whole:
            self._whole[stream.name] = self.through(stream, ())
            self._check_whole(stream, *self._whole[stream.name])
        assert self.through(stream, places) == self._whole[stream.name], f"{stream.name} cut at {places}"

    @staticmethod
    def _check_whole(stream: Stream, body: bytes, told: list[Any]) -> None:
        """Every cut answer equals this one byte by byte, so what is not in it is in none."""
        if stream.agent != "bot":
            return
        wire = on_the_wire(body.decode())
        assert "drop_table" not in wire
        assert SECRET not in wire
        effects = sorted(effect for _, effect, *_ in told[2:])
        alone = stream.name == "chat function"
        assert effects == (["forbid"] if alone else ["allow", "allow", "forbid"])
        assert ("pay_ann" in wire) != alone


@pytest.fixture(scope="module")
def cutting(outside: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cutting]:
    pieces: list[bytes] = []

    def answers(asked: Any) -> Any:
        head = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
        return outside.reply([head + b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in pieces) + b"0\r\n\r\n"])

    rules = (policy_text(case.rules).removeprefix("language 1\n") for case in CASES)
    scoped = "".join(f'for agent "{case.id}" {{\n{text}}}\n' for case, text in zip(CASES, rules, strict=True))
    keys = {name: {"agent": name} for name in ("bot", *(case.id for case in CASES))}
    started = outside.running_gate(
        tmp_path_factory.mktemp("gate"), POLICY + scoped, answers=answers, keys=keys,
        refusals={"per_run_limit": 10_000, "rounds": 0},
    )  # fmt: skip
    with started as gate, pytest.MonkeyPatch.context() as patch:
        made = Cutting(outside, gate, pieces)

        def one_piece(reply: Any) -> bytes:
            made.taken += 1
            piece: bytes = reply._chunks.pop(0)
            reply._size -= len(piece)
            return piece

        patch.setattr(UpstreamReply, "_taken", one_piece)
        yield made


def test_the_streams_are_all_there() -> None:
    assert len(RECORDED) >= 30
    assert len(SPOKEN) == 7 + 3 * len(TEXTS)


@pytest.mark.parametrize("stream", [*SPOKEN, *RECORDED], ids=lambda stream: stream.name)
def test_cut_at_every_byte_at_once(cutting: Cutting, stream: Stream) -> None:
    cutting.check(stream, range(len(stream.body)))


def _places(stream: Stream, most: int) -> range:
    """Single cuts: at every byte of a stream of no more than `most`, and else by a stride that is prime to events."""
    return range(1, len(stream.body), max(1, len(stream.body) // most) | 1)


@pytest.mark.parametrize("stream", MAIN, ids=lambda stream: stream.name)
def test_cut_in_two(cutting: Cutting, stream: Stream) -> None:
    for place in _places(stream, 60):
        cutting.check(stream, [place])


def _at_random(cutting: Cutting, times: int) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    for _ in range(times):
        stream = chance.choice([*SPOKEN, *RECORDED])
        cutting.check(stream, chance.sample(range(1, len(stream.body)), min(chance.choice([1, 2, 5, 20]), 20)))


def test_cut_at_random_places(cutting: Cutting) -> None:
    _at_random(cutting, RANDOM_PLACES)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_cut_at_ten_thousand_random_places(cutting: Cutting) -> None:
    _at_random(cutting, EVERY_RANDOM_PLACE)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("stream", MAIN, ids=lambda stream: stream.name)
def test_cut_in_two_at_every_byte(cutting: Cutting, stream: Stream) -> None:
    for place in range(1, len(stream.body)):
        cutting.check(stream, [place])
