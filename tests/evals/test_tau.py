"""evals/tau: the two documents as rules, their own tests, and the counts, on tau's data and on a small domain."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evals.tau import Call, Dialogue, Domain, Shop, Task, Unreadable, measure_dialogues, measure_truths
from evals.tau.__main__ import main
from evals.tau.lookups import is_write, owner_of
from evals.tau.material import DOMAINS, read_tasks
from evals.tau.measure import POLICIES
from guardrail import Guard, run_tests
from policy_dsl import check, compile_policy, format, load, parse

DATABASE: dict[str, Any] = {
    "users": {"ann_lee_1": {"membership": "gold", "payment_methods": {"gift_card_1": {}}, "reservations": ["AAAA11"]}},
    "reservations": {
        "AAAA11": {
            "reservation_id": "AAAA11",
            "user_id": "ann_lee_1",
            "cabin": "basic_economy",
            "insurance": "no",
            "created_at": "2024-05-01T00:00:00",
            "flights": [{"flight_number": "HAT001", "date": "2024-05-20"}],
            "passengers": [{"first_name": "Ann"}],
            "payment_history": [{"payment_id": "gift_card_1", "amount": 1}],
            "total_baggages": 0,
        }
    },
    "flights": {
        number: {
            "flight_number": number,
            "origin": "JFK",
            "destination": "SFO",
            "dates": {"2024-05-20": {"status": "available"}},
        }
        for number in ("HAT001", "HAT002")
    },
}
WORDS = "I am ann_lee_1 and want to change AAAA11."


def change(cabin: str, flight: str, payment: str = "gift_card_1") -> Call:
    legs = [{"flight_number": flight, "date": "2024-05-20"}]
    return Call(
        "update_reservation_flights",
        {"reservation_id": "AAAA11", "cabin": cabin, "flights": legs, "payment_id": payment},
    )


@pytest.fixture(scope="module")
def airline() -> Domain:
    return Domain("airline")


def refused(airline: Domain, *truth: Call) -> list[str]:
    measured = measure_truths(airline, [Task("1", WORDS, truth)], DATABASE)
    return [refusal.call.tool for refusal in measured.refusals]


def test_a_basic_economy_ticket_changes_its_cabin_before_its_flights(airline: Domain) -> None:
    assert refused(airline, change("economy", "HAT001")) == []
    assert refused(airline, change("basic_economy", "HAT002")) == ["update_reservation_flights"]
    assert refused(airline, change("economy", "HAT002")) == ["update_reservation_flights"]
    assert refused(airline, change("economy", "HAT001"), change("economy", "HAT002")) == []


def test_only_cards_of_the_profile_pay(airline: Domain) -> None:
    assert refused(airline, change("economy", "HAT001", "credit_card_9")) == ["update_reservation_flights"]
    assert refused(airline, change("economy", "HAT001", "certificate_1")) == ["update_reservation_flights"]


def test_bags_are_free_as_membership_and_cabin_have_it(airline: Domain) -> None:
    def bags(total: int, paid: int) -> list[str]:
        asked = {"reservation_id": "AAAA11", "total_baggages": total, "nonfree_baggages": paid}
        return refused(airline, Call("update_reservation_baggages", {**asked, "payment_id": "gift_card_1"}))

    assert bags(2, 0) == []
    assert bags(3, 1) == []
    assert bags(3, 0) == ["update_reservation_baggages"]
    assert bags(2, 3) == ["update_reservation_baggages"]


def test_a_cancellation_needs_a_ground(airline: Domain) -> None:
    cancel = Call("cancel_reservation", {"reservation_id": "AAAA11"})
    assert refused(airline, cancel) == ["cancel_reservation"]
    assert refused(airline, change("business", "HAT001"), cancel) == []


def test_dialogues_are_counted_by_what_a_write_was(airline: Domain) -> None:
    look = Call("get_user_details", {"user_id": "ann_lee_1"}, DATABASE["users"]["ann_lee_1"])
    read = Call("get_reservation_details", {"reservation_id": "AAAA11"}, DATABASE["reservations"]["AAAA11"])
    good, bad = change("economy", "HAT001"), change("economy", "HAT002")
    error = Call(bad.tool, bad.arguments, "Error: full", failed=True)
    lost = Dialogue(0, 0, False, (WORDS,), (look, read, good, bad, error), (good,))
    won = Dialogue(0, 1, True, (WORDS,), (look, read, good), (good,))
    counts = measure_dialogues(airline, [lost, won])
    assert (counts.failed, counts.failed_with_wrong_write, counts.passed, counts.passed_with_any_refusal) == (
        1,
        1,
        1,
        0,
    )
    assert counts.right == Counter(allow=2)
    # No search of the session named that flight; the second try the tool itself answered with an error.
    assert counts.wrong == counts.wrong_in_vain == Counter({"forbid": 1})


def test_the_shop_answers_and_remembers() -> None:
    shop = Shop(DATABASE)
    assert shop.answer(Call("get_user_details", {"user_id": "nobody"})).failed
    shop.answer(change("business", "HAT002"))
    read = shop.answer(Call("get_reservation_details", {"reservation_id": "AAAA11"}))
    assert (read.output["cabin"], read.output["flights"][0]["flight_number"]) == ("business", "HAT002")
    assert DATABASE["reservations"]["AAAA11"]["cabin"] == "basic_economy"
    assert owner_of("airline", (change("economy", "HAT001"),), DATABASE) == "ann_lee_1"
    assert [is_write(call) for call in (read, change("economy", "HAT001"))] == [False, True]


@pytest.mark.parametrize("domain", DOMAINS)
def test_the_rules_are_in_form_and_check(domain: str) -> None:
    path = POLICIES / f"{domain}.lw"
    text = path.read_text(encoding="utf-8")
    assert format(parse(text, str(path))) == text
    assert [finding.render() for finding in check(load([path])) if finding.severity == "error"] == []


@pytest.mark.parametrize("domain", DOMAINS)
def test_their_own_tests_pass(domain: str) -> None:
    policy = load([POLICIES / f"{domain}.lw"])
    outcomes = run_tests(policy, Guard(compile_policy(policy)))
    assert len(outcomes) >= 8
    assert [outcome.render() for outcome in outcomes if not outcome.passed] == []


@pytest.fixture(scope="module")
def printed() -> dict[str, Any]:
    folder = os.environ.get("LEASTWARD_DATA")
    if not folder:
        pytest.skip("LEASTWARD_DATA names no data folder")
    with pytest.MonkeyPatch.context() as patch:
        lines: list[str] = []
        patch.setattr("sys.stdout.write", lines.append)
        assert main(["--data", folder, "--json"]) == 0
    document: dict[str, Any] = json.loads("".join(lines))
    return document


def test_every_truth_is_allowed(printed: dict[str, Any]) -> None:
    for domain, tasks, calls in (("airline", 50, 142), ("retail", 114, 550)):
        counted = printed["truths"][domain]
        assert counted["refusals"] == []
        assert (counted["tasks_allowed"], counted["calls_allowed"]) == (tasks, calls)


def test_some_wrong_writes_are_refused(printed: dict[str, Any]) -> None:
    dialogues = printed["dialogues"]
    assert (dialogues["failed"], dialogues["passed"]) == (116, 84)
    assert dialogues["writes"]["wrong writes, all"]["n"] == 148
    assert dialogues["failed_with_refused_wrong_write"] > 0


def test_without_data_it_says_where_to_name_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.delenv("LEASTWARD_DATA", raising=False)
    assert main([]) == 2
    assert "LEASTWARD_DATA" in capsys.readouterr().err
    with pytest.raises(Unreadable):
        read_tasks(tmp_path, "airline")
    assert main(["--data", str(tmp_path)]) == 1
