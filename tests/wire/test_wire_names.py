from __future__ import annotations

import types

import server.wire


def test_the_public_names_are_listed_and_sorted() -> None:
    public = {
        name
        for name, value in vars(server.wire).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType) and name != "annotations"
    }
    assert sorted(server.wire.__all__, key=lambda name: (not name.isupper(), name)) == server.wire.__all__
    assert set(server.wire.__all__) == public
