"""guardrail/record.py: ids, the canonical body, the chain, and what verification finds (and says it cannot)."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from evals.bench.records import record as recorded
from guardrail import Advised, Payload, Record, arguments_digest, instant, new_id
from guardrail.chain import Head, Row, encode, link, opening, place, verify, verify_chain
from policy_dsl import RuleError, strict_json

AT = "2026-11-22T12:00:00.000000Z"


def record(number: int, **changes: object) -> Record:
    name = new_id("dec", 1_763_800_000_000 + number, number.to_bytes(10, "big"))
    digest = arguments_digest(bytes(16), b"{}")
    return recorded(number, **{"id": name, "at": AT, "arguments": digest, "payload": None, **changes})


def chain(*lengths: int) -> list[Row]:
    """A database of one incarnation for each length."""
    rows: list[Row] = []
    for number, length in enumerate(lengths):
        after = (rows[-1].position, rows[-1].link) if rows else None
        head, row = opening(new_id("inc", number, bytes(10)), AT, len(rows) + 1, after)
        rows.append(row)
        for _ in range(length):
            head, row = place(head, record(len(rows)))
            rows.append(row)
    return rows


def test_ids_sort_by_time_and_have_their_shape() -> None:
    ids = [new_id("dec", ms, bytes([fill] * 10)) for ms in (0, 1, 2**40, 2**48 - 1) for fill in (0, 255)]
    assert ids == sorted(ids)
    assert all(len(text) == 30 and set(text[4:]) <= set("0123456789abcdefghijklmnopqrstuv") for text in ids)
    assert new_id("run", 0, bytes(9) + b"\x01") == "run-" + "0" * 25 + "4"
    with pytest.raises(ValueError, match="10 bytes"):
        new_id("dec", 0, b"short")


@given(st.integers(0, 2**48 - 1), st.binary(min_size=10, max_size=10), st.binary(min_size=10, max_size=10))
@settings(print_blob=True)
def test_ids_are_equal_only_for_equal_entropy(ms: int, one: bytes, other: bytes) -> None:
    assert (new_id("dec", ms, one) == new_id("dec", ms, other)) == (one == other)


def test_instants_are_utc_with_microseconds() -> None:
    assert instant(datetime(2026, 11, 22, 12, tzinfo=UTC)) == AT
    assert instant(datetime(2026, 11, 22, 14, tzinfo=timezone(timedelta(hours=2)))) == AT


def test_the_body_is_canonical_and_says_everything_but_the_payload() -> None:
    full = record(7, errors=(RuleError("r", "missing", "a[0]"),), payload=Payload(b"s" * 16, b'{"pin":1}'))
    body = encode(full, "inc-x", 3)
    members = json.loads(body)
    assert list(members) == sorted(members)
    assert strict_json.encode(strict_json.parse(body)) == body
    assert members["errors"] == [{"code": "missing", "place": "a[0]", "rule": "r"}]
    assert (members["v"], members["incarnation"], members["sequence"]) == (4, "inc-x", 3)
    assert set(members) == {field for field in Record.__struct_fields__ if field != "payload"} | {
        "incarnation",
        "sequence",
        "v",
    }
    assert encode(replace(full, payload=None), "inc-x", 3) == body


def test_what_memory_said_is_canonical_too() -> None:
    advised = Advised(
        abstraction="L-0123456789", against=1.0, base="allow", base_reason="rule", base_rule="r", bound=0.8612,
        confirming=23.0, effect="ask", fired=("L-0123456789",), gate="beta", log_e=3.7189, reporters=6, threshold=0.6,
        version=2,
    )  # fmt: skip
    body = encode(record(7, memory=advised), "inc-x", 3)
    said = json.loads(body)["memory"]
    assert list(said) == sorted(said) == sorted(Advised.__struct_fields__)
    assert said["abstraction"], said["fired"] == ("L-0123456789", ["L-0123456789"])
    assert json.loads(json.dumps(json.loads(body), separators=(",", ":"))) == json.loads(body)


def test_every_member_changes_the_body() -> None:
    plain = record(1)
    changed: dict[str, object] = {"roles": (), "errors": (RuleError("r", "null", ""),), "memory_version": 1}
    for name in Record.__struct_fields__:
        if name != "payload":
            other = replace(plain, **{name: changed.get(name, "other")})
            assert encode(other, "i", 1) != encode(plain, "i", 1), name


@pytest.mark.parametrize("version", [1, 2, 3])
def test_rows_of_earlier_chain_versions_are_verified_beside_those_of_this_one(version: int) -> None:
    head, first = opening("inc-x", AT, 1, None)
    old = encode(record(1), "inc-x", 1).replace(b'"judge":null,', b"").replace(b'"v":4', b'"v":%d' % version)
    assert b'"v":%d' % version in old
    row = Row(2, record(1).id, old, link(head.link, old))
    _, newer = place(Head("inc-x", 1, 1, row.link), record(2))
    assert verify_chain([first, row, newer]) == []
    assert [problem.code for problem in verify_chain([first, row._replace(body=old + b" "), newer])] == ["link"]


def test_links_are_separated_from_every_other_hash() -> None:
    body = b"{}"
    assert link(bytes(32), body) == hashlib.sha256(b"leastward record link v1\x00" + bytes(32) + body).digest()
    assert link(bytes(32), body) != hashlib.sha256(bytes(32) + body).digest()
    assert arguments_digest(b"a" * 16, b"b") != arguments_digest(b"a" * 15 + b"b", b"b")


def test_text_that_is_not_unicode_leaves_the_chain_where_it_was() -> None:
    head, _ = opening("inc-a", AT, 1, None)
    with pytest.raises(ValueError):
        place(head, record(1, call_id="\ud800"))
    after, row = place(head, record(2))
    assert after == Head("inc-a", 1, 1, row.link)


def test_a_whole_chain_verifies() -> None:
    rows = chain(5, 0, 3)
    seen = verify(rows)
    assert (seen.rows, seen.chains, seen.problems, seen.last) == (11, 3, (), rows[-1])
    assert verify_chain([]) == []


def test_the_first_bad_record_of_each_chain_is_named() -> None:
    rows = chain(4, 4, 4)
    for bad in (2, 3, 7):
        rows[bad] = rows[bad]._replace(body=rows[bad].body.replace(b"allow", b"forbid"))
    assert [(p.code, p.position) for p in verify_chain(rows)] == [("link", 3), ("link", 8)]


def test_a_missing_tail_is_seen_from_the_next_chain_or_against_a_mark_only() -> None:
    rows = chain(4, 4)
    assert [(p.code, p.position) for p in verify_chain(rows[:3] + rows[5:])] == [("cut", 6)]
    assert verify_chain(rows[:-2]) == []
    marks = {rows[-1].position: rows[-1].link}
    assert verify(rows, marks).problems == ()
    assert [(p.code, p.position) for p in verify(rows[:-2], marks).problems] == [("truncated", 10)]
    assert [p.code for p in verify([], marks).problems] == ["truncated"]


def test_a_history_written_anew_is_seen_against_a_mark_only() -> None:
    rows = chain(4)
    head, first = opening(rows[0].id, AT, 1, None)
    forged = [first]
    for number in range(1, 5):
        head, row = place(head, record(number, effect="forbid"))
        forged.append(row)
    assert verify_chain(forged) == []
    assert [(p.code, p.position) for p in verify(forged, {5: rows[4].link}).problems] == [("rewritten", 5)]


def test_the_beginning_cannot_be_taken_away() -> None:
    rows = chain(3, 3)
    assert verify_chain(rows[1:])[0].code == "unopened"
    assert [p.code for p in verify_chain(rows[4:])] == ["cut"]


def test_a_body_that_is_no_record_is_unreadable() -> None:
    for body in (b"", b"\xff", b"[]", b"{}", b'{"v":4}', b"[" * 100_000):
        rows = chain(3)
        rows[2] = rows[2]._replace(body=body)
        assert [(p.code, p.position) for p in verify_chain(rows)] == [("unreadable", 3)], body[:10]


Mutation = Callable[[random.Random, list[Row]], int]


def _edit_body(chance: random.Random, rows: list[Row]) -> int:
    at = chance.randrange(len(rows))
    body = bytearray(rows[at].body)
    spot = chance.randrange(len(body))
    body[spot] ^= 1 << chance.randrange(8)
    rows[at] = rows[at]._replace(body=bytes(body))
    return at


def _edit_link(chance: random.Random, rows: list[Row]) -> int:
    at = chance.randrange(len(rows))
    digest = bytearray(rows[at].link)
    digest[chance.randrange(32)] ^= 1 << chance.randrange(8)
    rows[at] = rows[at]._replace(link=bytes(digest))
    return at


def _edit_id(chance: random.Random, rows: list[Row]) -> int:
    at = chance.randrange(len(rows))
    rows[at] = rows[at]._replace(id=rows[chance.choice([n for n in range(len(rows)) if n != at])].id)
    return at


def _edit_position(chance: random.Random, rows: list[Row]) -> int:
    at = chance.randrange(len(rows))
    if chance.random() < 0.5 and at == len(rows) - 1:
        rows[at] = rows[at]._replace(position=rows[at].position + chance.randrange(1, 100))
        return at
    moved = rows.pop(at)
    rows.append(moved._replace(position=rows[-1].position + 1 + chance.randrange(100)))
    return at


def _delete(chance: random.Random, rows: list[Row]) -> int:
    at = chance.randrange(len(rows) - 1)
    del rows[at : min(at + chance.randrange(1, 4), len(rows) - 1)]
    return at


def _swap(chance: random.Random, rows: list[Row]) -> int:
    one, other = sorted(chance.sample(range(len(rows)), 2))
    rows[one], rows[other] = (
        rows[other]._replace(position=rows[one].position),
        rows[one]._replace(position=rows[other].position),
    )
    return one


def _double(chance: random.Random, rows: list[Row]) -> int:
    at = chance.randrange(len(rows))
    rows.append(rows[at]._replace(position=rows[-1].position + 1))
    return len(rows) - 1


def _relink(chance: random.Random, rows: list[Row]) -> int:
    """Edit a record and give it the link that fits: the row after it tells."""
    at = chance.choice([n for n in range(len(rows) - 1) if b'"kind":"opened"' not in rows[n].body])
    body = rows[at].body.replace(b'"effect":"allow"', b'"effect":"forbid"')
    rows[at] = rows[at]._replace(body=body, link=link(rows[at - 1].link, body))
    return at + (1 if b'"sequence":1,' in body or b'"kind":"opened"' not in rows[at - 1].body else 0)


MUTATIONS: tuple[Mutation, ...] = (
    _edit_body,
    _edit_link,
    _edit_id,
    _edit_position,
    _delete,
    _swap,
    _double,
    _relink,
)


@pytest.mark.parametrize("mutate", MUTATIONS, ids=lambda mutate: mutate.__name__.strip("_"))
def test_random_tampering_is_found_at_its_first_row(mutate: Mutation) -> None:
    whole = chain(20, 1, 15)
    for seed in range(300):
        rows = list(whole)
        at = mutate(random.Random(seed), rows)
        problems = verify_chain(rows)
        assert problems, f"seed {seed}"
        first = rows[at].position if at < len(rows) else rows[-1].position
        assert problems[0].position <= max(first, whole[min(at + 1, len(whole) - 1)].position), f"seed {seed}"
