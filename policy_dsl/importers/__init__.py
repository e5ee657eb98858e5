"""Policies of other systems, read into this language and printed as text that a person goes on with.

- importer   a function from foreign text to policy text, in form, that has been parsed before it is returned
- compat     a text that means here exactly what its source meant there, whatever one thinks of it
- strict     a tightened text: never wider than the source, and refusing what its author most likely never meant
- refusal    an ImportRefused: a part of the source without a counterpart, with its place; nothing is left out silently
- scaffold   a first policy, from tools and recorded calls instead of a policy (scaffold.py, suggestions.py)

Flow: foreign text -> its own tree (progent_reading.py; cedar_reading.py) -> conditions (schema.py, typed.py,
python_pattern.py; cedar.py) -> rules (progent_states.py, progent.py; cedar.py) -> text (page.py).
"""

from __future__ import annotations

from .cedar import import_cedar
from .progent import import_progent
from .refusal import ImportRefused
from .scaffold import RecordedCall, scaffold

__all__ = ["ImportRefused", "RecordedCall", "import_cedar", "import_progent", "scaffold"]
