"""Transaction intents: what a call is about, whatever tool it is for, so that one rule governs them all.

- Schema   the fields of one version of an intent: data in `<name>-<version>.json`, JSON Schema 2020-12
- map      `intent payment 1 from send_money { amount = amount, ... }`: how calls of one tool spell an intent
- fields   the values that a map computes from one call

Flow: a policy's maps (resolve/intents.py writes rules on an intent out for each tool) and one call -> its fields
(fields) -> the intent's hash, which a Record binds (identity).

A schema, once shipped, is never edited: a new meaning is a new version, in a file of its own.
"""

from __future__ import annotations

from .identity import intent_hash, intent_of
from .schema import Schema, named, schema

__all__ = ["Schema", "intent_hash", "intent_of", "named", "schema"]
