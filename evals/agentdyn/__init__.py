"""What memory makes of a defence's false refusals: AgentDyn's recorded Progent and DRIFT runs (arXiv 2602.03117).

- base: what the defence did with a call, as recorded. Progent's refusals stand in the recording. DRIFT's do not, so
  they are inferred: a call of the same model's undefended run whose tool the defended run never got to call
- meant: whose a call is. `attack`: it carries a value of the injection's goal; `user`: its tool is one of the task's
  ground truth and it is no attack; `other`: neither. Only `user` refusals are false ones
- half: the user tasks are halved by a digest of their names; reports come from one half, everything is measured on the
  other
- ceiling: what the written policy lets memory open; `open` everything, `bound` a target only where the user named it

Flow: data folder -> runs -> contexts -> reports of the first half -> State -> Voice -> counts on the other half.
"""

from __future__ import annotations

__all__: list[str] = []
