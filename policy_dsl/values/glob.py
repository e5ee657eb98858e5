"""Texts with gaps: `*` is any run of characters, `?` is any one; nothing else is special. The whole value, linear time.

Unlike in the names of tools, `*` crosses `/` and line breaks: a value is not a path unless a rule says `under`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from . import pattern, text

_GAPS: Final = re.compile(r"([*?])")


def compile(glob: str, ignore_case: bool = False, nfkc: bool = False) -> Callable[[str], bool]:
    """The test of a value that is already folded; what stands between the gaps is folded here.

    Text that no UTF-8 can carry is matched by nothing but a glob without a gap in its middle.
    """
    parts = [part for part in _GAPS.split(re.sub(r"\*+", "*", glob)) if part]
    gaps = "".join(part if part in "*?" else "_" for part in parts)
    texts = [text.fold(part, ignore_case, nfkc) for part in parts if part not in "*?"]
    affix = texts[0] if texts else ""
    match gaps:
        case "*":
            return lambda value: True
        case "_" | "":
            return affix.__eq__
        case "_*":
            return lambda value: value.startswith(affix)
        case "*_":
            return lambda value: value.endswith(affix)
        case "*_*":
            return lambda value: affix in value
    spelled = iter(texts)
    written = "".join({"*": "(?s:.*)", "?": "(?s:.)"}.get(gap) or _quoted(next(spelled)) for gap in gaps)
    try:
        return pattern.compile(written).fullmatch
    except pattern.PatternError:  # half of a surrogate pair, or longer than any value need be
        return lambda value: False


def _quoted(part: str) -> str:
    return "".join(rf"\x{{{ord(char):x}}}" if not char.isalnum() else char for char in part)
