"""Texts of continual pretraining on a policy, sorted by what its statements are (CAP-CPT, arXiv 2510.11588).

- paraphrase     a statement in another phrasing, under the policy's identifier
- question       a statement asked about and answered: what a set holds, which rule speaks
- demonstration  a call, and what the policy makes of it
- walk           a situation, the conditions walked one by one, and the decision

Facts get paraphrases and questions, behaviours demonstrations too, conditions walks; complex ones most of them
(VOLUME). The paper lets a large model write the texts; here phrasings come from the rows of `knowledge` and walks from
the engine's own trace, so none of them can be wrong. No text uses a case of the test split.
"""

from __future__ import annotations

from .texts import VOLUME, corpus

__all__ = ["VOLUME", "corpus"]
