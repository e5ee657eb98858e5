"""server/versions/service.py, following.py, routes_policies.py: a real gate, from an empty database on."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from server.exchange import Scope
from server.store import StoreError
from server.versions import Bundle, SigningKey

FIRST = 'language 1\nallow pay(to, amount) as small when to == "ann" and amount < 100\n'
WIDER = 'language 1\nallow pay(to, amount) as small when to == "ann" and amount < 500\n'
NARROWER = 'language 1\nallow pay(to, amount) as small when to == "ann" and amount < 10\n'
ASKS = 'language 1\nask pay(to, amount) as big when to == "ann"\n'
KEYS = {
    "admin": {"agent": "desk", "user": "ada", "scopes": [Scope.ADMIN]},
    "reader": {"agent": "desk", "user": "rob", "scopes": [Scope.POLICY]},
    "approver": {"agent": "console", "user": "ann", "scopes": [Scope.APPROVE]},
}
TOOLS = [{"type": "function", "function": {"name": "pay", "parameters": {"type": "object"}}}]


@dataclass
class Versioned:
    """A gate with versions, and what people ask of it."""

    gate: Any
    outside: Any
    make_bundle: Callable[..., Bundle]

    def publish(self, policy: str | Bundle, **more: Any) -> Any:
        bundle = self.make_bundle({"policy.lw": policy}) if isinstance(policy, str) else policy
        body = {"bundle": json.loads(bundle.encoded()), **more}
        return self.gate.with_key("admin").ask("POST", "/v1/policies", body)

    def put(self, manner: str, number: int, expected: int, *, widens: bool = False, key: str = "admin") -> Any:
        body = {"expected": expected, "because": "why not", "widens": widens}
        return self.gate.with_key(key).ask("POST", f"/v1/policies/{number}/{manner}", body)

    def looked(self, path: str = "", key: str = "reader") -> Any:
        return self.gate.with_key(key).ask("GET", f"/v1/policies{path}")

    def pays(self, amount: int, **headers: str) -> bool:
        """Whether a model's call leaves the gate."""
        self.gate.model.script = [
            self.outside.saying({"calls": [["pay", json.dumps({"to": "ann", "amount": amount})]]}),
            *[self.outside.saying({"text": "nothing"})] * 4,
        ]
        body = {"model": "m", "messages": [{"role": "user", "content": "pay"}], "tools": TOOLS}
        answer = self.gate.client.ask("POST", "/v1/chat/completions", body, headers or None)
        return bool(json.loads(answer.body)["choices"][0]["message"].get("tool_calls"))


@pytest.fixture
def versioned(outside: Any, tmp_path: Path, key: SigningKey, make_bundle: Callable[..., Bundle]) -> Iterator[Versioned]:
    (tmp_path / "gate").mkdir()
    with outside.running_gate(
        tmp_path / "gate",
        "broken: no gate with versions reads this file",
        keys=KEYS,
        refusals={"rounds": 0},
        policies={"trusted_keys": {"ops": key.public.text}},
    ) as gate:
        yield Versioned(gate, outside, make_bundle)


def told(answer: Any) -> tuple[int, str]:
    return answer.status, "" if answer.status == 200 else answer.code


def test_the_life_of_a_policy(versioned: Versioned) -> None:
    gate = versioned.gate
    assert gate.ready()[0] == 503
    assert versioned.looked().tree["serves"]["error"].startswith("no policy version is in force")
    assert not versioned.pays(5)

    first = versioned.publish(FIRST, because="the first one").tree
    assert (first["version"], first["signed_by"], first["published_by"]) == (1, ["ops"], "ada")
    assert not versioned.pays(5), "publishing puts nothing in force"
    assert versioned.put("activate", 1, 0).tree["instead_of"] == 0
    assert gate.ready()[0] == 200
    assert versioned.pays(50)
    assert not versioned.pays(200)

    assert versioned.publish(WIDER).tree["version"] == 2
    compared = versioned.looked("/2/diff").tree
    assert (compared["widens"], compared["against"]) == (True, 1)
    assert any("pay" in line for line in compared["sections"]["widening: NEW grants"])
    assert told(versioned.put("activate", 2, 1)) == (409, "widens")
    assert not versioned.pays(200)
    assert versioned.put("activate", 2, 1, widens=True).status == 200
    assert versioned.pays(200)

    assert told(versioned.put("activate", 1, 2)) == (409, "wrong-direction")
    assert versioned.put("rollback", 1, 2).tree["manner"] == "rollback", "what narrows needs no further word"
    assert not versioned.pays(200)
    assert versioned.pays(50)
    assert told(versioned.put("rollback", 2, 1)) == (409, "wrong-direction")

    tree = versioned.looked().tree
    assert tree["in_force"] == tree["serves"]["version"] == 1
    assert [(one["manner"], one["instead_of"], one["version"]) for one in tree["activations"]] == [
        ("rollback", 2, 1), ("activate", 1, 2), ("activate", 0, 1)
    ]  # fmt: skip
    acts = [one for one in gate.records() if one["kind"] == "act"]
    assert [(one["act"]["verb"], one["act"]["because"], one["act"]["by"]) for one in acts] == [
        ("publish", "the first one", "ada"), ("activate", "why not", "ada"), ("publish", "", "ada"),
        ("activate", "why not", "ada"), ("rollback", "why not", "ada"),
    ]  # fmt: skip
    assert [one["id"] for one in acts if one["act"]["verb"] != "publish"] == [
        one["record"] for one in reversed(tree["activations"])
    ]
    assert acts[-1]["policy_hash"] == first["policy_hash"]
    assert acts[-1]["act"]["label"] == f"policy version 1 {first['digest']}"
    assert gate.house.store.verify().problems == ()


