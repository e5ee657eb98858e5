"""tau's tasks, databases and recorded dialogues, read from the data folder (its README.md describes the fields)."""

from __future__ import annotations

import gzip
import lzma
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from policy_dsl import StrictJsonError, parse_json

FOLDER = "tau"

DomainName = Literal["airline", "retail"]

DOMAINS: tuple[DomainName, ...] = ("airline", "retail")


class Unreadable(Exception):
    """The data folder is not there, or a file in it is not what its README says."""


@dataclass(frozen=True, slots=True)
class Call:
    """`output` is what the tool answered, None where nobody recorded it; `failed` where it answered with an error."""

    tool: str
    arguments: dict[str, Any]
    output: Any = None
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Task:
    """`words` are what the simulated user was told to say, which stands for what the user says."""

    id: str
    words: str
    truth: tuple[Call, ...]


@dataclass(frozen=True, slots=True)
class Dialogue:
    """`passed`: the database ended as the authors wanted. `words` are the user's messages, in order."""

    task: int
    trial: int
    passed: bool
    words: tuple[str, ...]
    calls: tuple[Call, ...]
    truth: tuple[Call, ...]


def read_tasks(data: Path, domain: DomainName) -> list[Task]:
    """tau2's tasks, in the order of the file. `data` is the data folder, or `tau` itself. Raises Unreadable."""
    return [_task(task) for task in _parsed(data, f"{domain}_tasks.json.xz")]


def read_shop(data: Path, domain: DomainName) -> dict[str, Any]:
    """tau2's database of a domain. Raises Unreadable."""
    database: dict[str, Any] = _parsed(data, f"{domain}_db.json.gz")
    return database


def read_dialogues(data: Path) -> Iterator[Dialogue]:
    """The recorded airline dialogues. Raises Unreadable."""
    name = "gpt4o_airline_trajectories.jsonl.xz"
    for number, line in enumerate(_bytes(data, name).splitlines(), start=1):
        try:
            yield _dialogue(parse_json(line, numbers="kept"))
        except (StrictJsonError, KeyError, TypeError) as error:
            raise Unreadable(f"`{name}` line {number} is no dialogue: {error}") from error


def _task(fields: Any) -> Task:
    told = fields["user_scenario"]["instructions"]
    criteria = fields["evaluation_criteria"] or {}
    return Task(
        id=str(fields["id"]),
        words="\n".join(told[part] for part in ("reason_for_call", "known_info", "task_instructions") if told[part]),
        truth=tuple(Call(action["name"], action["arguments"]) for action in criteria.get("actions") or ()),
    )


def _dialogue(fields: Any) -> Dialogue:
    return Dialogue(
        task=fields["task_id"],
        trial=fields["trial"],
        passed=fields["reward"] == 1,
        words=tuple(message["content"] for message in fields["dialog"] if message["role"] == "user"),
        calls=tuple(_recorded(call) for call in fields["calls"]),
        truth=tuple(Call(action["name"], action["kwargs"]) for action in fields["gt_actions"]),
    )


def _recorded(fields: Any) -> Call:
    output = fields["out"]
    return Call(fields["tool"], fields["args"], _tree(output), failed=output.startswith("Error"))


def _tree(output: str) -> Any:
    """A tool's answer as the tool meant it: a JSON value where the text is one, as the in-process door would see it."""
    try:
        return parse_json(output, numbers="kept")
    except StrictJsonError:
        return output


def _parsed(data: Path, name: str) -> Any:
    try:
        return parse_json(_bytes(data, name), numbers="kept")
    except StrictJsonError as error:
        raise Unreadable(f"`{name}` is no JSON: {error}") from error


def _bytes(data: Path, name: str) -> bytes:
    path = (data / FOLDER if (data / FOLDER).is_dir() else data) / name
    opener = lzma.decompress if name.endswith(".xz") else gzip.decompress
    try:
        return opener(path.read_bytes())
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise Unreadable(f"`{path.name}` cannot be read: {error}") from error
