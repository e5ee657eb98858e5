"""memory/context: what holds of a Context holds of the call, test by test, by the language's own engine."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hypothesis import event, given, settings
from hypothesis import strategies as st

from memory import Condition, Context
from memory.context import MOST_ATTRIBUTES, Reader, condition_of, decode, encode, read_back
from policy_dsl import Catalogue, Facts, parse, policy_set, spelling
from policy_dsl.compile import compile_condition

TOOLS = Catalogue.from_tools(
    [
        {
            "name": "send",
            "inputSchema": {
                "type": "object",
                "properties": {name: {} for name in ("to", "cc", "amount", "path", "tags", "extra")},
            },
        }
    ]
)
POLICY = policy_set(
    [
        parse(
            """language 1
levels open < secret < top
set own   = mail at { "corp.example" }
set sites = https under { "corp.example" }
set staff = { "ann", "bob", 7, true }
set small = 1 .. 500
set mixed = { "a@corp.example", false, 0.5 }
label results of read as secret(hr)
allow send(to, cc?, amount?, path?, tags?, extra?(...)) as known when to in staff and amount in small
ask send(to) as outside when to not in own
""",
            "policy.lw",
        )
    ],
    TOOLS,
)
READER = Reader(POLICY)
WORDS = READER.vocabulary
TEXTS = [
    "ann", "bob", "", "a@corp.example", "m@Evil.example", "a@corp.example.evil", "https://docs.corp.example/x",
    "https://evil.example", "/hr/pay.txt", "/hr", "/", "/hr/../etc", "//hr", "pay invoice 7", "yes", "\u202e",
    "q\"\\\n#",    "x" * 64, "x" * 65, "word " * 30, "true", "1", "null", "Ünï",
]  # fmt: skip
scalars = st.one_of(
    st.sampled_from(TEXTS),
    st.text(max_size=8),
    st.integers(-3, 12),
    st.sampled_from([10, 100, 999, 1_000, 10**15, 10**16, 10**80, -(10**9)]),
    st.sampled_from([Decimal(text) for text in ("1.0", "0.5", "9.99", "-0", "1E+3", "7.00", "1E-70", "0.1")]),
    st.booleans(),
    st.none(),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["to", "odd name", "x-y", "a.b", "not"]), inner)
    ),
    max_leaves=6,
)
names = st.sampled_from(["to", "cc", "amount", "path", "tags", "extra", "odd name", "time", 'q"u'])
calls = st.dictionaries(names, values, max_size=5)


class Labelled:
    """A history that only has labels."""

    def __init__(self, labels: frozenset[tuple[str, str | None]]) -> None:
        self.labels = labels

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


facts = st.builds(
    lambda agent, user, roles, said, labels: Facts(
        agent=agent, user=user, roles=frozenset(roles), user_words=tuple(said), history=Labelled(frozenset(labels))
    ),
    st.sampled_from([None, "bot", "other bot"]),
    st.sampled_from([None, "ada", 'b"ob']),
    st.sets(st.sampled_from(["lead", "hr desk"]), max_size=2),
    st.lists(st.sampled_from(["Please pay invoice 7 of ann", "mail a@corp.example 10"]), max_size=2),
    st.sets(st.sampled_from([("secret", "hr"), ("top", None), ("untrusted", None), ("open", None)]), max_size=2),
)


def read(call: dict[str, Any], known: Facts) -> Context:
    return READER.read("send", None, call, known)


def conditions(of: Context, other: Context, draw: st.DataObject) -> Condition:
    """Tests of what either context has, with the values of one or both."""
    seen: dict[str, set[str]] = {}
    for name, value in (*of.attributes, *other.attributes):
        seen.setdefault(name, set()).add(value)
    chosen = draw.draw(st.lists(st.sampled_from(sorted(seen)), max_size=4, unique=True)) if seen else []
    tests = []
    for name in sorted(chosen):
        values = draw.draw(st.lists(st.sampled_from(sorted(seen[name])), min_size=1, unique=True))
        tests.append((name, tuple(sorted(values))))
    return Condition("send", tuple(tests))


@settings(max_examples=200)
@given(calls, calls, facts, facts, st.data())
def test_a_condition_is_true_of_the_call_exactly_where_it_holds_for_its_context(
    call: dict[str, Any], other: dict[str, Any], known: Facts, unknown: Facts, data: st.DataObject
) -> None:
    context = read(call, known)
    condition = conditions(context, read(other, unknown), data)
    tree = condition_of(condition, WORDS)
    holds = condition.holds(context)
    event(f"holds: {holds}")
    says = True if tree is None else compile_condition(tree, POLICY)(call, known) is True
    assert says == holds or (says and len(context.attributes) == MOST_ATTRIBUTES)


@given(calls, facts)
def test_every_attribute_of_a_call_alone_is_true_of_it(call: dict[str, Any], known: Facts) -> None:
    context = read(call, known)
    assert list(context.attributes) == sorted(dict(context.attributes).items())
    for name, value in context.attributes:
        tree = condition_of(Condition("send", ((name, (value,)),)), WORDS)
        assert tree is not None
        assert compile_condition(tree, POLICY)(call, known) is True, spelling.condition(tree)


@settings(max_examples=150)
@given(calls, calls, facts, facts, st.data())
def test_the_text_of_a_condition_reads_back_as_the_condition(
    call: dict[str, Any], other: dict[str, Any], known: Facts, unknown: Facts, data: st.DataObject
) -> None:
    condition = conditions(read(call, known), read(other, unknown), data)
    tree = condition_of(condition, WORDS)
    if tree is None:
        return
    text = f"language 1\nforbid send when {spelling.condition(tree)}"
    [rule] = parse(text, "x.lw").statements
    again = dict(read_back(rule.when, "send", WORDS).tests)
    for name, values in condition.tests:
        # Both answers to one test say nothing where it is always answered, so nothing is written of it.
        assert again.get(name, values) == values or set(values) == {"true", "false"}
    assert set(again) <= set(dict(condition.tests))


@given(calls, facts, st.randoms(use_true_random=False))
def test_the_order_of_arguments_is_of_no_matter_and_bytes_read_back(
    call: dict[str, Any], known: Facts, chance: Any
) -> None:
    context = read(call, known)
    shuffled = list(call.items())
    chance.shuffle(shuffled)
    assert read(dict(shuffled), known) == context
    assert decode(encode(context)) == context
