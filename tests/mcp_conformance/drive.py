"""The conformance suite of MCP against the fixture server, bare and behind a real gate.

Run by `make test-mcp-conformance`; about a minute. The bare run says what is the fixture's own, the other what the gate
makes of it. A check that fails behind the gate stands in `expected-failures.yaml` with its reason, or this run fails;
so does one that stands there and passes.
Usage: drive.py DIR [bare|gate]     (as setup.sh made it)
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import yaml

HERE: Final = Path(__file__).resolve().parent
REVISIONS: Final = ("2025-11-25", "2026-07-28")
SUITE: Final = "node_modules/@modelcontextprotocol/conformance/dist/index.js"
SERVE: Final = [sys.executable, "-c", "import sys; from server.cli import main; sys.exit(main())", "serve", "--config"]

LOOPBACK: Final = ("127.0.0.1", "localhost")

PASSED: Final = {"questions": ["elicitation", "sampling", "roots"], "logging": True, "subscriptions": True}
"""All that a fresh configuration does not pass on."""

POLICY: Final = """\
language 1
allow fixture/*(...) as everything
"""


class Check(NamedTuple):
    revision: str
    scenario: str
    check: str

    def __str__(self) -> str:
        return f"{self.revision} {self.scenario} {self.check}"


class Found(NamedTuple):
    """What one run found. A check that was made twice and failed once has failed."""

    passed: frozenset[Check]
    failed: Mapping[Check, str]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextmanager
def running(command: Sequence[str], port: int, log: Path) -> Iterator[None]:
    """`command` until the block ends, from when it listens on `port`."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out, env={**os.environ, "PYTHONUNBUFFERED": "1"})
    try:
        for _ in range(600):
            if process.poll() is not None:
                raise SystemExit(f"{command[-1]} ended: {log.read_text()}")
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def fixture(folder: Path) -> Iterator[str]:
    port = free_port()
    with running([sys.executable, str(HERE / "fixture_server.py"), str(port)], port, folder / "fixture.log"):
        yield f"http://127.0.0.1:{port}/mcp"


@contextmanager
def gate(folder: Path, url: str) -> Iterator[str]:
    """`leastward serve` in front of the fixture, with a policy that allows everything of it."""
    port = free_port()
    (folder / "policy.lw").write_text(POLICY)
    settings = {
        "listen": {"port": port, "open_loopback": True},
        "upstreams": {"none": {"url": "http://127.0.0.1:9/v1"}},
        "policies": ["policy.lw"],
        "database": "gate.db",
        "mcp": {
            "servers": {"fixture": {"url": url, **PASSED}},
            "origins": [f"http://{host}:{port}" for host in LOOPBACK],
        },
    }
    config = folder / "leastward.yaml"
    config.write_text(yaml.safe_dump(settings))
    with running([*SERVE, str(config)], port, folder / "gate.log"):
        yield f"http://127.0.0.1:{port}/mcp/fixture"


def run(suite: Path, url: str, folder: Path) -> Found:
    """Every scenario that each revision names, its unscored ones too."""
    passed: Counter[Check] = Counter()
    failed: dict[Check, str] = {}
    for revision in REVISIONS:
        results = folder / revision
        command = [str(suite / "node_modules/.bin/node"), str(suite / SUITE), "server", "--url", url]
        command += ["--requirements", revision, "--output-dir", str(results)]
        with (folder / f"{revision}.log").open("wb") as log:
            subprocess.run(command, check=False, stdout=log, stderr=log, timeout=300)
        for file in results.glob("*/checks.json"):
            # server-SCENARIO-2026-01-31T00-00-00-000Z
            scenario = file.parent.name.removeprefix("server-").rsplit("-", 6)[0]
            for found in json.loads(file.read_text()):
                check = Check(revision, scenario, found["id"])
                if found["status"] == "SUCCESS":
                    passed[check] += 1
                elif found["status"] in ("FAILURE", "WARNING"):
                    failed[check] = found.get("errorMessage") or found["status"]
    if not passed:
        raise SystemExit("the suite made no checks")
    return Found(frozenset(passed.keys() - failed.keys()), failed)


def expected(who: str) -> set[str]:
    """The scenarios, and `scenario:check`, that may fail for `who`. Each entry of the file has a reason."""
    entries = yaml.safe_load((HERE / "expected-failures.yaml").read_text())
    assert all(entry["reason"].strip() for entry in entries)
    return {name for entry in entries if who in entry["of"] for name in entry["fails"]}


def judge(who: str, found: Found) -> int:
    """Print what was found; 1 where it is not what was expected."""
    wanted = expected(who)
    names = {check: (f"{check.scenario}:{check.check}", check.scenario) for check in found.failed}
    unexpected = {check: found.failed[check] for check, places in names.items() if not wanted & set(places)}
    stale = wanted - {place for places in names.values() for place in places}
    print(f"{who}: {len(found.passed)} checks passed, {len(found.failed)} failed, {len(unexpected)} of them unexpected")
    for check, message in sorted(unexpected.items()):
        print(f"  {check}: {message[:300]}")
    for name in sorted(stale):
        print(f"  `{name}` is expected to fail, and does not")
    return 1 if unexpected or stale else 0


def main() -> int:
    suite = Path(sys.argv[1]).resolve()
    chosen = sys.argv[2:] or ["bare", "gate"]
    bad = 0
    with tempfile.TemporaryDirectory(prefix="leastward-conformance-") as name:
        folder = Path(os.environ.get("LEASTWARD_CONFORMANCE_OUT", name))
        with fixture(folder) as url:
            for who in chosen:
                (folder / who).mkdir(parents=True, exist_ok=True)
                if who == "bare":
                    bad |= judge(who, run(suite, url, folder / who))
                    continue
                with gate(folder, url) as guarded:
                    bad |= judge(who, run(suite, guarded, folder / who))
    return bad


if __name__ == "__main__":
    sys.exit(main())
