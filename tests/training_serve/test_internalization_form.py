"""policy_dsl/knowledge/internalized.py: what is written is read back, and no bytes are read as anything else; and
server/wire/instructions.py: a text in front changes nothing else of a request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import parse, policy_set
from policy_dsl.knowledge import (
    FORMAT,
    Internalization,
    Share,
    Taught,
    Threshold,
    Unusable,
    identifier,
    read_internalization,
    write_internalization,
)
from server.wire import CHAT, Dialect, Instructions
from server.wire.messages import MESSAGES
from server.wire.responses import RESPONSES

POLICY = policy_set([parse("language 1\nallow pay(amount) when amount <= 5\n", "p.lw")])

shares = st.integers(1, 10**9).flatmap(lambda of: st.integers(0, of).map(lambda times: Share.counted(times, of)))
bounds = st.floats(0, 1)
thresholds = st.one_of(bounds.map(lambda x: Threshold(least=x)), bounds.map(lambda x: Threshold(most=x)))
hashes = st.text("0123456789abcdef", min_size=64, max_size=64).map(lambda digits: f"sha256:{digits}")
names = st.text(min_size=1, max_size=12)
claims = st.builds(
    Internalization,
    format=st.just(FORMAT),
    language=st.just(1),
    base=st.text(max_size=20),
    data=hashes,
    phrasing=st.integers(0, 2**31),
    stages=st.lists(st.text(max_size=9)).map(tuple),
    policies=st.lists(
        st.builds(
            Taught,
            name=names,
            identifier=st.just(identifier(POLICY, "p")),
            hash=st.one_of(st.just(POLICY.hash), hashes),
            document=hashes,
            measured=st.dictionaries(names, shares, max_size=3),
        ),
        min_size=1,
        max_size=2,
        unique_by=lambda one: one.hash,
    ).map(tuple),
    thresholds=st.dictionaries(names, thresholds, min_size=1, max_size=3),
    weights=st.dictionaries(names, hashes, max_size=2),
)


@settings(max_examples=40)
@given(claims)
def test_what_is_written_is_read_back(claim: Internalization) -> None:
    assert read_internalization(write_internalization(claim)) == claim


@settings(max_examples=40)
@given(claims, st.data())
def test_a_changed_byte_never_makes_another_kind_of_error(claim: Internalization, data: st.DataObject) -> None:
    content = bytearray(write_internalization(claim))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    try:
        read = read_internalization(bytes(content))
    except Unusable:
        return
    assert all(Share.counted(one.times, one.of).low == pytest.approx(one.low, abs=1e-5) for one in _all(read))


@given(st.binary(max_size=200))
def test_no_other_bytes_are_read(content: bytes) -> None:
    with pytest.raises(Unusable):
        read_internalization(content)


@settings(max_examples=40)
@given(claims)
def test_a_model_stands_only_where_a_hand_would_say_so(claim: Internalization) -> None:
    """The rule written out once more, without the early returns."""
    mine = [one for one in claim.policies if one.hash == POLICY.hash]
    met = [
        name in one.measured
        and (bound.least is None or one.measured[name].low >= bound.least)
        and (bound.most is None or one.measured[name].high <= bound.most)
        for one in mine
        for name, bound in claim.thresholds.items()
    ]
    assert (claim.misses(POLICY) is None) == (len(mine) == 1 and all(met))


@given(shares)
def test_an_interval_holds_its_share_and_narrows_with_more(share: Share) -> None:
    assert 0 <= share.low <= share.times / share.of <= share.high <= 1
    if share.of <= 10**8:
        more = Share.counted(share.times * 10, share.of * 10)
        assert more.high - more.low <= share.high - share.low


def _all(claim: Internalization) -> list[Share]:
    return [share for one in claim.policies for share in one.measured.values()]


# --- a text in front --------------------------------------------------------------------------------------------------

texts = st.text(max_size=20)
parts = st.lists(texts.map(lambda text: {"type": "text", "text": text}), max_size=3)
said = st.one_of(texts, parts)
roles = st.sampled_from(["system", "developer", "user", "assistant"])
TOOL = {"type": "function", "function": {"name": "pay", "parameters": {"type": "object"}}}
chats = st.builds(
    lambda messages, tools: {"model": "m", "messages": messages, **({"tools": [TOOL]} if tools else {})},
    st.lists(st.builds(lambda role, content: {"role": role, "content": content}, roles, said), max_size=5),
    st.booleans(),
)
spoken = st.lists(
    st.builds(lambda role, content: {"role": role, "content": content}, st.sampled_from(["user", "assistant"]), said),
    max_size=4,
)
messages = st.builds(
    lambda system, said: {"model": "m", "max_tokens": 1, "messages": said, **system},
    st.one_of(st.just({}), said.map(lambda given: {"system": given})),
    spoken,
)
responses = st.builds(
    lambda instructions, given: {"model": "m", "input": given, "instructions": instructions},
    st.one_of(st.none(), texts),
    texts,
)
REQUESTS = st.one_of(
    st.tuples(st.just(CHAT), chats), st.tuples(st.just(MESSAGES), messages), st.tuples(st.just(RESPONSES), responses)
)


@given(REQUESTS, st.text(min_size=1, max_size=30))
def test_a_text_in_front_changes_nothing_that_is_judged(case: tuple[Dialect, dict[str, Any]], text: str) -> None:
    dialect, body = case
    before = dialect.request(json.dumps(body).encode())
    printed = before.encode()
    after = dialect.request(before.with_instructions(Instructions(text)).encode())
    assert before.encode() == printed  # a request never changes
    assert (after.model, after.stream, after.offers) == (before.model, before.stream, before.offers)
    assert after.user_words() == before.user_words()
    assert after.results() == before.results()
    assert _instructions(json.loads(after.encode())).startswith(text)
    assert _instructions(json.loads(after.encode())).endswith(_instructions(body))
    assert _spoken(json.loads(after.encode())) == _spoken(body)


def _instructions(tree: dict[str, Any]) -> str:
    """All that instructs the model in front of what is said, as one text."""
    given = tree.get("system", tree.get("instructions"))
    if "max_tokens" not in tree and "messages" in tree:
        first = tree["messages"][0] if tree["messages"] else {"role": "user"}
        given = first["content"] if first["role"] in ("system", "developer") else ""
    return "".join(part["text"] for part in given) if isinstance(given, list) else given or ""


def _spoken(tree: dict[str, Any]) -> Any:
    if "input" in tree:
        return tree["input"]
    first = tree["messages"][:1]
    if "max_tokens" not in tree and first and first[0]["role"] in ("system", "developer"):
        return tree["messages"][1:]
    return tree["messages"]
