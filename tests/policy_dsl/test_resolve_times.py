"""Validity, zones, layers, labels, and what else of a PolicySet no rule shows.

Names resolve/{times,labels,collected,names,faults,intent_maps}.py.
"""

from __future__ import annotations

import pytest

from policy_dsl import (
    And,
    BundleError,
    Compare,
    Label,
    Literal,
    PolicySet,
    SetArgument,
    Tally,
    TimeWithin,
    parse,
    policy_set,
)
from policy_dsl.ast import Calendar, CounterDefinition, Event, EventKind, Layer, PolicyFile, Rule, Validity


def _policy(*texts: str) -> PolicySet:
    return policy_set([parse(f"language 1\n{text}", f"f{n}.lw") for n, text in enumerate(texts)])


@pytest.mark.parametrize(
    ("clause", "start", "end"),
    [
        ('valid from "2026-01-01T00:00Z"', 1_767_225_600_000_000, None),
        ('valid until "2026-01-01T01:00:00.000001+01:00"', None, 1_767_225_600_000_001),
        ('valid from "1969-12-31T23:59:59Z" until "2026-01-01T00:00Z"', -1_000_000, 1_767_225_600_000_000),
    ],
)
def test_a_validity_is_a_test_of_the_clock(clause: str, start: int | None, end: int | None) -> None:
    when = _policy(f"forbid f as r when a == 1 and b == 2 {clause}").rules["r"].when
    assert isinstance(when, And)
    assert when.items[0] == TimeWithin(start, end)
    assert len(when.items) == 3
    assert _policy(f"forbid f as r {clause}").rules["r"].when == TimeWithin(start, end)


def test_the_name_of_a_rule_is_not_its_validity() -> None:
    policy = _policy('forbid f as r when a == 1 valid from "2026-01-01T00:00Z"\nforbid g as q when r')
    assert isinstance(policy.rules["q"].when, Compare)


@pytest.mark.parametrize("text", ["2026-01-01", "soon", "2026-01-01T00:00", "0001-01-01T00:00+23:00"])
def test_a_moment_in_a_tree_built_by_hand_is_held_to_the_same(text: str) -> None:
    rule = parse("language 1\nforbid f").statements[0]
    assert isinstance(rule, Rule)
    built = Rule(rule.effect, rule.tools, None, None, None, validity=Validity(start=text))
    with pytest.raises(BundleError) as caught:
        policy_set([PolicyFile("a.lw", 1, (built,), "")])
    assert caught.value.code == "bad-time"


def test_a_zone_in_a_tree_built_by_hand_is_held_to_the_same() -> None:
    counter = CounterDefinition(
        "n", "count", None, Event(EventKind.RELEASED, ()), (), "agent", Calendar("day", "/etc/localtime")
    )
    with pytest.raises(BundleError) as caught:
        policy_set([PolicyFile("a.lw", 1, (counter,), "")])
    assert caught.value.code == "unknown-zone"


# --- layers ---------------------------------------------------------------------------------------------------------


def test_every_rule_is_of_the_layer_of_its_file() -> None:
    policy = _policy(
        "allow f() as top",
        'layer team\nforbid f as lower\notherwise forbid message "team"',
        "layer run\nlimit f to 5 released per session as few\nlevels low\nclearance of f is none as out\n"
        "counter n = sum(a) of released f per session",
    )
    assert {id: rule.layer for id, rule in policy.rules.items()} == {
        "top": "organisation",
        "lower": "team",
        "few": "run",
        "out": "run",
        "counter:n": "run",
    }
    assert policy.otherwise == {"team": "team"}


def test_two_layers_may_each_end_otherwise() -> None:
    assert _policy("otherwise forbid", "layer agent\notherwise forbid").otherwise == {
        "organisation": None,
        "agent": None,
    }


@pytest.mark.parametrize("layers", [(Layer("team"), Layer("run")), (Layer("boardroom"),)])
def test_a_file_is_of_one_known_layer(layers: tuple[Layer, ...]) -> None:
    with pytest.raises(BundleError) as caught:
        policy_set([PolicyFile("a.lw", 1, layers, "")])
    assert caught.value.code == "no-layer"


# --- results, rewrites, lists of tools ------------------------------------------------------------------------------


def test_statements_about_results_are_resolved() -> None:
    policy = _policy(
        'levels low < high\ngroup gs = { a, b_* }\nset roots = { "/hr" }\n'
        'label results of gs(path under roots) as high(hr) when result contains "x"\n'
        "trust results of { gs, c }\ntrust claimed results of d\n"
        'redact results of gs matching /[0-9]+/ with "#"\n'
        'for agent "x" { hide gs }'
    )
    assert policy.levels == ("low", "high")
    assert policy.labels[0].label == Label("high", "hr")
    for statement in (policy.labels[0], policy.redactions[0], policy.hidden[0]):
        assert [tool.tool for tool in statement.tools if hasattr(tool, "tool")] == ["a", "b_*"]
    assert [trust.claimed for trust in policy.trust] == [False, True]
    assert policy.hidden[0].scope.agents == ("x",)


def test_rewrites_stand_under_their_ids_and_ask_the_session_by_place() -> None:
    policy = _policy(
        "counter n = count of released f per session\ngroup gs = { f, g }\n"
        "rewrite gs set size = counter n + 1 as sized when after released g\n"
        'for role "r" { rewrite f remove cc }'
    )
    assert list(policy.rewrites) == ["f0:5", "sized"]
    [change] = policy.rewrites["sized"].changes
    assert isinstance(change, SetArgument)
    assert not isinstance(change.value, Literal)
    assert isinstance(change.value.left, Tally)  # type: ignore[union-attr]  # it is a sum, or this fails
    assert policy.rewrites["f0:5"].scope.roles == ("r",)


def test_the_hash_covers_every_statement() -> None:
    """Each of these, and each without one of its parts, is another policy."""
    texts = [
        "forbid f as r",
        "shadow forbid f as r",
        'forbid f as r ticket "A-1"',
        "forbid f as r end session",
        'forbid f as r valid from "2026-01-01T00:00Z"',
        'forbid f as r valid from "2026-01-02T00:00Z"',
        "layer team\nforbid f as r",
        "forbid f as r\nlimit f to 5 released per session as few",
        "forbid f as r\nlimit f to 6 released per session as few",
        "forbid f as r\nshadow limit f to 6 released per session as few",
        "forbid f as r\nlevels low < high",
        "forbid f as r\ntrust results of f",
        "forbid f as r\ntrust claimed results of f",
        "forbid f as r\nlabel results of f as x",
        'forbid f as r\nredact results of f matching /x/ with "y"',
        'forbid f as r\nredact results of f matching /x/ with "z"',
        "forbid f as r\nhide f",
        "forbid f as r\nhide g",
        "forbid f as r\nrewrite f remove cc as w",
        "forbid f as r\nrewrite f remove bcc as w",
        "forbid f as r\nclearance of f is none as c",
        "forbid f as r\ncounter n = count of released f per session",
        "forbid f as r\ncounter n = count of requested f per session",
        "forbid f as r\ndefine d = 0 == 0",
        'forbid f as r\nintent payment 1 from f { asset = "EUR", amount = a, to = b, rail = "x" }',
        'forbid f as r\nintent payment 1 from f { asset = "EUR", amount = a, to = b, rail = "x" } ignoring { c }',
    ]
    assert len({_policy(text).hash for text in texts}) == len(texts)