def test_who_may_do_what(versioned: Versioned) -> None:
    versioned.publish(FIRST)
    assert told(versioned.put("activate", 1, 0, key="reader")) == (403, "missing-scope")
    assert versioned.looked("/1", key="admin").tree["files"] == {"policy.lw": FIRST}
    assert told(versioned.looked("", key="approver")) == (403, "missing-scope")
    assert versioned.gate.client.ask("GET", "/v1/policies").status == 403
    posted = versioned.gate.with_key("reader").ask("POST", "/v1/policies", {"bundle": {}})
    assert posted.status == 403
    assert versioned.looked().tree["in_force"] == 0


def test_bad_changes_change_nothing(versioned: Versioned) -> None:
    versioned.publish(FIRST)
    admin = versioned.gate.with_key("admin")
    for body in (
        {}, {"expected": 0}, {"because": "x"}, {"expected": "0", "because": "x"}, {"expected": True, "because": "x"},
        {"expected": 0, "because": "  "}, {"expected": 0, "because": "x" * 1001},
        {"expected": 0, "because": "x", "widens": 1}, {"expected": 0, "because": "x", "force": True},
    ):  # fmt: skip
        assert told(admin.ask("POST", "/v1/policies/1/activate", body)) == (400, "bad-policy-change")
    assert told(versioned.put("activate", 2, 0)) == (404, "unknown-version")
    for path in ("/0", "/2", "/-1", "/1x", "/99999999999999999999", "/2/diff", "/0/diff", "/%D9%A3"):
        assert versioned.looked(path).status == 404
    assert told(versioned.put("activate", 1, 1)) == (409, "policy-moved")
    assert told(versioned.put("rollback", 1, 0)) == (409, "wrong-direction")
    for bundle in ([], "x", {}, {"files": {}, "manifest": "", "signatures": {}}):
        answer = admin.ask("POST", "/v1/policies", {"bundle": bundle})
        assert answer.status == 422, answer.body
    assert versioned.looked().tree["in_force"] == 0
    versioned.put("activate", 1, 0)
    assert told(versioned.put("activate", 1, 1)) == (409, "already-in-force")


def test_an_old_bundle_is_not_let_in_beside_a_newer_one(
    versioned: Versioned, make_bundle: Callable[..., Bundle]
) -> None:
    """TUF's rollback attack: signed, but from before."""
    old, new = make_bundle({"policy.lw": WIDER}, 10), make_bundle({"policy.lw": FIRST}, 20)
    assert versioned.publish(new).status == 200
    assert told(versioned.publish(old)) == (409, "not-newer")
    assert told(versioned.publish(new)) == (409, "already-published")
    assert told(versioned.publish(make_bundle({"policy.lw": NARROWER}, 20))) == (409, "not-newer")
    assert len(versioned.looked().tree["versions"]) == 1


