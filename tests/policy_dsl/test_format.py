"""The formatter: what it writes parses to the same tree, formatting again changes nothing, comments stay."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_dsl import (
    EVERYONE,
    EXACT,
    And,
    Argument,
    Arithmetic,
    CallExpectation,
    Compare,
    Condition,
    Effect,
    Element,
    FromUser,
    GroupDefinition,
    GroupName,
    Holds,
    IsType,
    JsonType,
    LengthOf,
    ListLiteral,
    Literal,
    MailSet,
    Matches,
    Member,
    NamedArgument,
    Not,
    Or,
    Otherwise,
    PolicyFile,
    Presence,
    Quantified,
    RangeSet,
    Rule,
    RuleRef,
    Runs,
    Scope,
    ScopeBlock,
    SetDefinition,
    SetLiteral,
    SetName,
    Signature,
    Statement,
    TestBlock,
    TextOptions,
    ToolPattern,
    Under,
    UserSays,
    UseTools,
    WebSet,
    encode_json,
    format,
    parse,
)
from policy_dsl.format import WIDTH, canonical
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
options = st.sampled_from([EXACT, TextOptions(True), TextOptions(False, True), TextOptions(True, True)])
steps = st.lists(st.one_of(keys, st.integers(0, 99)), max_size=3).map(tuple)


def arguments(bound: tuple[str, ...]) -> st.SearchStrategy[Argument | Element]:
    plain = st.builds(lambda first, rest: Argument((first, *rest)), keys, steps)
    return st.one_of(plain, st.builds(Element, st.sampled_from(bound), steps)) if bound else plain


def operands(bound: tuple[str, ...]) -> st.SearchStrategy[Any]:
    leaves = st.one_of(
        st.builds(Literal, scalars),
        st.builds(ListLiteral, st.lists(st.builds(Literal, scalars), max_size=3).map(tuple)),
        arguments(bound),
        st.builds(LengthOf, arguments(bound)),
    )
    sums = st.sampled_from(["+", "-", "*"])
    return st.recursive(leaves, lambda inner: st.builds(Arithmetic, sums, inner, inner), max_leaves=5)


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
patterns = st.sampled_from(["a", "[a-z]+/", "(x|y)*", r"\.\\", '"#', ".*"])


@st.composite
def member_tests(draw: st.DrawFn, bound: tuple[str, ...]) -> Member:
    within = draw(value_sets)
    may = isinstance(within, SetLiteral | SetName)
    return Member(draw(operands(bound)), within, draw(options) if may else EXACT)


@st.composite
def comparisons(draw: st.DrawFn, bound: tuple[str, ...]) -> Compare:
    op = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
    how = draw(options) if op in ("==", "!=") else EXACT
    return Compare(op, draw(operands(bound)), draw(operands(bound)), how)


def leaf_tests(bound: tuple[str, ...]) -> st.SearchStrategy[Any]:
    values = operands(bound)
    return st.one_of(
        comparisons(bound),
        member_tests(bound),
        st.builds(Matches, values, patterns),
        st.builds(Holds, st.sampled_from(["starts with", "ends with", "contains"]), values, values, options),
        st.builds(Under, values, text_sets),
        st.builds(Runs, st.sampled_from(["one of", "none of"]), values, text_sets),
        st.builds(IsType, values, st.sampled_from(list(JsonType))),
        st.builds(Presence, st.sampled_from(["has", "missing", "absent"]), arguments(bound)),
        st.builds(FromUser, values),
        st.builds(RuleRef, names.filter(lambda name: name not in bound)),
    )


@st.composite
def conditions(draw: st.DrawFn, bound: tuple[str, ...] = (), depth: int = 3) -> Condition:
    kind = draw(st.sampled_from(["leaf", "leaf", "and", "or", "not", "each"])) if depth else "leaf"
    if kind == "leaf":
        return draw(leaf_tests(bound))
    if kind == "not":
        return Not(draw(conditions(bound, depth - 1)))
    if kind == "each":
        name = draw(st.one_of(st.just("it"), names).filter(lambda new: new not in bound))
        inner = (*bound, name)
        body = draw(st.one_of(conditions(inner, depth - 1), _about(name, inner)))
        return Quantified(draw(st.sampled_from(["each", "any"])), draw(arguments(bound)), name, body)
    items = tuple(draw(st.lists(conditions(bound, depth - 1), min_size=2, max_size=4)))
    return And(items) if kind == "and" else Or(items)


def _about(name: str, bound: tuple[str, ...]) -> st.SearchStrategy[Condition]:
    """A test of the element itself, which has a short form where the element has no name."""
    test = st.builds(Member, st.just(Element(name)), value_sets)
    return st.one_of(
        test, st.builds(Not, test), st.builds(Compare, st.just("=="), st.just(Element(name)), operands(bound))
    )


def signatures(depth: int = 2) -> st.SearchStrategy[Signature]:
    inner = st.one_of(st.none(), signatures(depth - 1)) if depth else st.none()
    listed = st.lists(
        st.builds(NamedArgument, keys, st.booleans(), inner), max_size=4, unique_by=lambda item: item.name
    )
    return st.builds(Signature, listed.map(tuple), st.booleans())


nonempty = texts.filter(bool)
tool_words = st.one_of(st.from_regex(r"[a-z0-9_*][a-z0-9_*.-]{0,6}", fullmatch=True), nonempty)
tools = st.builds(ToolPattern, st.one_of(st.none(), nonempty.filter(lambda name: "*" not in name)), tool_words)
GROUP = "the-group"
tool_lists = st.lists(
    st.one_of(tools.filter(lambda tool: tool.tool != GROUP), st.just(GroupName(GROUP))), min_size=1, max_size=4
).map(tuple)
party = st.lists(nonempty, max_size=2).map(tuple)
scopes = st.builds(Scope, party, party, party, party).filter(lambda scope: not scope.is_everyone)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    effect = draw(st.sampled_from(list(Effect)))
    closed = effect in (Effect.ALLOW, Effect.ASK)
    return Rule(
        effect=effect,
        tools=draw(tool_lists),
        signature=draw(signatures()) if closed else None,
        when=draw(st.one_of(st.none(), conditions())),
        unless=draw(st.one_of(st.none(), conditions(depth=1))),
        name=draw(st.one_of(st.none(), names)),
        priority=draw(st.one_of(st.just(0), st.integers(-(10**9), 10**9))),
        message=draw(st.one_of(st.none(), texts)),
    )


json_numbers = st.one_of(
    st.integers(-(2**53), 2**53), st.sampled_from([Decimal("0.5"), Decimal("98.70"), Decimal("-1.25")])
)
json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), json_numbers, texts),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(keys, inner, max_size=3)),
    max_leaves=6,
)
calls = st.builds(
    CallExpectation,
    st.one_of(st.none(), nonempty.filter(lambda name: "*" not in name)),
    tool_words.filter(lambda word: "*" not in word),
    st.dictionaries(keys, json_values, max_size=4).map(lambda value: encode_json(value).decode()),
    st.sampled_from(["allow", "ask", "forbid"]),
    st.one_of(st.none(), names, st.just("file:12")),
)
one = st.lists(nonempty, max_size=1).map(tuple)
test_blocks = st.builds(
    TestBlock,
    texts,
    st.one_of(st.just(EVERYONE), st.builds(Scope, one, one, one, party)),
    st.sampled_from([None, "2026-11-20T10:00Z", "2026-11-20T10:00:00+01:00"]),
    st.lists(st.one_of(st.builds(UserSays, texts), calls), max_size=3).map(tuple),
)
statements: st.SearchStrategy[Statement] = st.one_of(
    st.builds(UseTools, texts),
    st.builds(SetDefinition, names, value_sets),
    rules(),
    st.builds(ScopeBlock, scopes, st.lists(rules(), max_size=2).map(tuple)),
    st.builds(Otherwise, st.one_of(st.none(), texts)),
    test_blocks,
)
group = GroupDefinition(GROUP, (ToolPattern(None, "x"),))
policy_files = st.lists(statements, max_size=4).map(lambda made: PolicyFile("<policy>", 1, (group, *made), ""))


@settings(print_blob=True, deadline=None, max_examples=60)
@given(policy_files)
def test_any_tree_has_a_text(file: PolicyFile) -> None:
    text = format(file)
    parsed = parse(text)
    assert repr(parsed.statements) == repr(_as_read(file.statements)), text
    assert format(parsed) == text
    assert canonical(parsed) == canonical(file)


def _as_read(node: Any) -> Any:
    """The tree as a text gives it back: quotes around a tool are noted, a decimal without a fraction is an integer."""
    from dataclasses import fields, is_dataclass, replace

    if isinstance(node, tuple):
        return tuple(_as_read(item) for item in node)
    if isinstance(node, Decimal):
        return Decimal(f"{node:f}")
    if not is_dataclass(node) or isinstance(node, type):
        return node
    changed = {part.name: _as_read(getattr(node, part.name)) for part in fields(node) if part.init}
    if isinstance(node, ToolPattern):
        from policy_dsl.spelling import tool

        changed["quoted"] = '"' in tool(node)
    return replace(node, **changed)
