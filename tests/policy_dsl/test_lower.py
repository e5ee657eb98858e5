"""Parse tree to statements: what each sentence becomes."""

from __future__ import annotations

from typing import Any

import pytest

from policy_dsl import (
    EVERYONE,
    CallExpectation,
    Effect,
    GroupDefinition,
    GroupName,
    MailSet,
    NamedArgument,
    Otherwise,
    RangeSet,
    Rule,
    Scope,
    ScopeBlock,
    SetDefinition,
    SetLiteral,
    SetName,
    Signature,
    TestBlock,
    ToolPattern,
    UserSays,
    UseTools,
    WebSet,
    parse,
)

F = (ToolPattern(None, "f"),)
ANY = Signature((), True)


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ('use tools "x.json"', UseTools("x.json")),
        ('set s = { "a", 1, true, t }', SetDefinition("s", SetLiteral(("a", 1, True), ("t",)))),
        ("set s = t", SetDefinition("s", SetName("t"))),
        ("set s = -1 .. 5", SetDefinition("s", RangeSet(-1, 5))),
        ('set s = mail at { "d" }', SetDefinition("s", MailSet(SetLiteral(("d",)), False))),
        ("set s = mail under d", SetDefinition("s", MailSet(SetName("d"), True))),
        ('set s = https at { "h", hs }', SetDefinition("s", WebSet(SetLiteral(("h",), ("hs",)), False))),
        ("set s = https under hs", SetDefinition("s", WebSet(SetName("hs"), True))),
        (
            'group g = { a_*, s/b, "c d", }',
            GroupDefinition("g", (ToolPattern(None, "a_*"), ToolPattern("s", "b"), ToolPattern(None, "c d"))),
        ),
        ("otherwise forbid", Otherwise(None)),
        ('otherwise forbid message "m"', Otherwise("m")),
        ("allow f()", Rule(Effect.ALLOW, F, Signature((), False), None, None)),
        ("ask f(...)", Rule(Effect.ASK, F, ANY, None, None)),
        ("forbid f", Rule(Effect.FORBID, F, None, None, None)),
        ("require approval for f", Rule(Effect.REQUIRE_APPROVAL, F, None, None, None)),
        ('allow f(...) as n priority -3 message "m"', Rule(Effect.ALLOW, F, ANY, None, None, "n", -3, "m")),
        (
            'allow f(a, "b c"?, d(e?), g?(...), ...)',
            Rule(
                Effect.ALLOW,
                F,
                Signature(
                    (
                        NamedArgument("a"),
                        NamedArgument("b c", True),
                        NamedArgument("d", False, Signature((NamedArgument("e", True),), False)),
                        NamedArgument("g", True, ANY),
                    ),
                    True,
                ),
                None,
                None,
            ),
        ),
        ('for agent "a" { forbid f }', ScopeBlock(Scope(agents=("a",)), (Rule(Effect.FORBID, F, None, None, None),))),
        (
            'for tenant "t" agent { "a", "b" } on behalf of user "u" role { "r" } { }',
            ScopeBlock(Scope(("t",), ("a", "b"), ("u",), ("r",)), ()),
        ),
        ('for user "u" { }', ScopeBlock(Scope(users=("u",)), ())),
        ('test "t" { }', TestBlock("t", EVERYONE, None, ())),
        (
            'test "t" as agent "a" at "2026-11-20T10:00Z" { user "w" call f(a: 1.50, b: [{c: null}]) => allow }',
            TestBlock(
                "t",
                Scope(agents=("a",)),
                "2026-11-20T10:00Z",
                (UserSays("w"), CallExpectation(None, "f", '{"a":1.50,"b":[{"c":null}]}', "allow")),
            ),
        ),
        (
            'test "t" { call s/"a b"("c d": "é") => ask by x call f() => forbid by "bank:3" }',
            TestBlock(
                "t",
                EVERYONE,
                None,
                (
                    CallExpectation("s", "a b", '{"c d":"é"}', "ask", "x"),
                    CallExpectation(None, "f", "{}", "forbid", "bank:3"),
                ),
            ),
        ),
    ],
)
def test_a_sentence_becomes(text: str, statement: Any) -> None:
    (parsed,) = parse(f"language 1\n{text}").statements
    assert repr(parsed).replace("quoted=True", "quoted=False") == repr(statement)


def test_a_bare_name_of_a_group_of_this_file_is_the_group() -> None:
    _, rule = parse('language 1\ngroup g = { x }\nforbid { g, "g", s/g, h }').statements
    assert isinstance(rule, Rule)
    assert rule.tools == (GroupName("g"), ToolPattern(None, "g"), ToolPattern("s", "g"), ToolPattern(None, "h"))
    assert [tool.quoted for tool in rule.tools if isinstance(tool, ToolPattern)] == [True, False, False]
