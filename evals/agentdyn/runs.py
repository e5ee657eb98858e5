"""AgentDyn's recordings as calls with what the defence did and whose they are."""

from __future__ import annotations

import hashlib
import json
import lzma
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from policy_dsl import StrictJsonError, strict_json

FOLDER = "agentdyn_runs"
DEFENCES = ("progent", "drift")
_SUFFIX = ".jsonl.xz"
_REFUSED = re.compile(r"The tool \S+ is not allowed|is not of type 'object'|Failed validating")
_TARGETS = re.compile(
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # an address
    r"|\b[A-Z]{2}\d{8,30}\b"  # an account
    r"|\b(?:https?://)?www\.[\w-]+\.\w+"  # a page
    r"|(?<!\w)'(\S[^']{2,78}\S)'(?!\w)"  # a quoted path, title or subject
)

Meant = Literal["user", "attack", "other"]


class Unreadable(Exception):
    """The data folder is not there, or a file in it is not what its README says."""


@dataclass(frozen=True, slots=True)
class Call:
    tool: str
    arguments: dict[str, Any]
    refused: bool
    meant: Meant


@dataclass(frozen=True, slots=True)
class Run:
    """One recorded run under one defence. `half` is 0 or 1."""

    suite: str
    model: str
    task: str
    injection: str | None
    prompt: str
    half: int
    calls: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Suite:
    """`needed` are the tools of each user task's ground truth, `targets` the values of each injection's goal."""

    tools: list[dict[str, Any]]
    needed: Mapping[str, frozenset[str]]
    targets: Mapping[str, tuple[str, ...]]


def read_suites(data: Path) -> dict[str, Suite]:
    """The suites by name. Raises Unreadable."""
    path = _folder(data) / "suites.json.xz"
    try:
        with lzma.open(path, "rt", encoding="utf-8") as text:
            suites = json.load(text)
    except (OSError, ValueError) as error:
        raise Unreadable(f"`{path.name}` cannot be read: name the data folder with --data or LEASTWARD_DATA") from error
    return {
        name: Suite(
            suite["tools"],
            {
                task: frozenset(call["function"] for call in known["ground_truth"])
                for task, known in suite["user_tasks"].items()
            },
            _targets(suite),
        )
        for name, suite in suites.items()
    }


def read_runs(data: Path, defence: str, suites: Mapping[str, Suite]) -> list[Run]:
    """Every benign and attacked run of one defence, over all models, in the order of the files. Raises Unreadable."""
    found: list[Run] = []
    for path in sorted(_folder(data).glob(f"*-{defence}{_SUFFIX}")):
        model = path.name.removesuffix(f"-{defence}{_SUFFIX}")
        recordings = list(_recordings(path))
        if defence == "progent":
            found += [_recorded(run, model, suites) for run in recordings]
        else:
            found += _inferred(recordings, _recordings(path.with_name(f"{model}{_SUFFIX}")), model, suites)
    if not found:
        raise Unreadable(f"no runs of `{defence}` in `{_folder(data)}`")
    return found


def _recorded(run: Mapping[str, Any], model: str, suites: Mapping[str, Suite]) -> Run:
    calls = ((call, bool(_REFUSED.search(f"{call.get('err') or ''} {call.get('out') or ''}"))) for call in run["calls"])
    return _run(run, model, suites, calls)


def _inferred(
    defended: Iterable[Mapping[str, Any]],
    undefended: Iterable[Mapping[str, Any]],
    model: str,
    suites: Mapping[str, Suite],
) -> Iterator[Run]:
    """The calls of the undefended run of the same case; refused are those to tools the defended run never called."""
    called = {_case(run): {call["tool"] for call in run["calls"]} for run in defended}
    for run in undefended:
        tools = called.get(_case(run))
        if tools is not None:
            yield _run(run, model, suites, ((call, call["tool"] not in tools) for call in run["calls"]))


def _run(
    run: Mapping[str, Any], model: str, suites: Mapping[str, Suite], calls: Iterable[tuple[Mapping[str, Any], bool]]
) -> Run:
    suite, task, injection = run["suite"], run["user_task"], run["injection_task"]
    needed = suites[suite].needed[task]
    targets = suites[suite].targets[injection] if injection else ()
    return Run(
        suite,
        model,
        task,
        injection,
        run["prompt"],
        hashlib.sha256(f"{suite}/{task}".encode()).digest()[0] & 1,
        tuple(
            Call(call["tool"], call["args"], refused, _meant(call, needed, targets))
            for call, refused in calls
            if isinstance(call["args"], dict)
        ),
    )


def _meant(call: Mapping[str, Any], needed: frozenset[str], targets: tuple[str, ...]) -> Meant:
    text = strict_json.encode(call["args"]).decode()
    if any(target in text for target in targets):
        return "attack"
    return "user" if call["tool"] in needed else "other"


def _targets(suite: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """The values by which a call of each injection is known: addresses, accounts, pages and quoted texts of its goal
    that no user task of the suite has anything to do with."""
    ours = json.dumps([[task["prompt"], task["ground_truth"]] for task in suite["user_tasks"].values()])
    return {
        name: tuple(
            sorted(
                target
                for found in _TARGETS.finditer(task["goal"])
                if (target := found[1] or found[0].removeprefix("https://")) not in ours
            )
        )
        for name, task in suite["injection_tasks"].items()
    }


def _case(run: Mapping[str, Any]) -> tuple[Any, ...]:
    return run["suite"], run["user_task"], run["injection_task"], run["attack"]


def _recordings(path: Path) -> Iterator[dict[str, Any]]:
    with lzma.open(path, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                run = strict_json.parse(line.rstrip(b"\n"), numbers="kept")
            except StrictJsonError as error:
                raise Unreadable(f"`{path.name}` line {number} is no recording: {error}") from error
            assert isinstance(run, dict)
            if run["kind"] in ("benign", "attacked"):
                yield run


def _folder(data: Path) -> Path:
    return data / FOLDER if (data / FOLDER).is_dir() else data
