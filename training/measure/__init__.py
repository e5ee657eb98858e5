"""What a trained model does without its policy in the prompt, counted honestly beside what costs nothing.

Words
- Answers    prompts in, completions out: a model at hand, or one behind a server (answering)
- arm        one set of cases asked in one view: the test with the identifier, an override, a substitution (arms)
- Counts     of one arm: form, effect, rule, exact; false allows and false denies (counting)
- baseline   answers that need no model: always the commonest effect, and a decision tree over the fields (baselines)
- kept       what the model knew before: perplexity of general text, and easy questions (kept)
- cost       tokens of a prompt, time to read it, completions a second, by batch (cost)
- Results    all of it, as JSON and as tables with Wilson's 95 % intervals (results), and as pictures (plots)

Flow: Data, Answers -> arms -> Counts -> Results -> tables, plots, and the shares that `export` takes as measured.

The Guard is asked about every answer again (Reward); no stored answer is trusted. A completion without form is a wrong
answer everywhere, and never a false allow: the gate would release nothing for it.
"""

from __future__ import annotations

from .answering import Answers, of_model, of_server
from .arms import ARMS, Arm, cases_of
from .baselines import Majority, TreeBaseline
from .cost import Cost, cost_of
from .counting import Counts, counted
from .kept import Kept, general_text, kept
from .results import Results, read_results, shares, tables

__all__ = [
    "ARMS",
    "Answers",
    "Arm",
    "Cost",
    "Counts",
    "Kept",
    "Majority",
    "Results",
    "TreeBaseline",
    "cases_of",
    "cost_of",
    "counted",
    "general_text",
    "kept",
    "of_model",
    "of_server",
    "read_results",
    "shares",
    "tables",
]
