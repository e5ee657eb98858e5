"""The decision core: who asks for what, what is known of the run, what is decided, how that is written down. No I/O.

Principal   who acts, from verified credentials
ToolCall    what is asked: tool, arguments, call id
Session     what the gate itself knows of one run; it only ever grows
Guard       decides one ToolCall in one Session by one compiled PolicySet
Decision    what the Guard says: effect, rule, reason, message, errors, hashes
Record      the audit entry of one Decision; `chain` links the Records of one writer
Judge       the port of the base guardrail; it answers a Question with a Judgement, of which Judged is recorded
approved    what a person's yes makes of a Decision that asked for one
Experience  the port through which memory speaks to the Guard; Advised is what it said, held to what it may say
ports       what the surroundings must offer: a Clock, a RecordSink, an Experience
guarded     a Python function as a guarded tool, for an agent without a gate; Refused is what calling it may raise

Flow: (ToolCall, Session) -> Guard -> Decision -> Record -> RecordSink. Nothing here imports a framework;
`policy_dsl` is the only floor below.
"""

from __future__ import annotations

from . import chain
from .advised import LEARNED, Advised
from .approval import APPROVED, approved
from .decision import AskTerms, Decision
from .export import exported
from .guard import Guard
from .guarded import Recorder, Refused, guarded
from .judging import NEEDS_JUDGE, Judge, Judged, Judgement, Objection, Question, no_objection, stricter
from .model import ANYONE, Principal, ToolCall
from .policy_tests import ExpectationOutcome, run_tests
from .ports import Clock, Experience, RecordSink, Remembered
from .python_values import NotJson, as_json, with_floats
from .record import Act, IntentDigest, Payload, Record, Shadowed, arguments_digest, instant, new_id
from .redaction import Redactions
from .session import Session

__all__ = [
    "ANYONE",
    "APPROVED",
    "LEARNED",
    "NEEDS_JUDGE",
    "Act",
    "Advised",
    "AskTerms",
    "Clock",
    "Decision",
    "ExpectationOutcome",
    "Experience",
    "Guard",
    "IntentDigest",
    "Judge",
    "Judged",
    "Judgement",
    "NotJson",
    "Objection",
    "Payload",
    "Principal",
    "Question",
    "Record",
    "RecordSink",
    "Recorder",
    "Redactions",
    "Refused",
    "Remembered",
    "Session",
    "Shadowed",
    "ToolCall",
    "approved",
    "arguments_digest",
    "as_json",
    "chain",
    "exported",
    "guarded",
    "instant",
    "new_id",
    "no_objection",
    "run_tests",
    "stricter",
    "with_floats",
]