def test_of_two_people_one_loses(versioned: Versioned) -> None:
    for policy in (FIRST, NARROWER, NARROWER.replace("10", "9")):
        assert versioned.publish(policy).status == 200
    versioned.put("activate", 1, 0)
    answers: list[tuple[int, str]] = []

    def put(number: int) -> None:
        answers.append(told(versioned.put("activate", number, 1)))

    threads = [threading.Thread(target=put, args=(2 + number % 2,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answers) == [(200, ""), *[(409, "policy-moved")] * 5]
    assert len(versioned.looked().tree["activations"]) == 2


def test_an_approval_of_one_policy_releases_nothing_under_another(versioned: Versioned) -> None:
    gate = versioned.gate
    run = {"x-leastward-run": gate.client.ask("POST", "/v1/runs").tree["id"]}
    versioned.publish(ASKS)
    versioned.put("activate", 1, 0)
    assert not versioned.pays(200, **run)
    approver = gate.with_key("approver")
    [pending] = approver.ask("GET", "/v1/approvals").tree["pending"]
    assert approver.ask("POST", f"/v1/approvals/{pending['id']}", {"approve": True}).status == 200
    versioned.publish(ASKS + "allow stat(path)\n")
    assert versioned.put("activate", 2, 1, widens=True).status == 200
    assert not versioned.pays(200, **run), "the yes was given under the policy before"
    assert approver.ask("GET", f"/v1/approvals/{pending['id']}").tree["state"] == "approved"
    assert versioned.put("rollback", 1, 2).status == 200
    assert versioned.pays(200, **run), "under its own policy the yes holds as long as it says"


def test_what_runs_ends_under_the_policy_that_it_began_with(versioned: Versioned, outside: Any) -> None:
    """The upstream is asked under version 1, and answers when version 2 is in force."""
    versioned.publish(FIRST)
    versioned.publish(NARROWER)
    versioned.put("activate", 1, 0)
    said, answers = outside.saying({"calls": [["pay", '{"to":"ann","amount":50}']]}), []

    def slowly(asked: Any) -> Any:
        assert versioned.put("activate", 2, 1).status == 200
        return said(asked)

    versioned.gate.model.script = [slowly]
    body = {"model": "m", "messages": [{"role": "user", "content": "pay"}], "tools": TOOLS}
    answers = json.loads(versioned.gate.client.ask("POST", "/v1/chat/completions", body).body)
    assert answers["choices"][0]["message"]["tool_calls"]
    hashes = [one["policy_hash"] for one in versioned.gate.records() if one["kind"] == "decision"]
    assert hashes == [versioned.looked("/1").tree["policy_hash"]]
    assert not versioned.pays(50)


def test_a_gate_begins_with_what_is_in_force(versioned: Versioned, key: SigningKey, tmp_path: Path) -> None:
    from server.metrics import Metrics
    from server.opening import open_policies
    from server.settings import Settings
    from server.store import Store

    versioned.publish(FIRST)
    versioned.put("activate", 1, 0)
    store = Store.open(tmp_path / "gate" / "gate.db")
    trusting = {"policies": {"trusted_keys": {"renamed": key.public.text}}}
    policies, desk = open_policies(Settings.model_validate(trusting), store, None, store._clock, Metrics())
    assert desk is not None
    assert policies.error is None
    assert policies.current.policy_hash == versioned.looked("/1").tree["policy_hash"]


def test_files_and_a_version_in_force_do_not_go_together(versioned: Versioned, tmp_path: Path) -> None:
    from server.settings import Settings
    from server.wiring import build

    (tmp_path / "policy.lw").write_text(FIRST)
    settings = Settings.model_validate({"database": str(tmp_path / "gate" / "gate.db")})
    build(settings, tmp_path).store.close()
    versioned.publish(FIRST)
    versioned.put("activate", 1, 0)
    with pytest.raises(StoreError, match="version 1 is in force"):
        build(settings, tmp_path)


def test_what_does_not_hold_any_more_allows_nothing(versioned: Versioned, tmp_path: Path) -> None:
    """Whoever changes the database does not thereby change the policy."""
    versioned.publish(FIRST)
    versioned.publish(NARROWER)
    versioned.put("activate", 1, 0)
    with contextlib.closing(sqlite3.connect(tmp_path / "gate" / "gate.db")) as database, database:
        database.execute("UPDATE policy_version SET bundle = CAST(replace(bundle, '< 100', '< 900') AS BLOB)")
        database.execute("INSERT INTO policy_activation VALUES (2, 1, 1, 'activate', 'eve', '', '', '')")
    versioned.outside.wait_for(lambda: versioned.gate.ready()[0] == 503)
    assert not versioned.pays(5)
    assert versioned.looked().tree["serves"]["version"] == 1
    assert told(versioned.looked("/1")) == (422, "bad-hash")
    assert told(versioned.put("activate", 2, 1)) == (409, "widens"), "what cannot be compared with counts as wider"
    assert versioned.put("activate", 2, 1, widens=True).status == 200
    assert versioned.gate.ready()[0] == 200
    assert versioned.pays(5)


def test_a_key_is_rotated_by_signing_once_more(
    versioned: Versioned, key: SigningKey, other_key: SigningKey, tmp_path: Path
) -> None:
    from server.store import Store
    from server.versions import TrustedKeys, VersionedPolicies

    bundle = versioned.make_bundle({"policy.lw": FIRST})
    versioned.publish(bundle)
    versioned.put("activate", 1, 0)
    shelf = Store.open(tmp_path / "gate" / "gate.db").policies
    later = VersionedPolicies(shelf, TrustedKeys.read({"next": other_key.public.text}))
    later.look()
    assert later.error == "no key of `policies.trusted_keys` signed this bundle"
    assert later.current.program.policy.rules == {}
    alone = Bundle(bundle.manifest, bundle.files, {}).signed(other_key)
    assert told(versioned.publish(alone)) == (422, "untrusted-bundle"), "a gate adds what it trusts itself"
    assert versioned.publish(bundle.signed(other_key)).tree["version"] == 1
    later.look()
    assert later.error is None
    assert later.is_loaded
    assert versioned.looked().tree["versions"][0]["signed_by"] == ["ops"]


def test_a_gate_with_files_has_no_versions(outside: Any, tmp_path: Path) -> None:
    with outside.running_gate(tmp_path, FIRST, keys=KEYS) as gate:
        for path in ("", "/1", "/1/diff"):
            assert told(gate.with_key("reader").ask("GET", f"/v1/policies{path}")) == (404, "policy-versions-off")
        assert told(gate.with_key("admin").ask("POST", "/v1/policies", {"bundle": {}})) == (404, "policy-versions-off")
