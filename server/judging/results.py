"""The detectors over what tools answer: a session that has read something suspicious is labelled before it acts on it.

The answer itself passes: a policy decides by the label (`session has`), and the judge by his own settings. What is said
here is a hint and no proof, which is why it only adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .leaves import leaves, readings
from .members import AS_WRITTEN, DETECTORS

SUSPICIOUS: Final = "suspicious"
"""The label, unless the settings give it another name."""


@dataclass(frozen=True, slots=True)
class ResultScan:
    """`detectors` are those asked, by name; `label` what the session carries where one of them finds something."""

    detectors: tuple[str, ...] = ("hidden", "markers")
    label: str = SUSPICIOUS

    def label_of(self, result: Any) -> str | None:
        """The label for a session that is told this result, JSON or text; None where nothing was found."""
        return self.label if self.codes(result) else None

    def codes(self, result: Any) -> tuple[str, ...]:
        """The codes of all that was found, each once, in order."""
        tree: Mapping[str, Any] = {"result": result}
        found: dict[str, None] = {}
        for leaf in leaves(tree):
            for name in self.detectors:
                for text in (leaf.text,) if name in AS_WRITTEN else readings(leaf.text):
                    found.update(dict.fromkeys(DETECTORS[name](text)))
        return tuple(sorted(found))
