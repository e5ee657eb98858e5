"""How long and how deep a condition may become once every name in it is written out."""

from __future__ import annotations

from typing import Final

MAX_NODES: Final = 10_000
"""Tests and connectives of one rule once every rule it refers to is written out; operands put in count too."""

MAX_DEPTH: Final = 64
"""Conditions inside each other, and names that stand for names; lower.py holds one rule's own text to the same."""
