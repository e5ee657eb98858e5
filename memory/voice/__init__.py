"""What memory says to one call: the learned rules that hold for its Context, and which of them may speak.

Voice        one Snapshot, ready to be asked; `hear` gives an Advice or nothing
firing       the abstractions whose condition holds, exceptions apart, in whatever phase (index)
speaking     those of them that are active, with an open gate, approved where that is asked for, and near their supports
as_data      what holds for a call as data for a judge
Remembering  a Voice as the Experience of the Guard: it reads the Context of each call itself

Flow: Context -> firing (index) -> speaking (voice) -> one label, or none where they contradict each other (precedence)
-> Advice -> Advised (experience) -> Decision. Nothing here learns, and nothing here calls a model.
"""

from __future__ import annotations

from ..precedents import as_data
from .experience import Hearing, Remembering
from .voice import FORBID_REACH, Voice

__all__ = ["FORBID_REACH", "Hearing", "Remembering", "Voice", "as_data"]
