"""One labelled case, and a folder of them: what every stage of this floor reads.

A folder holds `train.jsonl`, `test.jsonl`, one `<probe>.jsonl` for each probe set, `corpus.jsonl`, `policies.json` and
`manifest.json`. The manifest carries the sha256 of every other file, the seed, the knobs and the version of the
language. `read` compares the hashes, because a result that names a seed is worth nothing if a line of its data was
edited since.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

MANIFEST = "manifest.json"
FORMAT = 1
"""Number of this layout of a data folder; `read` refuses any other."""

_POLICIES = "policies.json"
_CORPUS = "corpus.jsonl"
_SPLITS = ("train", "test")

T = TypeVar("T")


class DataError(Exception):
    """A data folder that cannot be used as it stands; the message names the file and, where there is one, the line."""


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a `.jsonl` file: a question about a call, and what the engine answers.

    Numbers in `question`, `thought` and `answer` stand as plain decimals. The generator gives each field a range whose
    numbers all have the same count of digits, so that a tokenizer that splits a number into its digits can compare two
    of them place by place.
    """

    id: str
    """Stable: from the seed and the place in the set."""
    policy: str
    """The identifier that replaces the document: `<|policy:NAME@hash8|>`, hash8 from the hash of the PolicySet."""
    question: str
    """The situation and the call that is asked for; nothing of the policy."""
    thought: str
    """The conditions walked, as the engine walked them."""
    answer: str
    """One line of canonical JSON: `{"effect":"allow","rule":"ID","call":{...}|null}`."""
    effect: str
    rule: str | None
    level: str
    """`L1` to `L4`, by `depth`."""
    depth: int
    """Nesting depth of the condition that decided."""
    path: str
    """Which leaf of the policy decided; the sets are split by it."""
    boundary: bool
    """A number of the case is within one unit of a threshold."""
    split: Literal["train", "test"]
    call: dict[str, Any]
    """`{"tool": NAME, "args": {...}}`, as the engine was asked."""
    context: dict[str, Any]
    """What else the engine was told: `facts`, `at`, `user`, `results`, each absent where nothing was said."""
    note: str = ""
    """What the system message says besides: the changed rule of an override, the facts of a referral."""


class Data(msgspec.Struct, kw_only=True):
    """A data folder in memory. `policies` and `tools` let a reward ask the engine again."""

    documents: dict[str, str]
    """Identifier -> the policy as a document a person reads."""
    rules: dict[str, dict[str, str]]
    """Identifier -> rule id -> its sentence."""
    train: list[Example]
    test: list[Example]
    corpus: list[str]
    """Texts of continual pretraining; each carries an identifier."""
    manifest: dict[str, Any]
    policies: dict[str, str] = {}
    """Identifier -> the policy in the language itself."""
    tools: dict[str, list[Any]] = {}
    """Identifier -> its tools, as `use tools` reads them."""
    probes: dict[str, list[Example]] = {}
    """Name of a test set that asks something else (`override`, `substitution`, `referral`) -> its cases."""


class _Policies(msgspec.Struct):
    documents: dict[str, str]
    rules: dict[str, dict[str, str]]
    policies: dict[str, str]
    tools: dict[str, list[Any]]


def write(folder: str | Path, data: Data) -> dict[str, Any]:
    """Writes the folder, the manifest last, and answers the manifest. An old manifest is removed first."""
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    (place / MANIFEST).unlink(missing_ok=True)
    sets = {"train": data.train, "test": data.test, **data.probes}
    files = {f"{name}.jsonl": _lines(examples) for name, examples in sets.items()}
    files[_CORPUS] = _lines(data.corpus)
    policies = _Policies(data.documents, data.rules, data.policies, data.tools)
    files[_POLICIES] = msgspec.json.format(msgspec.json.encode(policies, order="deterministic"), indent=1) + b"\n"
    for name, content in files.items():
        (place / name).write_bytes(content)
    manifest = {
        **data.manifest,
        "format": FORMAT,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())},
        "probes": sorted(data.probes),
    }
    encoded = msgspec.json.encode(manifest, order="deterministic")
    (place / MANIFEST).write_bytes(msgspec.json.format(encoded, indent=1) + b"\n")
    return manifest


def read(folder: str | Path) -> Data:
    """The folder as it was written; DataError where a file is missing, edited or not of this format."""
    place = Path(folder)
    manifest = _decode(_content(place / MANIFEST), dict[str, Any], place / MANIFEST)
    if manifest.get("format") != FORMAT:
        raise DataError(f"`{place / MANIFEST}` is of format `{manifest.get('format')}`, this version reads `{FORMAT}`")
    listed, probes = manifest.get("files"), manifest.get("probes")
    if not isinstance(listed, dict) or not isinstance(probes, list):
        raise DataError(f"`{place / MANIFEST}` does not list its files and probes")
    contents = {name: _checked(place / name, listed[name]) for name in map(str, listed)}
    wanted = [*(f"{name}.jsonl" for name in (*_SPLITS, *probes)), _CORPUS, _POLICIES]
    for name in wanted:
        if name not in contents:
            raise DataError(f"`{place / MANIFEST}` gives no hash for `{name}`")
    policies = _decode(contents[_POLICIES], _Policies, place / _POLICIES)

    def examples(name: str) -> list[Example]:
        return _read_lines(contents[f"{name}.jsonl"], Example, place / f"{name}.jsonl")

    return Data(
        documents=policies.documents,
        rules=policies.rules,
        train=examples("train"),
        test=examples("test"),
        corpus=_read_lines(contents[_CORPUS], str, place / _CORPUS),
        manifest=manifest,
        policies=policies.policies,
        tools=policies.tools,
        probes={name: examples(name) for name in probes},
    )


def manifest_hash(data: Data) -> str:
    """sha256 over the manifest: two data folders with one hash hold the same bytes. A checkpoint carries it."""
    return hashlib.sha256(msgspec.json.encode(data.manifest, order="deterministic")).hexdigest()


def _lines(items: Iterable[object]) -> bytes:
    return b"".join(msgspec.json.encode(item) + b"\n" for item in items)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"cannot read `{path}`: {error.strerror}") from error


def _checked(path: Path, wanted: object) -> bytes:
    content = _content(path)
    found = hashlib.sha256(content).hexdigest()
    if found != wanted:
        raise DataError(f"`{path}` was changed: its sha256 is `{found}`, the manifest says `{wanted}`")
    return content


def _decode(content: bytes, type_: type[T], path: Path, line: int | None = None) -> T:
    try:
        return msgspec.json.decode(content, type=type_)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        place = f"{path}:{line}" if line else str(path)
        reason = str(error)
        raise DataError(f"`{place}` is not as written: {reason[:1].lower()}{reason[1:]}") from error


def _read_lines(content: bytes, type_: type[T], path: Path) -> list[T]:
    return [_decode(line, type_, path, number) for number, line in enumerate(content.splitlines(), 1)]
