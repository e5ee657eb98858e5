"""Policies into parameters: data, rewards and stages that train a model on a policy, with the Guard as verifier.

This floor is built by a later issue; nothing imports it yet.
"""

from __future__ import annotations

__all__: list[str] = []
