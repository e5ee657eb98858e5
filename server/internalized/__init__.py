"""Models that were taught their policy, and what a gate does where one was not taught the policy in force.

Words
- Internalization  what stands in `internalization.json` beside a model's weights (policy_dsl.knowledge)
- in force         the policy that the gate decides by at this moment, without what it drafted for a single run
- miss             why a model does not stand for the policy in force: `other-policy`, `missing`, ...
- put back         the policy in force goes into the request as a document, in front of the client's own instructions
- naming           the identifier of the policy in force goes behind these, as the model was taught that very policy
- reserved         identifiers of other policies, which no text of a request may say to such a model

Flow: settings -> Standings.of -> look (at start, then each second) -> per request `told(upstream, model, policy)`:
None for a model without a file; the identifier where the model stands for the policy, else the document, which the
request's dialect puts in. Nothing of this is seen by what decides: calls are judged by the policy in force either way,
so a wrong file costs usefulness, not safety.
"""

from __future__ import annotations

from .standings import Standings

__all__ = ["Standings"]
