"""server/store/errors.py: the tree in its docstring is the tree in the code."""

from __future__ import annotations

import inspect

from server.store import errors


def test_the_drawn_tree_names_every_error() -> None:
    classes = {name for name, _ in inspect.getmembers(errors, inspect.isclass)}
    drawn = {line.split()[1] for line in (errors.__doc__ or "").splitlines() if line.strip().startswith("+--")}
    assert classes == drawn | {"StoreError"}
    assert all(issubclass(getattr(errors, name), errors.StoreError) for name in classes)
