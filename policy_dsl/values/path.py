"""Whether a path lies inside a directory, judged by its spelling alone.

Envoy's lesson (CVE-2021-29492, CVE-2021-31920) is to refuse what two readers could normalise differently, and the MCP
file server's (CVE-2025-53110) to compare whole segments. Symbolic links cannot be seen here: what opens the file must
resolve them and ask again.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from .text import nfkc

_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\\\\%\u2028\u2029\ud800-\udfff]")


def is_under(text: str, root: str) -> bool:
    """Whether `text` is `root` or below it, both absolute and plain (a `root` may end in one `/`).

    Plain means: no empty, `.` or `..` segment, also none that differs from those only by white space or invisible
    characters; no backslash, control character or `%`; and all of that still so after NFKC, which may add no `/`.
    """
    if text == root == "/":
        return True
    base = root[:-1] if root.endswith("/") else root
    if base and not _is_plain(base):
        return False
    return (text == base or text.startswith(base + "/")) and root != "" and _is_plain(text)


def _is_plain(text: str) -> bool:
    if not _has_plain_segments(text):
        return False
    if text.isascii():
        return True
    normalised = nfkc(text)
    return normalised.count("/") == text.count("/") and _has_plain_segments(normalised)


def _has_plain_segments(text: str) -> bool:
    if not text.startswith("/") or _FORBIDDEN.search(text):
        return False
    visible = text if text.isascii() else "".join(char for char in text if unicodedata.category(char) != "Cf")
    return not any(segment.strip() in ("", ".", "..") for segment in visible[1:].split("/"))
