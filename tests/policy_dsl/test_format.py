"""The formatter: what it writes parses to the same tree, formatting again changes nothing, comments stay."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import encode_json, format, parse
from policy_dsl.ast import (
    ALWAYS,
    EVERYONE,
    LAYERS,
    UNCONDITIONAL,
    And,
    Calendar,
    CallExpectation,
    Clearance,
    Compare,
    Condition,
    CounterDefinition,
    Duration,
    Effect,
    Event,
    EventKind,
    Ever,
    Given,
    GivenLabel,
    GroupDefinition,
    GroupName,
    Hide,
    Import,
    IntentMap,
    IntentName,
    Label,
    LabelResults,
    Layer,
    Levels,
    Limit,
    Literal,
    Macro,
    MailSet,
    Metadata,
    MoveClock,
    NamedArgument,
    Otherwise,
    PolicyFile,
    RangeSet,
    RedactArgument,
    RedactResults,
    RemoveArgument,
    ResultValue,
    Rewrite,
    Rule,
    Scope,
    ScopeBlock,
    SetArgument,
    SetDefinition,
    SetLiteral,
    SetName,
    Signature,
    Sliding,
    Statement,
    Terms,
    TestBlock,
    ToolPattern,
    TrustResults,
    UserSays,
    UseTools,
    Validity,
    WebSet,
)
from policy_dsl.format import canonical
from policy_dsl.format_conditions import WIDTH
from policy_dsl.words import NOT_NAMES

HERE = Path(__file__).parent

# --- the corpus -----------------------------------------------------------------------------------------------------


def test_a_policy_survives_formatting(policy_path: Path, policy_text: str) -> None:
    file = parse(policy_text, str(policy_path))
    formatted = format(file)
    again = parse(formatted, str(policy_path))
    assert repr(again.statements) == repr(file.statements)  # repr: True and 1 are equal in Python, not in the language
    assert again == file
    assert [comment.text for comment in again.comments] == [comment.text for comment in file.comments]
    assert format(again) == formatted


def test_canonical_text_says_the_same_without_comments(policy_text: str) -> None:
    file = parse(policy_text)
    text = canonical(file)
    assert parse(text) == file
    assert parse(text).comments == ()
    assert canonical(parse(text)) == text == canonical(parse(format(file)))


@pytest.mark.parametrize("golden", sorted((HERE / "formatted").glob("*.lw")), ids=lambda path: path.stem)
def test_the_layout_is_the_one_on_file(golden: Path) -> None:
    assert format(parse((HERE / "corpus" / golden.name).read_bytes().decode())) == golden.read_text()


def test_lines_are_narrow_where_the_words_allow(policy_text: str) -> None:
    for line in format(parse(policy_text)).splitlines():
        code = line.split("  #")[0]
        unbreakable = code.lstrip().startswith(("message ", "use tools ", "test ", "call ", "otherwise ", "#"))
        assert len(code) <= WIDTH or unbreakable


def test_the_layout_is_final_wherever_comments_stand(policy_text: str) -> None:
    """A comment after one token and another, on its own line and not: it is kept, and a second pass changes nothing."""
    file = parse(policy_text)
    ends = sorted(set(_token_ends(policy_text)))
    for style in (" # planted\n", "\n# planted\n"):
        for at in ends[:: max(1, len(ends) // 12)]:
            marked = parse(policy_text[:at] + style + policy_text[at:])
            once = format(marked)
            assert parse(once) == file
            assert sum(comment.text == "# planted" for comment in parse(once).comments) == 1
            assert format(parse(once)) == once


def _token_ends(text: str) -> list[int]:
    from policy_dsl.parse import grammar

    return [token.end_pos for token in grammar().parse_interactive(text).iter_parse() if token.end_pos is not None]


# --- any tree -------------------------------------------------------------------------------------------------------

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
bare = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,5}(-[A-Za-z0-9_]{1,3}){0,2}", fullmatch=True)
names = bare.filter(lambda name: name not in NOT_NAMES and name != "it")
keys = st.one_of(bare, texts)
whole = st.one_of(st.integers(-5, 5), st.integers(-(10**12), 10**12))
decimals = st.decimals(min_value=-(10**6), max_value=10**6, places=4, allow_nan=False, allow_infinity=False)
numbers = st.one_of(whole, decimals)
scalars = st.one_of(st.none(), st.booleans(), numbers, texts)
steps = st.lists(st.one_of(keys, st.integers(0, 99)), max_size=3).map(tuple)


members = scalars.filter(lambda value: value is not None)


def literal_sets(values: st.SearchStrategy[Any]) -> st.SearchStrategy[SetLiteral]:
    return st.builds(
        SetLiteral, st.lists(values, max_size=4).map(tuple), st.lists(names, max_size=2).map(tuple)
    ).filter(lambda made: bool(made.items or made.names))


named_sets = st.builds(SetName, names)
text_sets = st.one_of(literal_sets(texts), named_sets)
ranges = st.tuples(numbers, numbers).map(lambda pair: RangeSet(min(pair), max(pair)))
value_sets = st.one_of(
    literal_sets(members), named_sets, ranges, st.builds(MailSet, text_sets, st.booleans()),
    st.builds(WebSet, text_sets, st.booleans()),
)  # fmt: skip
nonempty = texts.filter(bool)
tool_words = st.one_of(st.from_regex(r"[a-z0-9_*][a-z0-9_*.-]{0,6}", fullmatch=True), nonempty, st.just("intent"))
tools = st.builds(ToolPattern, st.one_of(st.none(), nonempty.filter(lambda name: "*" not in name)), tool_words)
GROUP = "the-group"
named_tools = st.one_of(tools.filter(lambda tool: tool.tool != GROUP), st.just(GroupName(GROUP)))
tool_lists = st.lists(named_tools, min_size=1, max_size=4).map(tuple)
target_lists = st.lists(st.one_of(named_tools, st.builds(IntentName, names)), min_size=1, max_size=4).map(tuple)
labels = st.builds(Label, names, st.one_of(st.none(), names))
durations = st.builds(Duration, st.integers(1, 100_000), st.sampled_from(["second", "minute", "hour", "day", "week"]))
zones = st.sampled_from(["UTC", "Europe/Berlin"])
POOL = [
    "a == 1",
    'x not in { "a", s } and has b.c',
    "small(amount, 500) or night",
    "(if a == 1 then b == 2 else c == 3) and not session has secret(hr)",
    "after released { f, intent payment }(path == call.path and size > 5) until refused g within 10 minutes",
    "each of xs as x (x.amount <= counter spent + 5 or x not from results of get_contacts)",
    'time between 22:00 and 06:00 on { saturday } in "UTC" or principal user == claim "u"',
    'a_long_name_of_an_argument matches /[a-z\\/]+/ and another_long_name like "*.txt" ignoring case and has a_third',
]


def _condition(text: str) -> Condition:
    (rule,) = parse(f"language 1\nforbid f when {text}").statements
    assert isinstance(rule, Rule)
    assert rule.when is not None
    return rule.when


def _operand(text: str) -> Any:
    test = _condition(f"{text} == 1")
    assert isinstance(test, Compare)
    return test.left


conditions = st.sampled_from([_condition(text) for text in POOL])
answered = st.just(And((_condition("a == 1"), Compare("==", ResultValue(("id", 0)), Literal(1)))))
operands = st.sampled_from(
    [
        _operand(text)
        for text in ("amount", "(a + 2) * b.c", '"x"', "1_000", "number of x", 'claim "c"', "counter n[a, b]")
    ]
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    condition = draw(st.one_of(st.none(), st.sampled_from([_condition("a == 1"), _condition("a == 1 and b is text")])))
    return Event(draw(st.sampled_from(list(EventKind))), draw(target_lists), condition)


def signatures(depth: int = 2) -> st.SearchStrategy[Signature]:
    inner = st.one_of(st.none(), signatures(depth - 1)) if depth else st.none()
    listed = st.lists(
        st.builds(NamedArgument, keys, st.booleans(), inner), max_size=4, unique_by=lambda item: item.name
    )
    return st.builds(Signature, listed.map(tuple), st.booleans())


party = st.lists(nonempty, max_size=2).map(tuple)
scopes = st.builds(Scope, party, party, party, party, party).filter(lambda scope: not scope.is_everyone)
messages = st.one_of(
    texts.map(lambda text: text.replace("{", "{{").replace("}", "}}")), st.sampled_from(["{tool} {{x}}", "{reason}"])
)
maybe_message = st.one_of(st.none(), messages)
maybe_text = st.one_of(st.none(), texts)
maybe_name = st.one_of(st.none(), names)
MOMENTS = ["2026-11-20T10:00Z", "2027-01-01T00:00:00.5+01:00"]
validities = st.sampled_from([ALWAYS, Validity(MOMENTS[0]), Validity(None, MOMENTS[1]), Validity(*MOMENTS)])
terms = st.builds(Terms, maybe_message, st.one_of(st.none(), durations), st.one_of(st.none(), st.integers(1, 9)))
metadata = st.builds(Metadata, maybe_text, maybe_text, maybe_text)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    effect = draw(st.sampled_from(list(Effect)))
    closed = effect in (Effect.ALLOW, Effect.ASK)
    asks = effect in (Effect.ASK, Effect.REQUIRE_APPROVAL)
    return Rule(
        effect=effect,
        tools=draw(target_lists),
        signature=draw(signatures()) if closed else None,
        when=draw(st.one_of(st.none(), conditions)),
        unless=draw(st.one_of(st.none(), conditions)),
        name=draw(maybe_name),
        priority=draw(st.one_of(st.just(0), st.integers(-(10**9), 10**9))),
        message=draw(maybe_message),
        terms=draw(terms) if asks else UNCONDITIONAL,
        validity=draw(validities),
        ends_session=effect is Effect.FORBID and draw(st.booleans()),
        shadow=draw(st.booleans()),
        metadata=draw(metadata),
    )


windows = st.one_of(
    st.builds(Calendar, st.sampled_from(["hour", "day", "week", "month", "year"]), zones),
    st.builds(Sliding, durations),
    st.builds(Ever),
)
owned = st.one_of(
    st.tuples(st.just("session"), st.one_of(st.none(), windows)),
    st.tuples(st.sampled_from(["agent", "user", "tenant"]), windows),
)
key_lists = st.lists(operands, max_size=2).map(tuple)


@st.composite
def limits(draw: st.DrawFn) -> Limit:
    owner, window = draw(owned)
    return Limit(
        draw(target_lists),
        draw(operands),
        draw(st.one_of(st.none(), operands)),
        draw(st.sampled_from(list(EventKind))),
        draw(key_lists),
        owner,
        window,
        draw(st.one_of(st.none(), conditions)),
        draw(maybe_name),
        draw(st.one_of(maybe_message, st.just("{remaining} left"))),
        draw(st.booleans()),
    )


@st.composite
def counters(draw: st.DrawFn) -> CounterDefinition:
    owner, window = draw(owned)
    measure = draw(st.sampled_from(["count", "sum", "max", "distinct"]))
    value = None if measure == "count" else draw(operands)
    since = draw(st.one_of(st.none(), events()))
    return CounterDefinition(draw(names), measure, value, draw(events()), draw(key_lists), owner, window, since)


member_paths = st.lists(keys, min_size=1, max_size=3).map(tuple)
redactions = st.sampled_from(["a", "[0-9]+/", r"\.", '"#'])
changes = st.one_of(
    st.builds(SetArgument, member_paths, operands),
    st.builds(RemoveArgument, member_paths),
    st.builds(RedactArgument, member_paths, redactions, texts),
)
rewrites = st.builds(
    Rewrite,
    tool_lists,
    st.lists(changes, min_size=1, max_size=3).map(tuple),
    st.one_of(st.none(), conditions),
    st.one_of(st.none(), conditions),
    maybe_name,
    st.booleans(),
    metadata=metadata,
)
some_labels = st.lists(labels, max_size=3, unique=True).map(tuple)
clearances = st.builds(Clearance, target_lists, some_labels, maybe_name, maybe_message)
scoped = st.one_of(rules(), limits(), counters(), rewrites, clearances, st.builds(Hide, tool_lists))


json_numbers = st.one_of(
    st.integers(-(2**53), 2**53), st.sampled_from([Decimal("0.5"), Decimal("98.70"), Decimal("-1.25")])
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), json_numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=6,
)
servers = st.one_of(st.none(), nonempty.filter(lambda name: "*" not in name))
one_tool = tool_words.filter(lambda word: "*" not in word)
argument_texts = st.dictionaries(keys, json_values, max_size=4).map(lambda value: encode_json(value).decode())
by_rules = st.one_of(st.none(), names, st.just("file:12"))
calls = st.one_of(
    st.builds(
        CallExpectation, servers, one_tool, argument_texts, st.sampled_from(["allow", "ask", "forbid"]), by_rules
    ),
    st.builds(CallExpectation, servers, one_tool, argument_texts, st.just("allow"), by_rules, argument_texts),
)
answers = json_values.map(lambda value: encode_json(value).decode())
givens = st.one_of(
    st.builds(Given, st.sampled_from(list(EventKind)), servers, one_tool, argument_texts),
    st.builds(
        Given, st.sampled_from([EventKind.SUCCEEDED, EventKind.FAILED]), servers, one_tool, argument_texts, answers
    ),
    st.builds(GivenLabel, labels),
    st.just(MoveClock("2026-11-21T10:00Z")),
)
one = st.lists(nonempty, max_size=1).map(tuple)
test_blocks = st.builds(
    TestBlock,
    texts,
    st.one_of(st.just(EVERYONE), st.builds(Scope, one, one, one, party, party)),
    st.sampled_from([None, "2026-11-20T10:00Z", "2026-11-20T10:00:00+01:00"]),
    st.lists(st.one_of(st.builds(UserSays, texts), calls, givens), max_size=3).map(tuple),
    st.dictionaries(nonempty, scalars, max_size=2).map(lambda claims: tuple(claims.items())),
)
intent_maps = st.builds(
    IntentMap,
    names,
    st.integers(1, 9),
    st.builds(ToolPattern, servers, one_tool),
    st.dictionaries(keys, operands, max_size=3).map(lambda fields: tuple(fields.items())),
    st.lists(keys, max_size=2, unique=True).map(tuple),
)
statements: st.SearchStrategy[Statement] = st.one_of(
    st.builds(UseTools, texts),
    st.builds(SetDefinition, names, value_sets),
    st.builds(Import, nonempty, st.one_of(st.none(), nonempty)),
    st.builds(Levels, st.lists(names, min_size=1, max_size=3, unique=True).map(tuple)),
    st.builds(Macro, names, st.just(()), conditions),
    st.just(Macro("of-two", ("x", "y"), _condition("x == y and z == 1"))),
    intent_maps,
    st.builds(TrustResults, tool_lists, st.booleans()),
    st.builds(
        LabelResults,
        tool_lists,
        st.one_of(st.none(), conditions),
        labels,
        st.one_of(st.none(), answered),
    ),
    st.builds(RedactResults, tool_lists, redactions, texts),
    scoped,
    st.builds(ScopeBlock, scopes, st.lists(scoped, max_size=2).map(tuple)),
    st.builds(Otherwise, maybe_message),
    test_blocks,
)
group = GroupDefinition(GROUP, (ToolPattern(None, "x"),))
layers = st.one_of(st.just(()), st.sampled_from(LAYERS).map(lambda name: (Layer(name),)))
policy_files = st.tuples(layers, st.lists(statements, max_size=4)).map(
    lambda made: PolicyFile("<policy>", 1, (*made[0], group, *made[1]), "")
)


@settings(print_blob=True, deadline=None, max_examples=60)
@given(policy_files)
def test_any_tree_has_a_text(as_read: Callable[[Any], Any], file: PolicyFile) -> None:
    text = format(file)
    parsed = parse(text)
    assert repr(parsed.statements) == repr(as_read(file.statements)), text
    assert format(parsed) == text
    assert canonical(parsed) == canonical(file)
