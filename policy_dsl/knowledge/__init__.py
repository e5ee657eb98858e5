"""A policy as knowledge: what it states, sentence by sentence, in words that can be read back.

- Specification  one statement of a policy: its Kind, the rule ids it stands for, its place
- Kind           factual, behavioural, simple conditional, complex conditional (the four of CAP-CPT)
- row            one thing the language can say, with several ways to say it (rows_conditions, rows_statements)
- Term           a row with its slots filled: what a node of the tree is told by (terms_*)
- Internalization  which policies a model was taught and how well it follows them (internalized)
- identifier     what stands for a document in a prompt: `<|policy:NAME@hash8|>`

Flow: PolicySet -> `specifications` -> Terms -> `document`, `sentences` (phrases.tell, a seed chooses the phrasings).
Back: a sentence -> reading.read_back, by the same rows -> text of the language -> the same tree.

It stands on this floor because two floors above tell policies in words: training, which teaches them, and the gate,
which shows a model the policy in force where it was taught another (docs/adr/0017-policies-in-words.md).
"""

from __future__ import annotations

from .document import document, identifier, read_document, sentences
from .internalized import (
    FORMAT,
    Internalization,
    Share,
    Taught,
    Threshold,
    Unusable,
    read_internalization,
    shown,
    write_internalization,
)
from .reading import Unread, read_back
from .specification import Kind, Specification, specifications, unnamed

__all__ = [
    "FORMAT",
    "Internalization",
    "Kind",
    "Share",
    "Specification",
    "Taught",
    "Threshold",
    "Unread",
    "Unusable",
    "document",
    "identifier",
    "read_back",
    "read_document",
    "read_internalization",
    "sentences",
    "shown",
    "specifications",
    "unnamed",
    "write_internalization",
]
