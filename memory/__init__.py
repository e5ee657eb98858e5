"""What failure reports taught: evidence, abstraction, gate.

This floor is built by a later issue; nothing imports it yet.
"""

from __future__ import annotations

__all__: list[str] = []
