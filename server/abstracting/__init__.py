"""Candidate abstractions worded by a model, for memory to check like any other (docs/memory.md).

- case: a failure that was reported, as its typed attributes; the report's own text goes along as data
- proposal: a condition over those attributes and a sentence that says why; it decides nothing
- answer: what the model said, read strictly; half of an answer is none

Flow: cases -> one JSON document -> model (litellm, extra `llm`) -> answer -> proposals -> memory's own induction, which
scores them on cases held aside, beside its own candidates (RLAD), and shows what is left to a person (ICAL).
"""

from __future__ import annotations

from ..asking import BadAnswer
from .answer import SCHEMA, read_answer
from .model import INSTRUCTIONS, ModelAbstracter, Unproposable, messages

__all__ = ["INSTRUCTIONS", "SCHEMA", "BadAnswer", "ModelAbstracter", "Unproposable", "messages", "read_answer"]
