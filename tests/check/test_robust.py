"""Whatever tree it is given, `check` raises nothing: a policy that a program proposes is a tree first, never a text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policy_dsl import Catalogue, PolicyFile, PolicySet, check
from policy_dsl import ast as a

SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.just(Decimal("1.5")) | st.sampled_from(["", "it", "x"])
NAMES = st.sampled_from(["a", "b", "list", "nested", "x", "it"])
PATHS = st.lists(NAMES | st.integers(0, 2), max_size=2).flatmap(lambda rest: NAMES.map(lambda name: (name, *rest)))
NAMED_TOOLS = st.lists(
    st.builds(a.ToolPattern, st.sampled_from([None, "s", ""]), st.sampled_from(["t", "u", "*", "t*", "", "none"]))
    | st.builds(a.GroupName, NAMES),
    min_size=1,
    max_size=2,
).map(tuple)
TARGETS = NAMED_TOOLS | st.just((a.IntentName("payment"),))
LABELS = st.builds(a.Label, NAMES, st.none() | NAMES)
VALUES = st.builds(a.Argument, PATHS) | st.builds(a.Element, NAMES, st.lists(NAMES, max_size=2).map(tuple))
LITERALS = st.builds(a.Literal, SCALARS)
OPERANDS: st.SearchStrategy[Any] = st.recursive(
    VALUES
    | LITERALS
    | st.builds(a.ListLiteral, st.lists(LITERALS, max_size=2).map(tuple))
    | st.builds(a.CallValue, PATHS)
    | st.builds(a.ResultValue, PATHS)
    | st.builds(a.Claim, NAMES)
    | st.builds(a.PrincipalPart, st.sampled_from(["tenant", "agent", "user"])),
    lambda inner: (
        st.builds(a.LengthOf, inner)
        | st.builds(a.NumberOf, inner)
        | st.builds(a.CounterValue, NAMES, st.lists(inner, max_size=2).map(tuple))
        | st.builds(a.Arithmetic, st.sampled_from(["+", "-", "*"]), inner, inner)
    ),
    max_leaves=3,
)
LITERAL_SETS = st.builds(a.SetLiteral, st.lists(SCALARS, max_size=3).map(tuple), st.lists(NAMES, max_size=1).map(tuple))
NAMED = LITERAL_SETS | st.builds(a.SetName, NAMES)
SETS = (
    NAMED
    | st.builds(a.RangeSet, st.integers(-2, 2), st.integers(-2, 2))
    | st.builds(a.MailSet, NAMED, st.booleans())
    | st.builds(a.WebSet, NAMED, st.booleans())
)
TEXTS = st.builds(a.TextOptions, st.booleans(), st.booleans())
LEAVES: st.SearchStrategy[Any] = (
    st.builds(a.Compare, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), OPERANDS, OPERANDS, TEXTS)
    | st.builds(a.Member, OPERANDS, SETS, TEXTS)
    | st.builds(a.Matches, OPERANDS, st.sampled_from([".*", "a+", "", "(a{1,999}){1,999}"]), st.booleans())
    | st.builds(a.Like, OPERANDS, st.sampled_from(["", "*", "a?"]), TEXTS)
    | st.builds(a.MultipleOf, OPERANDS, st.just(Decimal("0.5")))
    | st.builds(a.HasRole, NAMES)
    | st.builds(a.TimeBetween, st.just(0), st.just(60), st.just(()), st.just("UTC"))
    | st.builds(a.SessionHas, LABELS)
    | st.builds(a.SessionExceeds, st.lists(LABELS, max_size=2).map(tuple))
    | st.builds(a.FromResults, OPERANDS, NAMED_TOOLS)
    | st.builds(a.DerivedFrom, OPERANDS, st.just("untrusted") | LABELS | NAMED_TOOLS)
    | st.builds(a.MacroUse, NAMES, st.lists(OPERANDS, max_size=2).map(tuple))
    | st.builds(a.Holds, st.sampled_from(["starts with", "ends with", "contains"]), OPERANDS, OPERANDS, TEXTS)
    | st.builds(a.Under, OPERANDS, NAMED)
    | st.builds(a.Runs, st.sampled_from(["one of", "none of"]), OPERANDS, NAMED)
    | st.builds(a.IsType, OPERANDS, st.sampled_from(list(a.JsonType)))
    | st.builds(a.Presence, st.sampled_from(["has", "missing", "absent"]), VALUES)
    | st.builds(a.FromUser, OPERANDS)
    | st.builds(a.RuleRef, NAMES)
    | st.builds(a.Constant, st.booleans())
)


def events(conditions: st.SearchStrategy[Any]) -> st.SearchStrategy[a.Event]:
    return st.builds(a.Event, st.sampled_from(list(a.EventKind)), TARGETS, st.none() | conditions)


CONDITIONS: st.SearchStrategy[Any] = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(a.And, st.lists(inner, max_size=3).map(tuple))
        | st.builds(a.Or, st.lists(inner, max_size=3).map(tuple))
        | st.builds(a.Not, inner)
        | st.builds(a.Quantified, st.sampled_from(["each", "any"]), VALUES, NAMES, inner)
        | st.builds(a.IfThen, inner, inner, st.none() | inner)
        | st.builds(
            a.Happened, st.sampled_from(["after", "before", "just after"]), events(inner), st.none() | events(inner)
        )
    ),
    max_leaves=6,
)
SIGNATURES: st.SearchStrategy[Any] = st.recursive(
    st.just(a.Signature((), open=True)),
    lambda inner: st.builds(
        a.Signature,
        st.lists(st.builds(a.NamedArgument, NAMES, st.booleans(), st.none() | inner), max_size=3).map(tuple),
        st.booleans(),
    ),
    max_leaves=3,
)


@st.composite
def rules(draw: st.DrawFn) -> a.Rule:
    effect = draw(st.sampled_from(list(a.Effect)))
    return a.Rule(
        effect,
        draw(TARGETS),
        draw(SIGNATURES) if effect in (a.Effect.ALLOW, a.Effect.ASK) else None,
        draw(st.none() | CONDITIONS),
        draw(st.none() | CONDITIONS),
        draw(st.none() | NAMES),
        draw(st.integers(0, 1)),
        shadow=draw(st.booleans()),
    )


CHANGES = (
    st.builds(a.SetArgument, PATHS, OPERANDS)
    | st.builds(a.RemoveArgument, PATHS)
    | st.builds(a.RedactArgument, PATHS, st.just("a+"), st.just("b"))
)
KEYS = st.lists(OPERANDS, max_size=2).map(tuple)
SCOPED: st.SearchStrategy[Any] = (
    rules()
    | st.builds(
        a.CounterDefinition,
        NAMES,
        st.sampled_from(["count", "sum", "max", "distinct"]),
        st.none() | OPERANDS,
        events(CONDITIONS),
        KEYS,
        st.just("session"),
        st.none(),
        st.none() | events(CONDITIONS),
    )
    | st.builds(
        a.Limit,
        TARGETS,
        OPERANDS,
        st.none() | OPERANDS,
        st.sampled_from(list(a.EventKind)),
        KEYS,
        st.just("session"),
        st.none(),
        st.none() | CONDITIONS,
    )
    | st.builds(
        a.Rewrite,
        NAMED_TOOLS,
        st.lists(CHANGES, min_size=1, max_size=2).map(tuple),
        st.none() | CONDITIONS,
        st.none() | CONDITIONS,
    )
    | st.builds(a.Clearance, TARGETS, st.lists(LABELS, max_size=2).map(tuple))
    | st.builds(a.Hide, NAMED_TOOLS)
)


STATEMENTS = (
    SCOPED
    | st.builds(a.ScopeBlock, st.just(a.Scope(agents=("a",))), st.lists(SCOPED, max_size=2).map(tuple))
    | st.builds(a.GroupDefinition, NAMES, NAMED_TOOLS)
    | st.builds(a.Macro, NAMES, st.lists(NAMES, max_size=2, unique=True).map(tuple), CONDITIONS)
    | st.builds(a.Levels, st.lists(NAMES, max_size=3, unique=True).map(tuple))
    | st.builds(a.LabelResults, NAMED_TOOLS, st.none() | CONDITIONS, LABELS, st.none() | CONDITIONS)
    | st.builds(a.TrustResults, NAMED_TOOLS, st.booleans())
    | st.builds(a.RedactResults, NAMED_TOOLS, st.just("a+"), st.just("b"))
    | st.builds(a.SetDefinition, NAMES, SETS)
    | st.builds(a.Otherwise, st.none())
)
LEAF_SCHEMAS = st.sampled_from(
    [{"type": "string"}, {"enum": ["x", 1]}, {"type": "integer"}, {"type": "dict"}, {}, False]
)
SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    LEAF_SCHEMAS,
    lambda inner: (
        st.builds(lambda items: {"type": "array", "items": items}, inner)
        | st.builds(
            lambda properties, further: {"properties": properties, "additionalProperties": further},
            st.dictionaries(NAMES, inner, max_size=3),
            st.booleans(),
        )
        | st.builds(lambda branches: {"anyOf": branches}, st.lists(inner, min_size=1, max_size=2))
    ),
    max_leaves=5,
)


@given(st.lists(STATEMENTS, max_size=5), SCHEMAS, SCHEMAS, st.sampled_from([None, "s"]))
@settings(print_blob=True, max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_check_never_raises(statements: list[a.Statement], one: Any, other: Any, server: str | None) -> None:
    file = PolicyFile("p.lw", 1, tuple(statements), "language 1\n")
    sets = {statement.name: statement.value for statement in statements if isinstance(statement, a.SetDefinition)}
    catalogue = Catalogue.from_tools([{"name": "t", "parameters": one}, {"name": "u", "parameters": other}], server)
    policy = PolicySet((file,), {}, sets, {}, (), "", catalogue)
    for finding in check(policy, now=0):
        assert finding.render()
        assert finding.message[0] == finding.message[0].lower()
        assert not finding.message.endswith(".")
