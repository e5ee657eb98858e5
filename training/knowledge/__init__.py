"""A policy as knowledge: `policy_dsl.knowledge`, and documents that nobody rendered, read with the help of a model.

`read_free` drafts by a model, and nothing of the draft is taken that does not parse, check and agree with the
document's own examples (free_text). All else is the language's own: see there for the words and the flow.
"""

from __future__ import annotations

from policy_dsl.knowledge import (
    Kind,
    Specification,
    Unread,
    document,
    identifier,
    read_back,
    read_document,
    sentences,
    specifications,
    unnamed,
)

from .free_text import Drafter, FreeText, Unreadable, Unresolved, read_free

__all__ = [
    "Drafter",
    "FreeText",
    "Kind",
    "Specification",
    "Unread",
    "Unreadable",
    "Unresolved",
    "document",
    "identifier",
    "read_back",
    "read_document",
    "read_free",
    "sentences",
    "specifications",
    "unnamed",
]
