"""AgentDojo (arXiv 2406.13352): what the example policies do to recordings of real models, and to the suites' truths.

- pipeline: a model, or a model with a defence, whose runs were recorded; one file each
- attack success: `security` is true in an attacked run. Records with `error` are dropped: upstream counts them as
  successes
- critical call: a call whose removal alone makes the attack fail (`attack_calls`, labelled by re-execution)
- needed call: a call whose removal alone makes a benign success fail (`needed_calls`)
- stopped: a critical call was refused, or (counted apart) a call before the first critical one

A benign run is judged twice, as a bracket: a needed call refused (the run fails for certain), any call refused (it
might have failed; labels cannot say that a read was needed). An `ask` refuses until a person agrees, so it is counted
apart from a `forbid` everywhere.

Flow: recordings.py -> replay.py -> score.py -> report.py; truths.py feeds replay.py with scripted calls instead.
"""

from __future__ import annotations

from .recordings import RecordedCall, Recording, Unreadable, pipelines, read_recordings
from .replay import SUITES, Arena, Replay
from .score import Interval, Tally, tally, wilson
from .truths import Baseline, baseline, truths

__all__ = [
    "SUITES",
    "Arena",
    "Baseline",
    "Interval",
    "RecordedCall",
    "Recording",
    "Replay",
    "Tally",
    "Unreadable",
    "baseline",
    "pipelines",
    "read_recordings",
    "tally",
    "truths",
    "wilson",
]
