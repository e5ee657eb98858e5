"""Learned rules as policy text, for people to read, check, diff and edit; and that text back as Conditions.

learned_text   a `.lw` file of `learned` rules, each with its evidence
owned_text     the same rule as a person's own: it decides by itself, and memory has no more part in it
narrowed       a person's edit of a condition, held to say no more than the old one
imported       a file of learned rules, read back

Flow: Abstraction -> tree of the language (rules; context.condition_of) -> text by the language's own formatter
(learned, owned) -> a person -> tree -> Conditions (edits; context.read_back). Text is never put together from what
somebody reported: a rationale is a comment in which every character is written as the language escapes it.

The text says of a call what memory says, within the language's own treatment of errors. An argument that is not there
fails a test (`has x and x == ...` is written where it may be lacking). But an argument of another JSON type than the
test needs, or an agent or user that nobody knows, is an error, on which a rule that narrows holds; with the tools'
schemas, and with keys that name agents, there are no such calls.
"""

from __future__ import annotations

from .edits import EditRefused, Imported, imported, narrowed
from .learned import learned_text
from .owned import NotOwned, owned_text

__all__ = ["EditRefused", "Imported", "NotOwned", "imported", "learned_text", "narrowed", "owned_text"]
