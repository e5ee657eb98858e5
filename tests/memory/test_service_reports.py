"""Every report is taken or refused with its code, and counted (memory/service/rights.py, refusals.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from memory import Context, Observed, Reporter, Terms
from memory.service import REPORT_CODES, REVIEW_CODES, Memory, ReportCode, ReportRefused, ReviewCode
from memory.service.rights import REASONS, is_plain

CORPUS = yaml.safe_load(Path(__file__).with_name("reports.yaml").read_text(encoding="utf-8"))
CASES = {case["note"]: case for case in CORPUS["cases"]}


def send(memory: Memory, said: dict[str, Any]) -> None:
    context = Context(said.get("tool", "send_money"), (), "")
    observed = Observed(
        said["decision"], said["tenant"], 0, "acme/bot", context, "allow", "allow", "7b", said.get("audited")
    )
    name = "x" * said["by_length"] if "by_length" in said else said["by"]
    reporter = Reporter(name, said.get("by_tenant", said["tenant"]), said["kind"], said["principal"])
    because = "x" * said["because_length"] if "because_length" in said else said.get("because", "")
    memory.report(observed, reporter, said["label"], because, said.get("key", ""))


@pytest.mark.parametrize("note", CASES)
def test_reports(note: str, store_url: str, kept: Any) -> None:
    case = CASES[note]
    now = [0]
    memory = Memory(store_url, Terms(reports_a_day=case.get("quota", 50)), clock=lambda: now[0])
    expected: list[str] = []
    for said in case["send"]:
        now[0] = said.get("at_day", 0) * kept.DAY
        wanted = said["want"]
        expected.append(wanted)
        if wanted in ("taken", "again"):
            send(memory, CORPUS["defaults"] | said)
            continue
        with pytest.raises(ReportRefused) as caught:
            send(memory, CORPUS["defaults"] | said)
        assert caught.value.code == wanted
        assert is_plain(caught.value.message)
    assert memory.counts == {name: expected.count(name) for name in set(expected)}
    assert len(list(memory.history("acme"))) == expected.count("taken"), "nothing but what was taken is stored"
    memory.close()


def test_every_code_has_a_meaning_and_a_status() -> None:
    for codes, kind in ((REPORT_CODES, ReportCode), (REVIEW_CODES, ReviewCode)):
        assert set(codes) == set(get_args(kind))
        for meaning in codes.values():
            assert meaning.status in (400, 403, 404, 409, 410, 429)
            assert meaning.message[0].islower()
            assert not meaning.message.endswith(".")


def test_the_corpus_reaches_every_reason() -> None:
    wanted = {said["want"] for case in CASES.values() for said in case["send"]}
    raised_by_the_server = {"expired-decision"}
    assert wanted - {"taken", "again"} == set(REPORT_CODES) - raised_by_the_server
    assert {code for code, _ in REASONS} <= wanted


def test_what_the_server_cannot_resolve_is_counted_too(new_sqlite: Any) -> None:
    memory = Memory(new_sqlite())
    refusal = memory.refuse("expired-decision")
    assert (refusal.code, refusal.status) == ("expired-decision", 410)
    assert memory.counts == {"expired-decision": 1}
    memory.close()


def test_many_reports_are_answered_one_by_one(new_sqlite: Any, kept: Any) -> None:
    memory = Memory(new_sqlite())
    batch = [
        kept.reported("dec-1"),
        kept.reported("dec-1"),
        kept.reported("dec-2", because="\n"),
        *(kept.reported(f"new-{n}", f"r{n}") for n in range(1_200)),
    ]
    assert [one and one.code for one in memory.report_many(batch)] == [
        None,
        "duplicate-report",
        "bad-report",
        *[None] * 1_200,
    ]
    assert memory.counts == {"taken": 1_201, "duplicate-report": 1, "bad-report": 1}
    assert memory.verify("acme") == ()
    memory.close()


def test_the_page_lists_every_code_with_its_status() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "memory-store.md").read_text(encoding="utf-8")
    rows = [[cell.strip() for cell in line.split("|")] for line in page.splitlines() if line.startswith("| `")]
    listed = {row[1].strip("`"): int(row[2]) for row in rows if row[2].isdigit()}
    assert listed == {code: meaning.status for code, meaning in REPORT_CODES.items()}
    assert all(f"`{code}`" in page for code in REVIEW_CODES)
