"""Which models stand for the policy in force, by their files; and the policy as a text for those that do not."""

from __future__ import annotations

import asyncio
import logging
import stat
from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from policy_dsl import PolicySet
from policy_dsl.knowledge import (
    Internalization,
    Unusable,
    identifier,
    read_internalization,
    shown,
)

from ..logs import fields
from ..wire import Instructions, Naming, Reserved

LOG = logging.getLogger("leastward.internalized")
LOOK_SECONDS: Final = 1.0
KEPT_TEXTS: Final = 8
"""Documents that are kept rendered: more than one only while a new policy comes into force, or for several models."""
UNTAUGHT: Final = "policy"
"""What a policy is called towards a model whose file does not name it."""
IDENTIFIER: Final = "<|policy:"
"""What every identifier begins with (policy_dsl.knowledge.identifier), also one that no file names: the tokenizer of a
model knows each policy of its data, its file only those that were measured."""
_READ_AT_MOST: Final = (1 << 20) + 1

Signature = tuple[int, int, int]
Model = tuple[str, str]
"""An upstream's name and a model's."""


@dataclass(frozen=True, slots=True)
class _File:
    """What was read of one file: what it says, or the miss that it is."""

    signature: Signature | None
    says: Internalization | None
    miss: str = ""


class Standings:
    """`paths` are the files by upstream and model. `counted` is told each request's upstream and what became of it:
    `taught`, or the miss for which the text was put back. Clients of the upstreams `by_client` name the policy."""

    def __init__(
        self,
        paths: Mapping[Model, Path],
        counted: Callable[[str, str], None] = lambda upstream, result: None,
        by_client: Collection[str] = (),
    ) -> None:
        self._paths = dict(paths)
        self._counted = counted
        self._by_client = frozenset(by_client)
        self._files: dict[Model, _File] = {}
        self._texts: OrderedDict[tuple[str, str, int], str] = OrderedDict()

    @classmethod
    def of(
        cls,
        named: Mapping[str, Mapping[str, str]],
        folder: Path,
        counted: Callable[[str, str], None],
        by_client: Collection[str] = (),
    ) -> Standings | None:
        """From the settings: upstream -> model -> path relative to `folder`. None where no model is named."""
        paths = {
            (upstream, model): folder / path for upstream, models in named.items() for model, path in models.items()
        }
        return cls(paths, counted, by_client) if paths else None

    def look(self) -> None:
        """Reads what is new. A file that cannot be read or understood is a miss, never an error: the gate serves on,
        with the policy in the prompt."""
        for model, path in self._paths.items():
            before = self._files.get(model)
            now = _read(path, before)
            if now != before:
                self._files[model] = now
                if now.miss:
                    LOG.warning(
                        "internalization-unusable", extra=fields(upstream=model[0], model=model[1], why=now.miss)
                    )

    async def watch(self) -> None:
        """Looks each second, beside the event loop: a file may lie on a slow disk."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await asyncio.to_thread(self.look)

    def miss(self, upstream: str, model: str, policy: PolicySet) -> str | None:
        """Why this model does not stand for `policy`; None where it does. KeyError where it has no file."""
        file = self._files.get((upstream, model))
        if file is None:
            if (upstream, model) not in self._paths:
                raise KeyError(model)
            return "missing"
        return file.miss.split(":")[0] if file.says is None else file.says.misses(policy)

    def misses(self, policy: PolicySet) -> dict[Model, str | None]:
        """The same of every model."""
        return {model: self.miss(*model, policy) for model in self._paths}

    def taught(self, upstream: str, model: str) -> tuple[str, ...]:
        """The hashes of the policies that the model's file speaks of; none where it cannot be read."""
        file = self._files.get((upstream, model))
        return () if file is None or file.says is None else tuple(one.hash for one in file.says.policies)

    async def told(self, upstream: str, model: str, policy: PolicySet) -> Instructions | None:
        """What this request's instructions are to say besides; None for a model that nobody named.

        A model answers by the identifier in its prompt, whoever wrote it there: any but that of the policy in force is
        broken, wherever in the request it stands. Beside the text of a policy that the model was not taught, the
        identifier of one that it was would call that one to its mind: in the client's instructions it becomes that of
        the policy in force."""
        if (upstream, model) not in self._paths:
            return None
        miss = self.miss(upstream, model, policy)
        self._counted(upstream, miss or "taught")
        file = self._files.get((upstream, model))
        says = None if file is None else file.says
        taught = None if says is None else says.taught(policy) or says.policies[0]
        in_force = identifier(policy, UNTAUGHT if taught is None else taught.name)
        reserved = Reserved(IDENTIFIER, in_force)
        if miss is None:
            line = "" if upstream in self._by_client else f"Policy: {in_force}"
            return Naming(line, reserved=reserved, name=in_force)
        renamed = {} if says is None else {one.identifier: in_force for one in says.policies}
        text = await self._text(policy, in_force, 0 if says is None else says.phrasing)
        return Instructions(text, renamed, reserved)

    async def _text(self, policy: PolicySet, in_force: str, phrasing: int) -> str:
        key = (policy.hash, in_force, phrasing)
        text = self._texts.get(key)
        if text is None:
            # 18 ms for the longest policy of examples/ (measured): too long for the event loop.
            text = self._texts[key] = await asyncio.to_thread(shown, policy, in_force, phrasing)
        self._texts.move_to_end(key)
        while len(self._texts) > KEPT_TEXTS:
            self._texts.popitem(last=False)
        return text


def _read(path: Path, before: _File | None) -> _File:
    """What the file says; `before` itself where it has not changed since."""
    try:
        status = path.stat()
        signature = (status.st_mtime_ns, status.st_size, status.st_ino)
        if before is not None and before.signature == signature:
            return before
        if not stat.S_ISREG(status.st_mode):
            return _File(signature, None, "unreadable: it is no file")  # opening a pipe would wait for its writer
        with path.open("rb") as file:
            content = file.read(_READ_AT_MOST)
    except OSError as error:
        return _File(None, None, "missing" if isinstance(error, FileNotFoundError) else f"unreadable: {error.strerror}")
    try:
        return _File(signature, read_internalization(content))
    except Unusable as error:
        return _File(signature, None, f"unreadable: {error}")
