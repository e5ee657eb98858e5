"""policy_dsl/resolve/learned.py: learned allows inside learnables, ids, states, scopes and the hash."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_dsl import BundleError, PolicySet, parse, policy_set
from policy_dsl.compile.binding import Patterns
from policy_dsl.resolve.learned import covers

EVIDENCE = "evidence 2 for, 0 against, 2 reporters; bound 0.7 >= 0.6 (beta, 5%); e-value 3; support 0; state "


def policy(*texts: str) -> PolicySet:
    return policy_set([parse(f"language 1\n{text}", f"file{number}.lw") for number, text in enumerate(texts)])


def learned(ceiling: str, rule: str) -> Any:
    """The one rule that a learned allow became, None where it fits nothing."""
    found = policy(f"learnable {ceiling}", f"learned allow {rule} {EVIDENCE}active").rules
    assert len(found) <= 1
    return next(iter(found.values()), None)


def test_a_learnable_is_no_rule_and_has_an_id() -> None:
    found = policy("learnable f() as more\nlearnable g()\nallow h()")
    assert list(found.rules) == ["file0:4"]
    assert list(found.learnable) == ["file0:3", "more"]
    assert {rule.origin for rule in found.learnable.values()} == {"learnable"}


def test_ids_are_unique_with_those_of_rules() -> None:
    for other in ("allow g() as n", "hide x\nlimit g to 1 released per session as n", "learnable g() as n"):
        with pytest.raises(BundleError) as caught:
            policy(f"learnable f() as n\n{other}")
        assert caught.value.code in ("defined-twice", "two-meanings")
    with pytest.raises(BundleError, match="two learnables without a name begin on this line"):
        policy("learnable f() learnable g()")


def test_the_hash_covers_learnables() -> None:
    hashes = [policy(text).hash for text in ("allow h()", "allow h()\nlearnable f()", "allow h()\nlearnable f(a)")]
    hashes += [policy(f"allow h()\n{gap}learnable f()").hash for gap in ("\n", "# a comment\n")]  # the id is the line
    assert len(set(hashes)) == 4
    evidence = [policy(f"learned forbid f as n {EVIDENCE}{state}").hash for state in ("active", "shadow")]
    assert len(set(evidence)) == 2


@pytest.mark.parametrize("state", ["shadow", "pending", "active", "contested", "dormant", "retired"])
def test_only_active_rules_decide(state: str) -> None:
    text = f"learnable f(a)\nlearned allow f(...) as o {EVIDENCE}{state}\nlearned forbid g as n {EVIDENCE}{state}"
    rules = policy(text).rules
    assert set(rules) == {"o/file0:2", "n"}
    assert {rule.shadow for rule in rules.values()} == {state != "active"}
    assert {rule.origin for rule in rules.values()} == {"learned"}


@pytest.mark.parametrize(
    ("ceiling", "rule", "tools"),
    [
        ("f()", "f(...)", "f"),
        ("get_*()", "get_mail(...)", "get_mail"),
        ("get_mail()", "get_*(...)", "get_mail"),
        ("get_*()", "get_m*(...)", "get_m*"),
        ("*()", "*(...)", "*"),
        ("srv/f()", "f(...)", "srv/f"),
        ("f()", "srv/f(...)", "srv/f"),
        ("srv/*()", "srv/f(...)", "srv/f"),
        ("{ f, g }()", "{ g, h }(...)", "g"),
        ("other/f()", "srv/f(...)", None),
        ("g()", "f(...)", None),
        ("get_*()", "*_mail(...)", None),  # what both name cannot be written as one pattern
    ],
)
def test_the_tools_that_both_name(ceiling: str, rule: str, tools: str | None) -> None:
    found = learned(ceiling, rule)
    shown = None if found is None else ", ".join(f"{t.server}/{t.tool}" if t.server else t.tool for t in found.tools)
    assert shown == tools


@pytest.mark.parametrize(
    ("ceiling", "rule", "scope"),
    [
        ('for agent "a" { learnable f() }', "", ("a",)),
        ("learnable f()", 'agent "a"', ("a",)),
        ('for agent { "a", "b" } { learnable f() }', 'agent { "b", "c" }', ("b",)),
        ('for agent "a" { learnable f() }', 'agent "b"', None),
        ('for role "r" { learnable f() }', 'role "s"', None),
    ],
)
def test_the_parties_that_both_name(ceiling: str, rule: str, scope: tuple[str, ...] | None) -> None:
    text = f"learned allow f(...) as n {EVIDENCE}active"
    rules = policy(ceiling, f"for {rule} {{ {text} }}" if rule else text).rules
    assert [one.scope.agents for one in rules.values()] == ([] if scope is None else [scope])


def test_signature_layer_and_validity_are_the_learnables() -> None:
    found = policy(
        'layer team\nlearnable f(a, b?) as more when a == 1 unless b == 2 valid until "2030-01-01T00:00Z"',
        f"learned allow f(...) as n when a == 3 unless b == 4 {EVIDENCE}active",
    )
    rule, ceiling = found.rules["n/more"], found.learnable["more"]
    assert (rule.signature, rule.layer, rule.priority) == (ceiling.signature, "team", 0)
    assert repr(ceiling.when) in repr(rule.when)
    assert repr(ceiling.unless) in repr(rule.unless)


def test_every_learnable_that_fits_and_intents() -> None:
    found = policy(
        'intent payment 1 from pay { amount = amount, to = to, asset = "EUR", rail = "sepa" }\n'
        "learnable intent payment(...) as any-payment\nlearnable pay(to, amount) as small when amount < 5",
        f"learned allow pay(...) as n when to == 1 {EVIDENCE}active",
    )
    assert set(found.learnable) == {"any-payment/pay", "small"}
    assert set(found.rules) == {"n/any-payment/pay", "n/small"}


def test_nothing_written_rests_on_what_is_learned() -> None:
    for rule, said in (("learned forbid f as n when a == 1 " + EVIDENCE + "active", "learned rule"),
                       ("learnable f(a) as n when a == 1", "learnable")):  # fmt: skip
        with pytest.raises(BundleError) as caught:
            policy(f"{rule}\nallow g(a) when n")
        assert caught.value.code == "no-rule"
        assert f"`n` is a {said}" in caught.value.message


def test_a_test_names_the_rule_inside_the_learnable() -> None:
    text = f'learnable f(a) as more\nlearned allow f(...) as n {EVIDENCE}active\ntest "t" {{ call f(a: 1) => allow by '
    policy(f'{text}"n/more" }}')
    with pytest.raises(BundleError) as caught:
        policy(f"{text}n }}")
    assert caught.value.help == 'a learned allow is one for each learnable: `by "n/more"`'


NAMES = st.text("ab/", max_size=4)
GLOBS = st.text("ab*", min_size=1, max_size=4)
EVERY = ["".join(letters) for length in range(4) for letters in product("ab/", repeat=length)]


@given(GLOBS, GLOBS)
def test_a_pattern_that_covers_another_fits_all_its_names(wide: str, narrow: str) -> None:
    def fits(glob: str, name: str) -> bool:
        (rule,) = policy(f'forbid "{glob}"').rules.values()
        return bool(Patterns({"r": rule}).fitting(None, name))

    if covers(wide, narrow):
        assert all(fits(wide, name) for name in EVERY if fits(narrow, name))
    assert covers(wide, wide)
    if "*" not in wide:
        assert covers(wide, narrow) is (wide == narrow)
