"""What is short for something says exactly that: defines, rules on intents, limits, clearances, guards (same.yaml).

Names resolve/{macros,substitution,intents,sugar,writing,whole,memory}.py.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from policy_dsl import ABOVE_ALL, Argument, Literal, PolicySet, Rule, Tally, limit_of, parse, policy_set

SAME = yaml.safe_load((Path(__file__).parent / "bundles" / "same.yaml").read_text(encoding="utf-8"))


def _policy(text: str) -> PolicySet:
    return policy_set([parse(f"language 1\n{text}", "page.lw")])


def _said(rule: Rule) -> tuple[object, ...]:
    return rule.effect, frozenset(rule.tools), rule.signature, rule.when, rule.unless, rule.message


@pytest.mark.parametrize("case", SAME, ids=lambda case: case["note"])
def test_the_short_says_what_the_long_says(case: dict[str, Any]) -> None:
    maps = case.get("maps", "")
    short, long = _policy(maps + case["short"]), _policy(maps + case["long"])
    written = {id.replace("counter__", "counter:").replace("__", "/"): rule for id, rule in long.rules.items()}
    ids = case.get("ids", [id for id in written if not id.startswith("counter:")])
    origin = case.get("origin", "written")
    found = {id: rule for id, rule in short.rules.items() if rule.origin == origin}
    assert sorted(ids) == sorted(found) or "compared" in case
    assert {rule.priority for rule in found.values()} <= {0 if origin == "written" else ABOVE_ALL}
    for id in case.get("compared", ids):
        assert _said(found[id]) == _said(written[id])
    if origin != "counter":
        assert {tracker.id for tracker in short.trackers} >= {tracker.id for tracker in long.trackers}


def test_what_is_left_of_a_limit_is_read_from_its_rule() -> None:
    policy = _policy(
        'intent payment 1 from send { asset = "EUR", amount = amount, to = iban, rail = "sepa" }\n'
        "counter n = count of released f per session\n"
        "limit f to 20 of size released by to per session as many when counter n + 1 > 5 and not (counter n + 2 > 9)\n"
        "limit intent payment to 100 of amount released by to per session as paid when has asset\n"
        "forbid f as plain when counter n + 1 > 5"
    )
    many, paid = limit_of(policy.rules["many"]), limit_of(policy.rules["paid/send"])
    assert many is not None
    assert paid is not None
    assert (many[0].keys, many[1]) == ((Argument(("to",)),), Literal(20))
    assert (paid[0].keys, paid[1]) == ((Argument(("iban",)),), Literal(100))
    assert policy.trackers[many[0].tracker].measure == policy.trackers[paid[0].tracker].measure == "sum"
    assert isinstance(many[0], Tally)
    assert limit_of(policy.rules["plain"]) is None
