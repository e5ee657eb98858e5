"""Files to one PolicySet: everything is read, collected, named, resolved and hashed.

What needs more than one statement is refused here, at the place of the use: names that nothing defines, that are
defined twice or in a circle, sets of the wrong kind. What the tools' schemas say is left to `check`.

`load` reads files and what they import; `policy_set` is the pure half, over files that were read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from types import MappingProxyType

from .ast import PolicyFile, PolicySet
from .catalogue import EMPTY_CATALOGUE, Catalogue
from .errors import BundleError
from .files import read_all, tool_lists
from .format import canonical
from .intents import schema
from .json_schema import CatalogueError
from .resolve import Whole, resolve


def load(paths: Sequence[str | Path], tools: Catalogue | None = None) -> PolicySet:
    """The policy of these files and of those that they import, with the tool lists that they use and `tools`, if the
    caller has some.

    A file or a tool list is found from the folder of the file that names it. Raises PolicyError: ParseError for a file
    that is no sentence of the language, BundleError for all else.
    """
    files = read_all(paths)
    lists = ([] if tools is None else [tools]) + tool_lists(files)
    try:
        catalogue = Catalogue.merged(lists)
    except CatalogueError as error:
        raise BundleError(f"two tool lists contradict each other: {error.fault}", code="tool-lists") from error
    return policy_set(files, catalogue)


def policy_set(files: Sequence[PolicyFile], tools: Catalogue | None = None) -> PolicySet:
    """The policy of parsed files; `tools` is what their `use tools` lines name, which this pure half cannot read.

    What a file imports must be among the files. Raises BundleError.
    """
    catalogue = EMPTY_CATALOGUE if tools is None else tools
    whole = resolve(files, catalogue)
    return PolicySet(
        files=whole.files,
        rules=MappingProxyType(whole.rules),
        sets=MappingProxyType(whole.sets),
        otherwise=MappingProxyType(whole.otherwise),
        tests=whole.tests,
        hash=_hash(whole, [*whole.rules, *whole.learnable], catalogue),
        catalogue=catalogue,
        trackers=whole.trackers,
        sources=whole.sources,
        levels=whole.levels,
        labels=whole.labels,
        trust=whole.trust,
        redactions=whole.redactions,
        rewrites=MappingProxyType(whole.rewrites),
        hidden=whole.hidden,
        intents=whole.intents,
        learnable=MappingProxyType(whole.learnable),
    )


def _hash(whole: Whole, ids: Iterable[str], catalogue: Catalogue) -> str:
    """Equal for two policies exactly when they say the same in the same order, under the same ids, of the same tools.

    The ids are in it because an unnamed rule's id is its line, which the canonical text does not keep; the digests of
    the intents' schemas, because what a field means is written there.
    """
    parts = [[Path(file.path).stem, canonical(file)] for file in whole.files]
    schemas = {(intent.intent, intent.version) for intent in whole.intents}
    known = sorted(found.digest for found in (schema(name, version) for name, version in schemas) if found is not None)
    text = json.dumps([parts, [*ids, *whole.rewrites], catalogue.digest, *known], ensure_ascii=False)
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
