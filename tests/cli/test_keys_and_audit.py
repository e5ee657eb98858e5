"""server/cli/keys.py, audit.py, database.py: keys and Records of a real database, from the command line."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
from msgspec import structs

from evals.bench.records import record as recorded
from guardrail import Record
from server.store import Store

Leastward = Callable[..., Any]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database with three Records in it, closed."""
    path = tmp_path / "records.db"
    store = Store.open(path)
    store.start()
    try:
        asyncio.run(store.commit([record(number) for number in range(3)]))
    finally:
        store.close()
    return path


def record(number: int, tool: str = "pay") -> Record:
    forbidden = {"effect": "forbid", "rule": "never", "arguments": None, "payload": None}
    return recorded(number, id=f"dec-{number}", at="2026-11-22T12:00:00.000000Z", tenant="t", tool=tool, **forbidden)


def test_a_key_is_issued_listed_and_revoked(leastward: Leastward, tmp_path: Path) -> None:
    at = ["--database", str(tmp_path / "keys.db")]
    issued = leastward("keys", "issue", "--tenant", "t", "--agent", "a", "--scope", "call", "--scope", "runs", *at)
    assert (issued.exit, len(issued.stdout.strip())) == (0, 46)
    assert issued.stdout.strip().startswith("lw-")
    listed = leastward("keys", "list", "--json", *at)
    (key,) = json.loads(listed.stdout)["keys"]
    assert (key["tenant"], key["agent"], key["scopes"], key["revoked_at"]) == ("t", "a", ["call", "runs"], None)
    assert issued.stdout.strip() not in listed.stdout
    assert leastward("keys", "revoke", key["id"], *at).exit == 0
    (key,) = json.loads(leastward("keys", "list", "--json", *at).stdout)["keys"]
    assert key["revoked_at"] is not None


def test_an_agents_key_has_the_call_scope_alone(leastward: Leastward, tmp_path: Path) -> None:
    at = ["--database", str(tmp_path / "keys.db"), "--json"]
    issued = json.loads(leastward("keys", "issue", "--tenant", "t", "--agent", "a", *at).stdout)
    assert (issued["scopes"], issued["speaks_for_user"]) == (["call"], False)


def test_a_scope_that_does_not_exist_is_called_wrongly(leastward: Leastward, tmp_path: Path) -> None:
    ended = leastward(
        "keys", "issue", "--tenant", "t", "--agent", "a", "--scope", "root", "--database", str(tmp_path / "keys.db")
    )
    assert (ended.exit, ended.stdout) == (2, "")
    assert "there is no scope `root`: a scope is one of `call`, `runs`, " in ended.stderr


def test_a_key_is_somebodys(leastward: Leastward, tmp_path: Path) -> None:
    ended = leastward("keys", "issue", "--tenant", "t", "--agent", "", "--database", str(tmp_path / "keys.db"))
    assert (ended.exit, ended.stdout) == (2, "")
    assert not (tmp_path / "keys.db").exists()


def test_a_key_that_was_issued_in_some_folder_says_so(leastward: Leastward) -> None:
    issue = ("keys", "issue", "--tenant", "t", "--agent", "a")
    assert "there is no leastward.yaml here: the key is good at a gate " in leastward(*issue).stderr
    assert "leastward.yaml" not in leastward(*issue, files={"leastward.yaml": "mode: enforce\n"}).stderr


def test_an_unknown_key_is_a_problem(leastward: Leastward, database: Path) -> None:
    ended = leastward("keys", "revoke", "key-none", "--database", str(database))
    assert (ended.exit, "key-none" in ended.stderr) == (1, True)


def test_no_database_is_made_by_looking(leastward: Leastward, tmp_path: Path) -> None:
    assert leastward("keys", "list", "--database", str(tmp_path / "none.db")).exit == 1
    assert leastward("audit", "verify", "--database", str(tmp_path / "none.db")).exit == 1
    assert not (tmp_path / "none.db").exists()


def test_a_whole_chain_verifies(leastward: Leastward, database: Path) -> None:
    ended = leastward("audit", "verify", "--json", "--database", str(database))
    document = json.loads(ended.stdout)
    assert (ended.exit, document["rows"], document["chains"], document["problems"]) == (0, 4, 1, [])
    assert "not seen by this" in document["note"]


def test_records_are_exported_in_the_documented_form(leastward: Leastward, database: Path) -> None:
    ended = leastward("audit", "export", "--database", str(database))
    schema = json.loads((ROOT / "docs/schemas/policy-decision-record-1.json").read_text(encoding="utf-8"))
    documents = [json.loads(line) for line in ended.stdout.splitlines()]
    assert [document["id"] for document in documents] == ["dec-0", "dec-1", "dec-2"]
    for document in documents:
        jsonschema_rs.validate(schema, document)
    with pytest.raises(jsonschema_rs.ValidationError):
        jsonschema_rs.validate(schema, documents[0] | {"more": 1})
    behind = leastward(
        "audit", "export", "--after", str(documents[1]["chain"]["position"]), "--database", str(database)
    )
    assert [json.loads(line)["id"] for line in behind.stdout.splitlines()] == ["dec-2"]


