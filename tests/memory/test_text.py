"""memory/text: learned rules as text that parses, passes `check` and says what memory says; and back (learned.py,
rules.py, owned.py, edits.py)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume
from hypothesis import strategies as st

from memory import Abstraction, Condition, GateReading, Snapshot, Terms
from memory.context import Reader
from memory.encoders import HashingEncoder
from memory.text import EditRefused, NotOwned, imported, learned_text, narrowed, owned_text
from memory.voice import Voice
from policy_dsl import Catalogue, Facts, PolicySet, check, compile_policy, format, parse, policy_set

OPEN = GateReading("beta", True, "open", 23.0, 1.0, 6, 2, 0.86001, 3.72, 0.6, 0.05)
BASE = """language 1
set own = mail at { "corp.example" }
set payees = { "ann", "bob" }
group duo = { send, pay }
allow pay(to, amount?) as known when to in payees
for agent "bot" on behalf of role "hr" {
  learnable send(to, subject?, body?) as most when to in own unless has subject and subject == "x"
}
learnable duo(to, amount?) as more
"""
TOOLS = Catalogue.from_tools(
    [
        {
            "name": name,
            "inputSchema": {
                "type": "object",
                "properties": {
                    "to": {"type": "string"},
                    "amount": {"type": ["number", "null"]},
                    "subject": {"type": "string"},
                    "body": {"type": "string"},
                },
                "required": ["to"],
            },
        }
        for name in ("pay", "send", "odd tool")
    ]
)
POLICY = policy_set([parse(BASE, "base.lw")], TOOLS)


def rule(id: str, label: Any, tests: dict[str, tuple[str, ...]], tool: str = "pay", **more: Any) -> Abstraction:
    plain = Abstraction(
        id=id, version=1, label=label, condition=Condition(tool, tuple(sorted(tests.items()))), made=1, made_at=0,
        policy_hash="", support=("a", "b"), radius=0.35, alpha=0.05, phase="active", approved=1, reading=OPEN,
        encoder=HashingEncoder(16).id,
    )  # fmt: skip
    return replace(plain, **more)


def snapshot(*rules: Abstraction) -> Snapshot:
    return Snapshot("t", 1, "", rules, {}, "digest")


def checked(text: str) -> PolicySet:
    """The policy with the learned file, which must be formatted already and have no error in it."""
    file = parse(text, "learned.lw")
    assert format(file) == text
    policy = policy_set([parse(BASE, "base.lw"), file], TOOLS)
    assert [found.code for found in check(policy) if found.path == "learned.lw" and found.severity == "error"] == []
    return policy


CORPUS = yaml.safe_load((Path(__file__).parent / "learned.yaml").read_text(encoding="utf-8"))


def of(case: dict[str, Any]) -> list[Abstraction]:
    return [
        rule(
            one["id"],
            one["label"],
            {name: tuple(values) for name, values in one.get("tests", {}).items()},
            one.get("tool", "pay"),
            exceptions=tuple(one.get("exceptions", ())),
            **one.get("more", {}),
        )
        for one in case["rules"]
    ]


@pytest.mark.parametrize("case", CORPUS, ids=lambda case: case["title"])
def test_the_file_is_as_the_corpus_has_it(case: dict[str, Any]) -> None:
    rules = of(case)
    text = learned_text(rules, snapshot(*rules), POLICY)
    assert text == case["text"]
    checked(text)
    for one in rules:
        if one.id in case.get("owned", {}):
            assert owned_text(one, snapshot(*rules), POLICY) == case["owned"][one.id]


HOSTILE = [
    'a\nforbid pay as x # "',
    "\u202eevil\u2066",
    'quote " and \\ and #',
    "\r\n\x00\x85\u2028\u2029learned allow pay(...)",
    "\ufeff\u200b{amount}",
]


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
def test_what_somebody_wrote_stays_a_comment_a_value_or_a_reason(words: str) -> None:
    value = '"' + words.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r") + '"'
    value = "".join(f"\\u{ord(char):04x}" if ord(char) < 32 else char for char in value)
    one = rule(
        "L-1",
        "forbid",
        {"arg to": (value,), "role " + words: ("true",)},
        rationale=words,
        approved_by=words,
        parent=words,
    )
    text = learned_text([one], snapshot(one), POLICY)
    policy = checked(text)
    assert set(policy.rules) == {"L-1", "known"}
    assert len(parse(text).comments) == 2
    assert imported(text, POLICY)[0].condition.tests[1:] == tuple(sorted(one.condition.tests))[1:]
    [owned] = parse("language 1\n" + owned_text(one, snapshot(one), POLICY)).statements
    assert words[:64] in (owned.metadata.because or "")  # type: ignore[union-attr]  # a rule


@pytest.mark.parametrize(
    ("tool", "tests"),
    [("*", {}), ("get_*", {}), ("", {}), ("a b", {}), ("pay", {"arg to": ("[1]",)}), ("pay", {"what to": ("x",)})],
)
def test_what_the_language_cannot_say_is_a_comment(tool: str, tests: dict[str, tuple[str, ...]]) -> None:
    one = rule("L-1", "forbid", tests, tool)
    text = learned_text([one], snapshot(one), POLICY)
    assert parse(text).statements == ()
    with pytest.raises(NotOwned):
        owned_text(one, snapshot(one), POLICY)


def test_an_exception_that_is_not_known_is_not_left_out() -> None:
    one = rule("L-1", "forbid", {}, exceptions=("L-gone",))
    assert parse(learned_text([one], snapshot(one), POLICY)).statements == ()


def test_an_allow_without_a_learnable_has_no_owner() -> None:
    one = rule("L-1", "allow", {}, '"odd tool"')
    with pytest.raises(NotOwned, match="no learnable"):
        owned_text(one, snapshot(one), POLICY)


# --- edits ------------------------------------------------------------------------------------------------------------

OLD = rule("L-1", "forbid", {"arg to": ('"ann"', '"bob"'), "range amount": ("1..10", "10..100")})


@pytest.mark.parametrize(
    ("text", "tests"),
    [
        ('to == "ann" and amount >= 1 and amount < 10', {"arg to": ('"ann"',), "range amount": ("1..10",)}),
        ('to in {"bob", "ann"} and amount >= 10 and amount < 100 # less', {"range amount": ("10..100",)}),
        (
            '(to == "ann" or to == "bob") and (amount >= 1 and amount < 100) and has subject',
            {"has subject": ("true",)},
        ),
        (
            'to == "ann" and amount >= 1 and amount < 100 and to in payees and missing body',
            {"arg to": ('"ann"',), "in payees to": ("true",), "has body": ("false",)},
        ),
    ],
)
def test_a_narrower_condition_is_taken(text: str, tests: dict[str, tuple[str, ...]]) -> None:
    assert narrowed(OLD, text, POLICY) == Condition(
        "pay", tuple(sorted({**dict(OLD.condition.tests), **tests}.items()))
    )


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('to == "ann"', "not-narrower"),
        ('to in {"ann", "eve"} and amount >= 1 and amount < 10', "not-narrower"),
        ('to == "ann" and amount >= 1', "not-narrower"),
        ('to == "ann" or amount >= 1', "outside"),
        ('to starts with "a" and amount >= 1 and amount < 10', "outside"),
        ('to == "ann" and amount >= 2 and amount < 10', "outside"),
        ('to == "ann" and to == "bob" and amount >= 1 and amount < 10', "outside"),
        ("known", "outside"),
        ('to not in payees or to in {"ann"}', "outside"),
        ("", "unreadable"),
        ("to ==", "unreadable"),
        ('to == "ann") unless (amount == 1', "unreadable"),
        ('to == "ann")\nforbid pay when (to == "bob"', "unreadable"),
        ('to == "ann") message ("x"', "unreadable"),
        ('to == "ann") end session\n# (', "unreadable"),
        ('to == "a\u202enn"', "unreadable"),
        ("(" * 5_000 + 'to == "ann"' + ")" * 5_000, "unreadable"),
        ('to == "ann" and ' * 2_000, "unreadable"),
    ],
)
def test_every_other_edit_is_refused(text: str, code: str) -> None:
    with pytest.raises(EditRefused) as refused:
        narrowed(OLD, text, POLICY)
    assert refused.value.code == code
    assert refused.value.message[0].islower() or refused.value.message[0] == "`"
    assert not refused.value.message.endswith(".")


def test_a_file_that_is_none_is_refused() -> None:
    with pytest.raises(EditRefused, match="learned"):
        imported("language 1\nlearned learned", POLICY)


# --- the text says what memory says -----------------------------------------------------------------------------------

READER = Reader(POLICY)
values: dict[str, st.SearchStrategy[Any]] = {
    "to": st.sampled_from(["ann", "eve", "a@corp.example", "m@evil.example"]),
    "amount": st.sampled_from([0, 5, 50, None]),
    "subject": st.sampled_from(["x", "y"]),
    "body": st.sampled_from(["short", "long " * 20]),
}
calls = st.fixed_dictionaries({"to": values["to"]}, optional={n: v for n, v in values.items() if n != "to"})
HR = Facts(agent="bot", roles=frozenset({"hr"}), key="hr")


@st.composite
def learned(draw: st.DrawFn, id: str) -> Abstraction:
    # Tests that one call passes, some of them widened by what another has: as a rule that was learned from both.
    first, second = (READER.read("pay", None, draw(calls), HR) for _ in range(2))
    names = draw(st.lists(st.sampled_from([name for name, _ in first.attributes]), max_size=4, unique=True))
    tests = {name: {value for value in (first.value(name),) if value is not None} for name in names}
    for name in draw(st.lists(st.sampled_from(names), max_size=2)) if names else ():
        tests[name] |= {value for value in (second.value(name),) if value is not None}
    label = draw(st.sampled_from(["allow", "forbid"]))
    return rule(id, label, {name: tuple(sorted(found)) for name, found in tests.items()}, radius=1.0)


def test_text_and_voice_agree_on_every_call(every: Callable[..., None]) -> None:
    def check(one: Abstraction, carved: Abstraction, call: dict[str, Any]) -> None:
        broad = replace(one, exceptions=("L-2",))
        exception = replace(carved, label="allow" if one.label == "forbid" else "forbid", phase="shadow")
        assume(exception.condition.tests)
        context = READER.read("pay", None, call, HR)
        text = learned_text([broad], snapshot(broad, exception), POLICY)
        policy = policy_set([parse(BASE, "base.lw"), parse(text, "learned.lw")], TOOLS)
        known = Snapshot("t", 1, "", (broad, exception), {"a": context, "b": context}, "digest")
        plain, spelled = compile_policy(POLICY), compile_policy(policy)
        base, ceiling = plain.decide("pay", call, HR), plain.ceiling and plain.ceiling("pay", call, HR)
        may_widen = (
            ceiling is not None and base.effect == "forbid" and base.reason == "no-rule" and ceiling.effect != "forbid"
        )
        advice = Voice(known, HashingEncoder(16), Terms()).hear(
            context, base.effect, ceiling.effect if may_widen and ceiling is not None else None
        )
        assert spelled.decide("pay", call, HR).effect == (base.effect if advice is None else advice.effect)
        found = imported(text, policy)
        if not found:  # the exception holds for every call that the rule does, so that there is nothing left to say
            assert advice is None
            return
        [again] = found
        assert again.label == one.label
        assert again.condition.holds(context) == one.condition.holds(context)
        if one.condition.holds(context):
            assert any(part.holds(context) for part in again.exceptions) == exception.condition.holds(context)

    every(60, check, learned("L-1"), learned("L-2"), calls)
