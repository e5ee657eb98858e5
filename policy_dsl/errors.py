"""What can be wrong with a policy, shown to the person who wrote it.

    PolicyError            anything below; never raised itself
    ├── ParseError         one file is not a sentence of the language
    ├── BundleError        the files are, but do not make one policy: an unknown or cyclic name, an unreadable file
    └── CatalogueError     a tool list cannot be read (json_schema.py)

A message starts in lower case, has no full stop at its end, puts the writer's text in backticks and never names a
Python type. What to do about it stands apart, in `help`. A program tells errors apart by `code`, which is stable.
"""

from __future__ import annotations

import unicodedata

from .ast import NOWHERE, Span

WINDOW = 120
"""Columns of a source line that are shown around a fault; a policy line is at most 100 wide once formatted."""

QUOTED = 60
"""Characters of the writer's own text that a message repeats."""


class PolicyError(Exception):
    """`span` is the underlined place in `source`, the text of `path`; NOWHERE where the fault is the whole file."""

    def __init__(
        self,
        message: str,
        *,
        code: str,
        span: Span = NOWHERE,
        path: str = "<policy>",
        source: str = "",
        help: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.span = span
        self.path = path
        self.source = source
        self.help = help

    def render(self) -> str:
        """`path:line:column: message`, the source line, carets under exactly the span, and the help."""
        return render(self.message, path=self.path, source=self.source, span=self.span, help=self.help)

    def __str__(self) -> str:
        return self.render()


class ParseError(PolicyError):
    """One file is not a sentence of this version of the language."""


class BundleError(PolicyError):
    """Files that parse, but do not make one policy together."""


def render(message: str, *, path: str, source: str, span: Span, help: str | None = None) -> str:
    """One fault as lines of text, for a terminal or a log; nothing in it can move the cursor or hide."""
    tail = [f"  help: {help}"] if help else []
    if span == NOWHERE:
        return "\n".join([f"{visible(path)}: {message}", *tail])
    head = f"{visible(path)}:{span.line}:{span.column}: {message}"
    line_start = span.start - (span.column - 1)
    line_end = source.find("\n", span.start)
    line = source[line_start : len(source) if line_end < 0 else line_end].removesuffix("\r")
    at = span.start - line_start
    under = max(1, min(span.end, line_start + len(line)) - span.start)
    first = max(0, at - WINDOW // 2) if len(line) > WINDOW else 0
    cut = line[first : first + WINDOW]
    number = str(span.line)
    return "\n".join(
        [
            head,
            f"  {number} | {visible(cut)}",
            f"  {' ' * len(number)} | {' ' * _columns(line[first:at])}{'^' * max(1, _columns(line[at : at + under]))}",
            *tail,
        ]
    )


def quoted(text: str) -> str:
    """The writer's own text in backticks, as a message repeats it: shortened, on one line, nothing invisible."""
    return f"`{visible(text if len(text) <= QUOTED else text[: QUOTED - 1] + '…')}`"


def visible(text: str) -> str:
    """The text with every control, format and unassigned character written as its escape (CVE-2021-42574)."""
    return "".join(_shown(character) for character in text)


def is_invisible(character: str) -> bool:
    """Whether a reader cannot see the character: a text that holds it can read otherwise than it decides."""
    return character not in " \t\r\n" and unicodedata.category(character) in _UNSEEN


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _shown(character: str) -> str:
    if character == "\t":
        return "    "
    if character in "\r\n" or is_invisible(character):
        return f"\\u{ord(character):04x}" if ord(character) < 0x10000 else f"\\U{ord(character):08x}"
    return character


def _columns(text: str) -> int:
    """Columns that the text takes in a terminal once `visible`."""
    return sum(_width(character) for character in visible(text))


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
