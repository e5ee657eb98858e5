"""The judge of the gate: what looks into a call that a rule grants `subject to judge`, and how answers are joined.

Detector     a table of patterns and checks over texts; says codes, of which each is one way in which a text is risky
Leaf         one text of a call's arguments, and the place that a Record may name
Member       one judge of the gate: its name, the most that it may make of a call, and its time
Judges       all members together, behind guardrail's port Judge: the strictest answer counts
ModelJudge   a member that asks a model through litellm, with the call as data and a closed form of answer
Classifier   a member that asks a local text classifier (extra `judge`)
ResultScan   the same tables over what tools answer, so that a session can be labelled before anything acts on it

Flow: Question -> the detectors, at once -> the slower members, together -> the strictest -> Judgement. What goes wrong
in a member (no answer in time, an answer outside its form, any error) is the most cautious answer that it may give.
"""

from __future__ import annotations

from .classifier import NoClassifier
from .members import DetectorJudge, Member
from .results import ResultScan
from .together import Judges

__all__ = ["DetectorJudge", "Judges", "Member", "NoClassifier", "ResultScan"]
