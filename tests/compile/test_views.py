"""policy_dsl/compile/views.py, binding.py and program.py: who is bound, which tools fit, and what is remembered."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from policy_dsl import NOBODY, Facts
from policy_dsl.compile import views
from policy_dsl.compile.views import Kept

BOT = Facts(agent="bot", key="bot")


def test_a_principal_gets_the_rules_of_its_scopes(compiled: Callable[..., Any]) -> None:
    program, _ = compiled('allow act(...)\nfor agent "bot" { forbid act as no-bots }')
    assert program.decide("act", {}).effect == "allow"
    assert program.decide("act", {}, BOT).rule == "no-bots"
    assert program.decide_bare("act", {}, BOT).rule == "no-bots"
    assert program.decide("act", {}, NOBODY).effect == "allow"


def test_two_principals_under_one_key_do_not_share_rules(compiled: Callable[..., Any]) -> None:
    """The key is only a place to look: a wrong one must not lend somebody else's grants."""
    program, _ = compiled('for agent "bot" { allow act(...) }')
    assert program.decide("act", {}, Facts(agent="bot", key="k")).effect == "allow"
    assert program.decide("act", {}, Facts(agent="other", key="k")).effect == "forbid"
    assert program.decide("act", {}, Facts(agent="bot", roles=frozenset({"x"}), key="k")).effect == "allow"


@pytest.mark.parametrize(
    ("pattern", "fitting", "not_fitting"),
    [
        ("read_*", ["read_", "read_file"], ["read", "Read_file", "xread_file", "read_a/b"]),
        ("*", ["act", ""], ["a/b"]),
        ("*e*d*", ["ed", "read_x", "eeddd"], ["de", "e/d"]),
        ("a**b", ["ab", "a-b"], ["a/b", "aab-"]),
        ("*ab*ab", ["abab", "xabyab"], ["ab", "aab"]),
    ],
)
def test_a_star_is_any_text_but_a_slash(
    compiled: Callable[..., Any], pattern: str, fitting: list[str], not_fitting: list[str]
) -> None:
    program, _ = compiled(f'allow "{pattern}"(...)')
    assert {program.decide(tool, {}).effect for tool in fitting} == {"allow"}
    assert {program.decide(tool, {}).effect for tool in not_fitting} == {"forbid"}


def test_a_server_that_is_written_must_be_known(compiled: Callable[..., Any]) -> None:
    program, _ = compiled("allow bank/pay(...)")
    assert program.decide("pay", {}, server="bank").effect == "allow"
    for server in (None, "other", "bank/"):
        assert program.decide("pay", {}, server=server).effect == "forbid"
    assert program.decide("bank/pay", {}).effect == "forbid"


def test_invented_names_and_principals_do_not_grow_memory(
    compiled: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "KEPT_NAMES", 16)
    monkeypatch.setattr(views, "KEPT_PRINCIPALS", 16)
    program, _ = compiled('allow act(...)\nallow read_*(...)\nfor user "u" { forbid act }')
    for number in range(100):
        assert program.decide(f"read_{number}", {}, Facts(agent=f"a{number}", key=f"a{number}")).effect == "allow"
        assert program.decide(f"read_{number}" + "x" * 300, {}).effect == "allow"
        assert program.decide("act", {}, server=f"s{number}").effect == "allow"
    view = program._view_of(NOBODY)
    assert len(view._invented) <= 16
    assert program.decide("act", {}).effect == "allow"
    assert "act" in view.bare


def test_tools_that_the_same_rules_fit_are_compiled_once(compiled: Callable[..., Any]) -> None:
    """An agent that calls one invented name after the other must not make the gate compile for each of them."""
    program, _ = compiled('allow read_*(...)\nforbid read_secret\nfor user "u" { forbid write }')
    verdicts = {name: program._view_of(NOBODY).verdict(None, name) for name in ("read_a", "read_b", "read_secret")}
    assert verdicts["read_a"] is verdicts["read_b"] is not verdicts["read_secret"]
    assert program._view_of(BOT).verdict("srv", "read_c") is verdicts["read_a"]


def test_the_oldest_entry_goes_first() -> None:
    kept: Kept[int, int] = Kept(3)
    for number in range(5):
        kept.keep(number, number)
        kept.keep(number, number)
    assert list(kept) == [2, 3, 4]


def test_threads_may_share_a_program(compiled: Callable[..., Any]) -> None:
    program, _ = compiled("\n".join(f'allow act_{n}(a) when a == "{n}"' for n in range(30)) + "\nallow x*(...)")
    wrong: list[str] = []

    def work(start: int) -> None:
        for step in range(600):
            number = (start + step) % 30
            if program.decide(f"act_{number}", {"a": str(number)}).effect != "allow":
                wrong.append(f"act_{number}")
            if program.decide(f"x{start}{step}", {}).effect != "allow":
                wrong.append("x")

    threads = [threading.Thread(target=work, args=(start * 7,)) for start in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_prepare_compiles_what_is_named(compiled: Callable[..., Any]) -> None:
    program, policy = compiled("allow act(...)\nforbid bank/pay\nallow read_*(...)")
    assert program.prepare() == 2
    assert program.policy_hash == policy.hash
    assert set(program._view_of(NOBODY).bare) == {"act", ("bank", "pay")}


def test_the_policys_own_catalogue_is_the_authority_where_none_is_given(compiled: Callable[..., Any]) -> None:
    tools = [{"name": "act", "inputSchema": {"type": "object", "properties": {"a": {"type": "string"}}}}]
    program, _ = compiled("allow *(...)", tools)
    assert program.decide("act", {"a": "x"}).effect == "allow"
    assert program.decide("act", {"a": 1}).reason == "bad-arguments"
    assert program.decide("other", {}).reason == "unknown-tool"
