"""guardrail/policy_tests.py: the `test` blocks of a policy, run through the real Guard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from guardrail import ExpectationOutcome, Guard, run_tests
from policy_dsl import CallExpectation, Catalogue, TestBlock, compile_policy, parse, policy_set

TOOLS = Catalogue.from_tools(
    [
        {
            "name": "send_money",
            "inputSchema": {
                "type": "object",
                "properties": {"to": {"type": "string"}, "amount": {"type": "number"}},
                "required": ["to", "amount"],
            },
        }
    ]
)
RULES = """\
language 1

for agent "billing" on behalf of role { "finance", "audit" } {
  allow send_money(to, amount) as pay when to in { "GB29" } and amount <= 500
}
ask send_money(to, amount) as to-named when to from user
"""


def run(tests: str, rules: str = RULES) -> Sequence[ExpectationOutcome]:
    policy = policy_set([parse(f"{rules}\n{tests}", "bank.lw")], TOOLS)
    return run_tests(policy, Guard(compile_policy(policy, TOOLS)))


def test_every_expectation_is_judged_in_order_as_the_principal_of_its_test() -> None:
    results = run(
        """\
test "a bill" as agent "billing" on behalf of role "audit" {
  call send_money(to: "GB29", amount: 98.70) => allow by pay
  call send_money(to: "GB29", amount: 501) => forbid
}
test "nobody" {
  call send_money(to: "GB29", amount: 1) => forbid
}
"""
    )
    assert [(result.test, result.wanted, result.got.rule, result.passed) for result in results] == [
        ("a bill", "allow", "pay", True),
        ("a bill", "forbid", None, True),
        ("nobody", "forbid", None, True),
    ]


def test_what_the_user_says_is_known_from_then_on_and_in_its_own_test_only() -> None:
    results = run(
        """\
test "one" {
  call send_money(to: "DE89 3704", amount: 1) => forbid
  user "pay DE89 3704 please"
  call send_money(to: "DE89 3704", amount: 1) => ask by to-named
}
test "two" {
  call send_money(to: "DE89 3704", amount: 1) => forbid
}
"""
    )
    assert [result.passed for result in results] == [True, True, True]


@pytest.mark.parametrize(
    ("expected", "says"),
    [
        ("=> allow", 'bank.lw:10:3: test "t": wanted allow, got forbid (no-rule)'),
        ("=> allow by pay", 'bank.lw:10:3: test "t": wanted allow by `pay`, got forbid (no-rule)'),
        ("=> forbid by pay", 'bank.lw:10:3: test "t": wanted forbid by `pay`, got forbid (no-rule)'),
    ],
)
def test_a_failed_expectation_says_what_came_instead(expected: str, says: str) -> None:
    call = f'call send_money(to: "DE89", amount: 1) {expected}'
    [result] = run(f'# the third bank\ntest "t" {{\n  {call}\n}}\n')
    assert not result.passed
    assert result.render().splitlines() == [says, f"  10 |   {call}", f"     |   {'^' * len(call)}"]


def test_the_right_effect_by_another_rule_fails() -> None:
    [result] = run(
        'test "t" as agent "billing" on behalf of role "finance" {\n'
        '  call send_money(to: "GB29", amount: 5) => allow by to-named\n}\n'
    )
    assert not result.passed
    assert "wanted allow by `to-named`, got allow by `pay` (rule)" in result.render()


def test_rules_that_could_not_be_evaluated_are_named() -> None:
    rules = "language 1\nforbid send_money as odd when note == 5\n"
    [result] = run('test "t" {\n  call send_money(to: "x", amount: 1) => allow\n}\n', rules)
    assert result.got.reason == "rule-error"
    assert result.render().endswith("help: rules that could not be evaluated: `odd`: missing at `note`")


def test_calls_that_the_catalogue_refuses() -> None:
    results = run(
        """\
