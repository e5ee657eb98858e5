"""The decision core: who asks for what, what is known of the run, what is decided, how that is written down. No I/O.

Principal   who acts, from verified credentials
ToolCall    what is asked: tool, arguments, call id
Session     what the gate itself knows of one run; it only ever grows
Guard       decides one ToolCall in one Session by one compiled PolicySet
Decision    what the Guard says: effect, rule, reason, message, errors, hashes
Record      the audit entry of one Decision; `chain` links the Records of one writer
Experience  the port through which memory speaks to the Guard; Advised is what it said, held to what it may say
ports       what the surroundings must offer: a Clock, a RecordSink, an Experience

Flow: (ToolCall, Session) -> Guard -> Decision -> Record -> RecordSink. Nothing here imports a framework;
`policy_dsl` is the only floor below.
"""

from __future__ import annotations

from . import chain
from .advised import LEARNED, Advised
from .decision import Decision
from .export import exported
from .guard import Guard
from .model import ANYONE, Principal, ToolCall
from .policy_tests import ExpectationOutcome, run_tests
from .ports import Clock, Experience, RecordSink, Remembered
from .record import Act, IntentDigest, Payload, Record, Shadowed, arguments_digest, instant, new_id
from .redaction import Redactions
from .session import Session

__all__ = [
    "ANYONE",
    "LEARNED",
    "Act",
    "Advised",
    "Clock",
    "Decision",
    "ExpectationOutcome",
    "Experience",
    "Guard",
    "IntentDigest",
    "Payload",
    "Principal",
    "Record",
    "RecordSink",
    "Redactions",
    "Remembered",
    "Session",
    "Shadowed",
    "ToolCall",
    "arguments_digest",
    "chain",
    "exported",
    "instant",
    "new_id",
    "run_tests",
]
