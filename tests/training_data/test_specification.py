"""policy_dsl/knowledge/specification.py: the four kinds, the rule ids and the places."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from policy_dsl import load, parse, policy_set
from policy_dsl.knowledge import Kind, sentences, specifications, unnamed

ROOT = Path(__file__).resolve().parents[2]
POLICIES = sorted(path for path in (ROOT / "examples").rglob("*.lw") if path.name != "spending.lw")


def _kind(text: str) -> list[str]:
    return [one.kind for one in specifications(policy_set([parse(f"language 1\n{text}\n", "policy.lw")]))]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('set a = { "x" }', Kind.FACTUAL),
        ("trust results of get", Kind.FACTUAL),
        ("allow get(id)", Kind.BEHAVIOURAL),
        ("hide delete_*", Kind.BEHAVIOURAL),
        ("otherwise forbid", Kind.BEHAVIOURAL),
        ("allow pay(amount) when amount <= 5", Kind.SIMPLE),
        ("allow pay(amount) when amount > 0 and amount <= 5", Kind.SIMPLE),
        ("forbid pay when principal has role \"guest\"", Kind.SIMPLE),
        ("allow pay(amount, to) when amount <= 5 and to == \"a\"", Kind.COMPLEX),
        ("allow pay(a) when a > 5 and (a < 7 or a == 9)", Kind.COMPLEX),
        ("forbid pay when after released pay", Kind.COMPLEX),
        ("allow pay(to) when to from user", Kind.COMPLEX),
        ("limit pay to 5 released per session", Kind.COMPLEX),
    ],
)  # fmt: skip
def test_a_statement_is_of_its_kind(text: str, kind: Kind) -> None:
    assert _kind(text) == [kind]


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_rule_of_the_examples_has_a_sentence_and_a_place(path: Path) -> None:
    policy = load([path])
    told = sentences(policy, 1)
    assert set(told) >= set(policy.rules)
    for one in specifications(policy):
        file, line = one.place.rsplit(":", 1)
        assert file in {each.path for each in policy.files}
        assert int(line) > 0


def test_a_rule_without_a_name_is_marked_by_its_id_and_a_scope_is_told() -> None:
    text = 'language 1\nforbid pay\nfor agent "a" {\n  forbid pay as named\n}\n'
    first, second = specifications(policy_set([parse(text, "policy.lw")]))
    assert first.rules == ("policy:2",)
    assert first.sentence(random.Random(0)).startswith("[policy:2] ")
    assert "only: [" in second.sentence(random.Random(0))
    assert "named" not in unnamed(second).sentence(random.Random(0))