def test_an_edited_record_is_found(leastward: Leastward, database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("UPDATE record SET body = CAST(replace(body, 'forbid', 'allow') AS BLOB) WHERE id = 'dec-1'")
    connection.commit()
    connection.close()
    ended = leastward("audit", "verify", "--database", str(database))
    assert ended.exit == 1
    assert "dec-1" in ended.stdout


def test_records_are_shown(leastward: Leastward, database: Path) -> None:
    shown = json.loads(leastward("audit", "show", "--json", "--last", "2", "--database", str(database)).stdout)
    assert [one["id"] for one in shown["records"]] == ["dec-1", "dec-2"]
    one = json.loads(leastward("audit", "show", "dec-0", "--database", str(database)).stdout)
    assert (one["id"], one["rule"], one["payload"]) == ("dec-0", "never", None)
    assert leastward("audit", "show", "dec-9", "--database", str(database)).exit == 1


def test_the_newest_are_those_of_all_chains(leastward: Leastward, tmp_path: Path) -> None:
    """As with replicas, whose chains are written side by side."""
    at = [f"2026-11-22T12:00:0{second}.000000Z" for second in (1, 3, 2)]
    for number, moment in enumerate(at):
        with Store.open(tmp_path / "chains.db") as store:
            store.commit_blocking([structs.replace(record(number), at=moment)])
    shown = leastward("audit", "show", "--json", "--last", "2", "--database", str(tmp_path / "chains.db")).stdout
    assert [one["id"] for one in json.loads(shown)["records"]] == ["dec-2", "dec-1"]


def test_an_exchange_is_shown_with_all_its_records(leastward: Leastward, tmp_path: Path) -> None:
    database = tmp_path / "exchange.db"
    exchange = "dec-" + "0" * 26
    names = [f"{exchange}.{number}" for number in (1, 2)]
    long = "a-rule-whose-name-is-so-long-that-no-table-has-a-place-for-all-of-it-in-120-columns"
    with Store.open(database) as store:
        store.commit_blocking([structs.replace(record(at), id=name, rule=long) for at, name in enumerate(names)])
    tree = json.loads(leastward("audit", "show", exchange, "--database", str(database)).stdout)
    assert (tree["id"], [one["id"] for one in tree["decisions"]]) == (exchange, names)
    assert json.loads(leastward("audit", "show", names[1], "--database", str(database)).stdout)["id"] == names[1]
    listed = leastward("audit", "show", "--database", str(database)).stdout
    assert all(name in listed for name in names)


def test_the_arguments_of_a_record_are_erased(leastward: Leastward, tmp_path: Path) -> None:
    path = tmp_path / "erased.db"
    at = ("--database", str(path))
    with Store.open(path) as store:
        made = recorded(0, id="dec-a.1", tenant="t")
        store.commit_blocking([made])
        assert store.decision("dec-a.1", "t")["payload"]  # type: ignore[index]
        assert "its arguments are erased" in leastward("audit", "erase", "dec-a", *at).stdout  # beside the writer
    assert json.loads(leastward("audit", "show", "dec-a.1", *at).stdout)["payload"] is None
    assert "had no arguments that were kept" in leastward("audit", "erase", "dec-a.1", *at).stdout
    assert leastward("audit", "erase", "dec-b", *at).exit == 1
    assert leastward("audit", "verify", *at).exit == 0


def test_a_tools_name_cannot_paint_the_terminal(leastward: Leastward, tmp_path: Path) -> None:
    database = tmp_path / "painted.db"
    with Store.open(database) as store:
        store.commit_blocking([record(0, tool="[bold]x[/]\x1b[2J\u202e")])
    shown = leastward("audit", "show", "--database", str(database)).stdout
    assert "[bold]x[/]\\x1b[2J\\u202e" in shown
    assert "\x1b" not in shown


def test_a_cut_end_is_found_by_a_checkpoint(leastward: Leastward, database: Path, tmp_path: Path) -> None:
    outside = ["--checkpoints", str(tmp_path / "marks"), "--key", str(tmp_path / "marks.key")]
    assert leastward("audit", "anchor", *outside, "--database", str(database)).exit == 0
    assert leastward("audit", "verify", *outside, "--database", str(database)).exit == 0
    connection = sqlite3.connect(database)
    connection.execute("DELETE FROM record WHERE id = 'dec-2'")
    connection.commit()
    connection.close()
    assert leastward("audit", "verify", "--database", str(database)).exit == 0
    ended = leastward("audit", "verify", *outside, "--database", str(database))
    assert (ended.exit, "truncated" in ended.stdout) == (1, True)


def test_checkpoints_without_their_key_are_called_wrongly(leastward: Leastward, database: Path) -> None:
    assert leastward("audit", "verify", "--checkpoints", "marks", "--database", str(database)).exit == 2


def test_a_rotated_key_ends_after_its_grace(leastward: Leastward, tmp_path: Path) -> None:
    database = str(tmp_path / "keys.db")
    issue = ("keys", "issue", "--database", database, "--tenant", "t", "--agent", "a", "--role", "ops", "--json")
    old = json.loads(leastward(*issue).stdout)
    new = json.loads(leastward("keys", "rotate", old["id"], "--grace", "0.5", "--database", database, "--json").stdout)
    assert new["secret"] != old["secret"]
    assert {**new, "id": "", "made_at": "", "secret": ""} == {**old, "id": "", "made_at": "", "secret": ""}
    with Store.open(database) as store:
        deadline = time.monotonic() + 20
        while store.caller_for(new["secret"]) is None or store.caller_for(old["secret"]) is not None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    again = leastward("keys", "rotate", old["id"], "--database", database)
    assert (again.exit, "still works" in again.stderr) == (1, True)
    assert leastward("keys", "rotate", "key-none", "--database", database).exit == 1
    assert leastward("keys", "rotate", new["id"], "--grace", "-1", "--database", database).exit == 2
