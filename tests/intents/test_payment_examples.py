"""One policy for a bank, a card and a wallet: the examples pass their own tests; their pages print what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from guardrail import Guard
from guardrail.policy_tests import run_tests
from policy_dsl import check, compile_policy, format, intent_hash, intent_of, load
from server.cli import main

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
POLICIES = [EXAMPLES / "payments" / "bank.lw", EXAMPLES / "onchain" / "wallet.lw"]
PAGES = [path.parent / "README.md" for path in POLICIES]


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_every_expectation_holds(path: Path) -> None:
    policy = load([path])
    outcomes = run_tests(policy, Guard(compile_policy(policy, policy.catalogue)))
    assert [outcome.render() for outcome in outcomes if not outcome.passed] == []
    assert len(outcomes) > 10


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.stem)
def test_nothing_is_found_in_them_and_they_are_formatted(path: Path) -> None:
    policy = load([path])
    assert [found for found in check(policy, policy.catalogue) if found.severity == "error"] == []
    assert all(format(file) == file.source for file in policy.files)


def test_both_share_one_file() -> None:
    bank, wallet = (load([path]) for path in POLICIES)
    shared = {Path(file.path).resolve() for file in bank.files} & {Path(file.path).resolve() for file in wallet.files}
    assert [path.name for path in shared] == ["spending.lw"]
    rules = {id.partition("/")[0] for policy in (bank, wallet) for id in policy.rules if "/" in id}
    for policy, tools in ((bank, 3), (wallet, 2)):
        assert all(sum(id.startswith(f"{rule}/") for id in policy.rules) == tools for rule in rules)


def test_one_payment_has_one_hash_by_whatever_tool() -> None:
    """12.50 of one asset, to one payee, by one rail: the hash tells payments apart and not the calls that make them."""
    bank, wallet = (load([path]) for path in POLICIES)
    sent = intent_of(bank, "send_money", None, {"recipient": "GB29", "amount": 12, "subject": "rent"})
    later = intent_of(
        bank, "schedule_payment", None, {"to_account": "GB29", "from_account": "a", "amount": "12.0", "not_after": "x"}
    )
    ether = intent_of(wallet, "eth_transfer", None, {"to": "0x1", "value": "1" + "0" * 22, "chain": "base"})
    assert sent is not None
    assert later is not None
    assert ether is not None
    both = [{name: fields[name] for name in ("asset", "amount", "to", "rail")} for _, _, fields in (sent, later)]
    assert intent_hash("payment", 1, both[0]) == intent_hash("payment", 1, both[1])
    assert ether[2]["amount"] == 10_000


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_page_prints_what_it_says(
    page: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(page.parent)
    monkeypatch.setenv("COLUMNS", "200")
    [block] = re.findall(r"^```console\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    for step in re.split(r"^\$ leastward ", block, flags=re.MULTILINE)[1:]:
        line, _, wanted = step.partition("\n")
        main(shlex.split(line))
        pattern = "".join(r"(?:.*\n)*" if said == "..." else re.escape(said) + "\n" for said in wanted.splitlines())
        assert re.fullmatch(pattern, capsys.readouterr().out), line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.parent.name)
def test_a_policy_on_a_page_is_one_of_the_example(page: Path) -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in page.parent.glob("*.lw"))
    for block in re.findall(r"^```lw\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
        assert block in texts
