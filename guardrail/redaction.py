"""`redact results of`: what of a tool's answer neither the model nor the client is to read."""

from __future__ import annotations

from policy_dsl import PolicySet, ToolPattern
from policy_dsl.compile import fits
from policy_dsl.values import pattern

WHOLE = "[redacted]"
"""What stands in place of a text that holds more matches than are looked at."""


class Redactions:
    """The redactions of one policy, compiled. Every one that fits is applied to the text as it came."""

    __slots__ = ("_listed",)

    def __init__(self, policy: PolicySet) -> None:
        self._listed = [
            (tuple(tool for tool in one.tools if isinstance(tool, ToolPattern)), pattern.compile(one.pattern), one)
            for one in policy.redactions
        ]

    def __bool__(self) -> bool:
        return bool(self._listed)

    def apply(self, tool: str, text: str, server: str | None = None) -> str:
        """The text without what is redacted. Matches that overlap are replaced as one, by the text of the first."""
        found: list[tuple[int, int, str]] = []
        for tools, compiled, one in self._listed:
            if fits(tools, server, tool):
                spans = compiled.spans(text)
                if spans is None:
                    return WHOLE
                found += [(start, end, one.replacement) for start, end in spans]
        parts: list[str] = []
        at = 0
        for start, end, by in sorted(found):
            if start >= at:
                parts += [text[at:start], by]
            at = max(at, end)
        return "".join([*parts, text[at:]]) if parts else text
