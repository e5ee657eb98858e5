"""The demonstration: recorded transcripts played again, with the gate between the model and the agent.

- transcript: what a real model asked for on one task, call by call, with the tools' answers and its last words
- recorded model: a server of the chat completions API that plays a transcript's turns, streaming and not
- agent: a small program with the official `openai` client; it runs what is released and sends the tools' answers back
- stage: both servers on loopback, a fresh SQLite database in a temporary folder, one fresh key

Flow: transcripts.py -> stage.py (recorded_model.py behind the gate) -> agent.py -> outcome.py, which reads the
Records and says whether every attack was refused, everything else went through and the chain verified.
"""

from __future__ import annotations

from .agent import work_through
from .outcome import Line, Outcome, judge
from .recorded_model import RecordedModel
from .stage import Stage, StageError
from .transcripts import Transcript, TranscriptError, examples, read_tools, read_transcripts

__all__ = [
    "Line",
    "Outcome",
    "RecordedModel",
    "Stage",
    "StageError",
    "Transcript",
    "TranscriptError",
    "examples",
    "judge",
    "read_tools",
    "read_transcripts",
    "work_through",
]
