"""The folder of an exported model: written whole or not at all, and read strictly."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from policy_dsl.knowledge import (
    FORMAT,
    Internalization,
    Share,
    Taught,
    Threshold,
    Unusable,
    read_internalization,
    write_internalization,
)

from ..example import Data, manifest_hash
from ..prompting import END, START

CLAIM: Final = "internalization.json"
ADAPTER: Final = "adapter"
"""The folder in an export of a LoRA that peft loads."""

CHAT: Final = (
    "{% for message in messages %}"
    f"{START}{{{{ message['role'] }}}}\n{{{{ message['content'] }}}}{END}\n"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{START}assistant\n{{% endif %}}"
)
"""ChatML as `prompting` writes it. A template of a base model may add a system message of its own, which no training
text had."""

Measured = Mapping[str, Mapping[str, tuple[int, int]]]
"""Identifier -> name (`effect`, `false-allow`, ...) -> (times, of)."""

_BLOCK: Final = 1 << 20


class ExportError(Exception):
    """A model that cannot be exported, or a folder that is no whole export; the message says why."""


@dataclass(frozen=True, slots=True)
class Made:
    """How the weights were made: what they began as, and the stages in order, as `sft:250`."""

    base: str
    stages: Sequence[str]


def export(
    folder: str | Path,
    model: Any,
    tokenizer: Any,
    data: Data,
    made: Made,
    measured: Measured,
    thresholds: Mapping[str, Threshold],
) -> Internalization:
    """Writes `folder`, which must not exist yet, and answers what it claims. A LoRA is written merged, and by itself
    in `adapter`; `model` itself stays as it is. ExportError where the claim would be none: a policy that the data does
    not have, a share that is none, no threshold."""
    from ..model import plain

    place = Path(folder)
    if place.exists():
        raise ExportError(f"`{place}` exists; an export never writes over another")
    claim = _claim(data, made, measured, thresholds, {})
    partial = place.with_name(place.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    tokenizer.chat_template = CHAT
    merged = plain(model)
    merged.save_pretrained(partial, safe_serialization=True)
    tokenizer.save_pretrained(partial)
    if merged is not model:
        _save_adapter(model, tokenizer, data, partial / ADAPTER, made.base)
    weights = _hashes(partial)
    claim = _claim(data, made, measured, thresholds, weights)
    (partial / CLAIM).write_bytes(write_internalization(claim))
    for path in (*partial.rglob("*"), partial):
        _flush(path)
    partial.rename(place)
    _flush(place.parent)
    return claim


def read_export(folder: str | Path) -> Internalization:
    """The claim of an export whose weights are those it speaks of; ExportError where anything is missing or changed."""
    place = Path(folder)
    try:
        claim = read_internalization((place / CLAIM).read_bytes())
        found = _hashes(place)
    except (OSError, Unusable) as error:
        said = error.strerror if isinstance(error, OSError) else error
        raise ExportError(f"`{place / CLAIM}` cannot be used: {said}") from error
    for name in sorted(found.keys() ^ claim.weights.keys()):
        raise ExportError(f"`{place / name}` is {'not in the claim' if name in found else 'missing'}")
    for name, value in sorted(found.items()):
        if value != claim.weights[name]:
            raise ExportError(f"`{place / name}` was changed: its hash is `{value}`, not `{claim.weights[name]}`")
    return claim


def _claim(
    data: Data,
    made: Made,
    measured: Measured,
    thresholds: Mapping[str, Threshold],
    weights: Mapping[str, str],
) -> Internalization:
    hashes = data.manifest.get("policies", {})
    try:
        claim = Internalization(
            format=FORMAT,
            language=data.manifest["language"],
            base=made.base,
            data=f"sha256:{manifest_hash(data)}",
            phrasing=data.manifest["seed"],
            stages=tuple(made.stages),
            policies=tuple(_taught(data, name, hashes, shares) for name, shares in measured.items()),
            thresholds=dict(thresholds),
            weights=dict(weights),
        )
        write_internalization(claim)
    except KeyError as error:
        raise ExportError(f"the data says nothing of `{error.args[0]}`") from error
    except (Unusable, ValueError) as error:
        raise ExportError(f"no claim can be made: {error}") from error
    return claim


def _taught(data: Data, name: str, hashes: Mapping[str, str], shares: Mapping[str, tuple[int, int]]) -> Taught:
    return Taught(
        name=name.removeprefix("<|policy:").rpartition("@")[0],
        identifier=name,
        hash=hashes[name],
        document=f"sha256:{hashlib.sha256(data.documents[name].encode()).hexdigest()}",
        measured={what: Share.counted(*counted) for what, counted in shares.items()},
    )


def _save_adapter(model: Any, tokenizer: Any, data: Data, place: Path, base: str) -> None:
    """What peft puts on top of the base: the thin matrices and, where they were trained, the identifiers' embeddings.
    The tokenizer is beside it, since the base's own knows no identifier."""
    from ..model import save_adapter

    trained = model.get_input_embeddings().weight.requires_grad
    tokens = tokenizer.convert_tokens_to_ids(sorted(data.documents)) if trained else ()
    save_adapter(model, place, base, tokens)
    tokenizer.save_pretrained(place)


def _hashes(place: Path) -> dict[str, str]:
    """Of every weight file below `place`, by its path from there."""
    found = sorted(path.relative_to(place).as_posix() for path in place.rglob("*.safetensors"))
    return {name: _sha256(place / name) for name in found}


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def _flush(path: Path) -> None:
    """A rename may reach the disk before what it names (fsync(2), rename(2))."""
    entry = os.open(path, os.O_RDONLY)
    try:
        os.fsync(entry)
    finally:
        os.close(entry)
