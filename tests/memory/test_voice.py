"""memory/voice: which learned rules hold, which of them may speak, and what is heard (voice.py, index.py,
precedence.py, experience.py)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, get_args

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from guardrail import ANYONE, Guard, Session, ToolCall
from memory import Abstraction, Condition, Context, Effect, GateReading, Label, Phase, Snapshot, Terms
from memory.context import Reader
from memory.encoders import HashingEncoder
from memory.support import distance
from memory.voice import FORBID_REACH, Hearing, Remembering, Voice
from policy_dsl import compile_policy, parse, policy_set

ENCODER = HashingEncoder(64)
OPEN = GateReading("eprocess", True, "open", 20.0, 1.0, 4, 2, 0.8, 5.0, 0.6, 0.05)
STRICTNESS = {"allow": 0, "ask": 1, "forbid": 2}


def context(words: str = "", /, **attributes: str) -> Context:
    return Context("pay", tuple(sorted((f"arg {name}", value) for name, value in attributes.items())), words)


def condition(**tests: str) -> Condition:
    """Values apart by `|`."""
    pairs = ((f"arg {name}", tuple(sorted(values.split("|")))) for name, values in tests.items())
    return Condition("pay", tuple(sorted(pairs)))


def rule(id: str, label: Label, on: Condition, **more: Any) -> Abstraction:
    plain = Abstraction(
        id=id, version=1, label=label, condition=on, made=1, made_at=0, policy_hash="", support=("a", "b"), radius=1.0,
        alpha=0.05, phase="active", approved=1, reading=OPEN, encoder=ENCODER.id,
    )  # fmt: skip
    return replace(plain, **more)


def voice(*rules: Abstraction, terms: Terms | None = None, supports: Sequence[Context] | None = None) -> Voice:
    near = [context(to="x"), context(to="x")] if supports is None else supports
    snapshot = Snapshot("t", 3, "", tuple(rules), dict(zip("abcdefgh", near, strict=False)), "digest")
    return Voice(snapshot, ENCODER, terms or Terms())


X = context(to="x", amount="1")


@pytest.mark.parametrize(
    ("base", "ceiling", "label", "effect"),
    [
        ("allow", None, "forbid", "ask"),
        ("ask", None, "forbid", None),
        ("forbid", "allow", "forbid", None),
        ("forbid", None, "forbid", None),
        ("forbid", "allow", "allow", "allow"),
        ("forbid", "ask", "allow", "ask"),
        ("forbid", None, "allow", None),
        ("allow", None, "allow", None),
        ("ask", None, "allow", None),
        ("ask", "allow", "allow", None),
    ],
)
def test_a_label_narrows_or_widens(base: Effect, ceiling: Effect | None, label: Label, effect: Effect | None) -> None:
    advice = voice(rule("L-1", label, condition(to="x"))).hear(X, base, ceiling)
    assert (None if advice is None else advice.effect) == effect
    if advice is not None:
        assert (advice.abstraction, advice.version, advice.base, advice.fired) == ("L-1", 1, base, ("L-1",))
        assert advice.reading == OPEN


@pytest.mark.parametrize(
    ("more", "terms", "base", "effect"),
    [
        ({"narrows_to": "forbid"}, Terms(), "allow", "forbid"),
        ({"narrows_to": "forbid"}, Terms(), "ask", "forbid"),
        ({"narrows_to": "forbid", "approved": None}, Terms(), "allow", "ask"),
        ({"narrows_to": "forbid", "version": 2}, Terms(), "allow", "ask"),
        ({"narrows_to": "forbid", "version": 2}, Terms(), "ask", None),
        ({}, Terms(narrows_to="forbid"), "ask", "forbid"),
    ],
)
def test_narrowing_to_forbid_takes_a_person_or_the_terms(
    more: dict[str, Any], terms: Terms, base: Effect, effect: Effect | None
) -> None:
    advice = voice(rule("L-1", "forbid", condition(to="x"), **more), terms=terms).hear(X, base, None)
    assert (None if advice is None else advice.effect) == effect


@pytest.mark.parametrize("phase", get_args(Phase))
@pytest.mark.parametrize("label", ["allow", "forbid"])
def test_only_an_active_abstraction_changes_anything(phase: Phase, label: Label) -> None:
    spoken = voice(rule("L-1", label, condition(to="x"), phase=phase))
    advice = spoken.hear(X, "forbid", "allow") or spoken.hear(X, "allow", None)
    assert (advice is not None) == (phase == "active")
    assert spoken.fired(X) == (() if phase == "retired" else ("L-1",))


@pytest.mark.parametrize(
    "more",
    [
        {"approved": None},
        {"version": 2},
        {"reading": None},
        {"reading": replace(OPEN, open=False)},
        {"support": ("a",)},
        {"support": ("a", "gone")},
    ],
    ids=str,
)
def test_an_allow_takes_approval_of_this_version_an_open_gate_and_two_supports(more: dict[str, Any]) -> None:
    assert voice(rule("L-1", "allow", condition(to="x"), **more)).hear(X, "forbid", "allow") is None


def test_terms_may_waive_the_approval() -> None:
    rules = rule("L-1", "allow", condition(to="x"), approved=None)
    assert voice(rules, terms=Terms(approval_for_allow=False)).hear(X, "forbid", "allow") is not None


@pytest.mark.parametrize("label", ["allow", "forbid"])
def test_what_another_encoder_measured_silences_all_until_it_is_measured_anew(label: Label) -> None:
    other = rule("L-other", label, condition(to="y"), encoder=HashingEncoder(32).id)
    mine = rule("L-1", label, condition(to="x"))
    base, ceiling = get_args(Label)[label == "allow"], "allow" if label == "allow" else None
    assert voice(mine).hear(X, base, ceiling) is not None
    spoken = voice(mine, other)
    assert spoken.is_foreign
    assert spoken.hear(X, base, ceiling) is None
    assert spoken.fired(X) == ("L-1",), "what would fire is still told"
    quiet = voice(mine, replace(other, phase="shadow"))
    assert not quiet.is_foreign, "only what would speak counts"
    assert quiet.hear(X, base, ceiling) is not None


def test_a_judge_is_shown_open_rules_and_the_exceptions_that_bound_them() -> None:
    local = rule("L-local", "allow", condition(to="x", amount="2"), phase="shadow", reading=None)
    broad = rule("L-broad", "forbid", condition(to="x"), exceptions=("L-local",))
    waiting = rule("L-waiting", "allow", condition(amount="1"), phase="pending", approved=None)
    closed = rule("L-closed", "forbid", condition(to="x"), reading=replace(OPEN, open=False))
    elsewhere = rule("L-elsewhere", "forbid", condition(to="y"))
    spoken = voice(broad, closed, elsewhere, local, waiting)
    assert [one.id for one in spoken.grounds(X)] == ["L-broad", "L-local", "L-waiting"]
    assert spoken.grounds(context(to="z")) == ()


def test_the_most_specific_is_heard() -> None:
    broad = rule("L-broad", "forbid", condition(to="x|y"))
    narrow = rule("L-narrow", "allow", condition(to="x", amount="1"))
    spoken = voice(broad, narrow)
    assert spoken.hear(X, "allow", None) is None
    advice = spoken.hear(X, "forbid", "allow")
    assert advice is not None
    assert (advice.abstraction, advice.fired) == ("L-narrow", ("L-broad", "L-narrow"))
    other = spoken.hear(context(to="x", amount="2"), "allow", None)
    assert other is not None
    assert other.abstraction == "L-broad"


def test_equals_that_contradict_narrow_and_others_decide_nothing() -> None:
    tie = voice(rule("L-1", "allow", condition(to="x")), rule("L-2", "forbid", condition(to="x")))
    assert tie.hear(X, "forbid", "allow") is None
    narrowed = tie.hear(X, "allow", None)
    assert narrowed is not None
    assert (narrowed.effect, narrowed.abstraction) == ("ask", "L-2")
    conflict = voice(rule("L-1", "allow", condition(to="x")), rule("L-2", "forbid", condition(amount="1")))
    assert conflict.hear(X, "forbid", "allow") is None
    assert conflict.hear(X, "allow", None) is None
    assert conflict.fired(X) == ("L-1", "L-2")


@pytest.mark.parametrize("phase", ["shadow", "contested", "dormant", "retired"])
def test_an_exception_of_any_phase_bounds_its_parent(phase: Phase) -> None:
    local = rule("L-local", "allow", condition(to="x", amount="1"), phase=phase)
    parent = rule("L-parent", "forbid", condition(to="x"), exceptions=("L-local",))
    spoken = voice(parent, local, supports=[context(to="x", amount="2")] * 2)
    assert spoken.hear(X, "allow", None) is None
    assert "L-parent" not in spoken.fired(X)
    assert spoken.hear(context(to="x", amount="2"), "allow", None) is not None
    unseen = context(to="x", amount="3")
    assert spoken.hear(unseen, "allow", None) is None, "the amount was found to matter, and this one was never met"


def test_a_parent_whose_exception_is_not_known_says_nothing() -> None:
    parent = rule("L-parent", "forbid", condition(to="x"), exceptions=("L-gone",))
    assert voice(parent).hear(X, "allow", None) is None


def test_what_narrows_reaches_farther_than_what_widens() -> None:
    supports = [context("pay the rent", to="x"), context("pay the rent", to="x")]
    far = context("pay the rent", to="x", amount="1")
    apart = distance(far, supports[0], ENCODER)
    assert apart > 0
    for factor, forbids, allows in (
        (1.0, True, True),
        (1 / FORBID_REACH, True, False),
        (0.6 / FORBID_REACH, False, False),
    ):
        radius = apart * factor
        narrowing = voice(rule("L-1", "forbid", condition(to="x"), radius=radius), supports=supports)
        widening = voice(rule("L-1", "allow", condition(to="x"), radius=radius), supports=supports)
        assert (narrowing.hear(far, "allow", None) is not None) == forbids
        assert (widening.hear(far, "forbid", "allow") is not None) == allows


# --- the Experience ---------------------------------------------------------------------------------------------------

POLICY = policy_set(
    [parse('language 1\nallow pay(to) as known when to == "x"\nlearnable pay(to) as most\n', "policy.lw")]
)


def guarded(experience: Any, to: str) -> Any:
    return Guard(compile_policy(POLICY)).decide(ToolCall("pay", {"to": to}), Session(ANYONE), experience=experience)


def remembering(label: Label, to: str, policy_hash: str = POLICY.hash) -> Remembering:
    reader = Reader(POLICY)
    seen = reader.read("pay", None, {"to": to}, Session(ANYONE).facts)
    learned = rule("L-1", label, Condition("pay", (("arg to", (f'"{to}"',)),)), radius=0.0)
    snapshot = Snapshot("t", 3, policy_hash, (learned,), {"a": seen, "b": seen}, "digest")
    return Remembering(Voice(snapshot, ENCODER, Terms()), reader)


def test_a_voice_speaks_through_the_guard() -> None:
    narrowed = guarded(remembering("forbid", "x"), "x")
    assert (narrowed.effect, narrowed.rule, narrowed.reason, narrowed.memory_version) == ("ask", "L-1", "learned", 3)
    assert (narrowed.memory.base_rule, narrowed.memory.log_e, narrowed.memory.fired) == ("known", 5.0, ("L-1",))
    widened = guarded(remembering("allow", "y"), "y")
    assert (widened.effect, widened.rule) == ("allow", "L-1")
    assert guarded(remembering("allow", "y"), "z").effect == "forbid"


def test_a_snapshot_of_another_policy_says_nothing() -> None:
    assert guarded(remembering("forbid", "x", "sha256:other"), "x").memory is None
    assert guarded(remembering("forbid", "x", ""), "x").memory is not None


def test_a_hearing_keeps_the_context_that_it_read() -> None:
    hearing = Hearing(remembering("forbid", "x"))
    assert guarded(hearing, "x").memory == guarded(remembering("forbid", "x"), "x").memory
    assert hearing.context == Reader(POLICY).read("pay", None, {"to": "x"}, Session(ANYONE).facts)


# --- invariants 1, 15, 17 and 18 of the specification -----------------------------------------------------------------

attributes = st.dictionaries(st.sampled_from("abc"), st.sampled_from("xyz"), max_size=3)
contexts = st.builds(lambda has, words: context(words, **has), attributes, st.sampled_from(["", "rent", "pay rent"]))
conditions = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["x", "y", "x|y", "y|z"]), max_size=3).map(
    lambda tests: condition(**tests)
)
rules = st.builds(
    lambda label, on, phase, more: (label, on, phase, more),
    st.sampled_from(get_args(Label)),
    conditions,
    st.sampled_from(get_args(Phase) + ("active",) * 6),
    st.fixed_dictionaries(
        {
            "radius": st.sampled_from([0.0, 0.2, 0.4, 0.8]),
            "approved": st.sampled_from([1, 1, None]),
            "narrows_to": st.sampled_from(["ask", "forbid"]),
            "support": st.sampled_from([("a", "b"), ("c", "d", "e"), ("a",), ("f", "g", "h")]),
        }
    ),
)


@st.composite
def voices(draw: st.DrawFn) -> tuple[Voice, dict[str, Abstraction]]:
    made: dict[str, Abstraction] = {}
    for at, (label, on, phase, more) in enumerate(draw(st.lists(rules, max_size=6))):
        carved = draw(st.lists(st.sampled_from(sorted(made)), max_size=2, unique=True)) if made else []
        made[f"L-{at}"] = rule(f"L-{at}", label, on, phase=phase, exceptions=tuple(carved), **more)
    supports = draw(st.lists(contexts, min_size=8, max_size=8))
    return voice(*made.values(), supports=supports), made


def plainly(one: Abstraction, known: dict[str, Abstraction], seen: Context) -> bool:
    return one.condition.holds(seen) and not any(known[other].condition.holds(seen) for other in one.exceptions)


bases = st.sampled_from([("allow", None), ("ask", None), ("forbid", None), ("forbid", "allow"), ("forbid", "ask")])


@settings(max_examples=100)
@given(voices(), contexts, bases)
def test_whatever_is_known_nothing_exceeds_the_ceiling_the_phase_or_the_radius(
    made: tuple[Voice, dict[str, Abstraction]], seen: Context, asked: tuple[Effect, Effect | None]
) -> None:
    spoken, known = made
    base, ceiling = asked
    holding = [one for one in known.values() if plainly(one, known, seen)]
    assert spoken.fired(seen) == tuple(one.id for one in holding if one.phase != "retired")
    advice = spoken.hear(seen, base, ceiling)
    event(f"{base} {ceiling}: {None if advice is None else advice.effect}")
    if advice is None:
        return
    said = known[advice.abstraction]
    assert said in holding
    assert said.phase == "active"
    near = sorted(distance(seen, spoken.snapshot.supports[case], ENCODER) for case in said.support)
    assert near[1] <= said.radius * (FORBID_REACH if said.label == "forbid" else 1.0) + 1e-5
    if said.label == "allow":
        assert said.approved == said.version
        assert base == "forbid"
        assert advice.effect == ceiling
    else:
        assert STRICTNESS[advice.effect] > STRICTNESS[base]


@given(contexts, bases)
def test_a_memory_without_abstractions_says_nothing(seen: Context, asked: tuple[Effect, Effect | None]) -> None:
    assert voice().hear(seen, *asked) is None
    assert voice().fired(seen) == ()


def test_a_narrower_condition_fires_on_no_more(every: Callable[..., None]) -> None:
    def check(made: tuple[Voice, dict[str, Abstraction]], on: Condition, seen: Context, data: st.DataObject) -> None:
        _, known = made
        assume(known)
        id = data.draw(st.sampled_from(sorted(known)))
        old = dict(known[id].condition.tests)
        both = {name: set(values) & set(old.get(name, values)) for name, values in on.tests}
        assume(all(both.values()))
        narrower = Condition("pay", tuple(sorted({**old, **{n: tuple(sorted(v)) for n, v in both.items()}}.items())))
        assert narrower.implies(known[id].condition)
        new = {**known, id: replace(known[id], condition=narrower)}
        if id in voice(*new.values()).fired(seen):
            assert id in voice(*known.values()).fired(seen)

    every(60, check, voices(), conditions, contexts, st.data())