test "t" {
  call send_monney(to: "x", amount: 1) => forbid
  call send_money(to: "x") => forbid
}
"""
    )
    assert [(result.got.reason, result.passed) for result in results] == [
        ("unknown-tool", True),
        ("bad-arguments", True),
    ]


def test_arguments_that_are_no_strict_json_are_refused_as_at_the_gate() -> None:
    policy = policy_set([parse(f'{RULES}\ntest "t" {{\n  call send_money(to: "x", amount: 1) => allow\n}}\n')], TOOLS)
    [file] = policy.files
    block = file.statements[-1]
    assert isinstance(block, TestBlock)
    [step] = block.steps
    assert isinstance(step, CallExpectation)
    for bad in ('{"to": "x", "to": "y"}', "[]", '{"amount": NaN}', ""):
        broken = replace(block, steps=(replace(step, arguments=bad),))
        changed = replace(policy, files=(replace(file, statements=(broken,)),))
        [result] = run_tests(changed, Guard(compile_policy(policy, TOOLS)))
        assert (result.got.effect, result.got.reason, result.passed) == ("forbid", "bad-arguments", False)


# --- sessions -------------------------------------------------------------------------------------------------------

SESSION_RULES = """\
language 1
levels internal < secret
label results of hr_file as secret(hr)
allow pay(to, amount) as pay
limit pay to 100 of amount released per agent each day in "UTC" as budget
allow post(text, bcc?) as post when not session has secret
rewrite post set bcc = [], redact text matching /[0-9]{4}/ with "****" as clean when has bcc
allow grant(role) as grants when claim "mfa" == true
allow mail(to) as mails when to from results of contacts
forbid mail as hasty when before succeeded contacts
for agent "bot" via "planner" { allow plan(...) as plans }
"""


@pytest.mark.parametrize(
    "block",
    [
        """as agent "a" at "2026-11-20T23:59Z" {
  given released pay(to: "x", amount: 60)
  call pay(to: "y", amount: 50) => forbid by budget
  given failed pay(to: "x", amount: 60)
  at "2026-11-21T00:00Z"
  call pay(to: "y", amount: 100) => allow by pay
  call pay(to: "y", amount: 1) => forbid by budget
}""",
        """as agent "a" at "2026-11-20T12:00Z" {
  given failed pay(to: "x", amount: 60)
  given refused pay(to: "x", amount: 60)
  given requested pay(to: "x", amount: 60)
  call pay(to: "y", amount: 100) => allow
}""",
        """{
  call post(text: "hi") => allow
  given label secret(hr)
  call post(text: "hi") => forbid
}""",
        """{
  call post(text: "card 1234", bcc: ["eve"]) => allow by post with (text: "card ****", bcc: [])
  call post(text: "card 1234") => allow with (text: "card 1234")
}""",
        """claim "mfa" = true { call grant(role: "x") => allow }""",
        """claim "mfa" = 1 { call grant(role: "x") => forbid }""",
        """{ call grant(role: "x") => forbid }""",
        """{
  call mail(to: "ann@x.example") => forbid by hasty
  given succeeded contacts() result ["ann@x.example"]
  call mail(to: "ann@x.example") => allow by mails
  call mail(to: "nn@x.example") => forbid
}""",
        """as agent "bot" via "planner" { call plan(x: 1) => allow by plans }""",
        """as agent "bot" { call plan(x: 1) => forbid }""",
    ],
)
def test_steps_of_a_session(block: str) -> None:
    results = run_untyped(f'test "t" {block}', SESSION_RULES)
    assert results
    assert [result.render() for result in results if not result.passed] == []


def run_untyped(tests: str, rules: str) -> Sequence[ExpectationOutcome]:
    policy = policy_set([parse(f"{rules}\n{tests}", "bank.lw")])
    return run_tests(policy, Guard(compile_policy(policy)))


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (
            '(text: "hi", bcc: [1])',
            """allow with `{"text":"hi","bcc":[1]}`, got allow by `post` with `{"text":"hi","bcc":[]}`""",
        ),
        ('(text: "hi")', """allow with `{"text":"hi"}`, got allow by `post` with `{"text":"hi","bcc":[]}`"""),
    ],
)
def test_a_call_that_became_another_than_wanted(wanted: str, says: str) -> None:
    (result,) = run_untyped(f'test "t" {{ call post(text: "hi", bcc: ["eve"]) => allow with {wanted} }}', SESSION_RULES)
    assert not result.passed
    assert says in result.render()


def test_true_is_not_what_was_wanted_where_it_became_1() -> None:
    rules = "language 1\nallow f(a) as f\nrewrite f set a = 1 as one when a == 0"
    results = run_untyped(
        'test "t" { call f(a: 0) => allow with (a: true) call f(a: 0) => allow with (a: 1.0) }', rules
    )
    assert [result.passed for result in results] == [False, True]
