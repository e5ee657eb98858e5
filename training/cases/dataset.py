"""Whole data sets: cases, documents, corpus and probes of one seed.

Everything in a set follows from the seed, the knobs and the version of the language; a set made again elsewhere has the
same manifest.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from policy_dsl import strict_json

from ..corpus import corpus
from ..example import Data
from ..knowledge import document, sentences
from .asked import Asked
from .generate import cases
from .knobs import Knobs
from .probes import add_probes
from .trees import Grown, Leaf, changed, grow

LANGUAGE: Final = 1
PROBED: Final = 200
"""Cases of a probe set, at most."""


def of_knobs(
    knobs: Knobs,
    seed: int,
    *,
    policies: int = 1,
    versions: int = 1,
    train: int = 4000,
    test: int = 1000,
    unseen: float = 0.0,
) -> Data:
    """The data of `policies` generated policies together, each in `versions`: the same tools and fields, other tests
    and effects, so that nothing but the identifier tells whose question it is. `unseen` is the share of paths that no
    training case takes and that a probe set of that name asks about. Raises DataError where the policies have too few
    different cases."""
    asked = [
        Asked.of(version)
        for number in range(policies)
        for version in _versions(grow(knobs, seed, number), seed, versions)
    ]
    shown, hidden = _parted(asked, seed, unseen)
    data = _described(asked, seed)
    data.manifest = {
        "seed": seed,
        "knobs": asdict(knobs),
        "policies": {one.identifier: one.engine.policy.hash for one in asked},
        "language": LANGUAGE,
    }
    data.train = list(cases(shown, knobs, seed, train, "train"))
    data.test = list(cases(shown, knobs, seed, test, "test"))
    count = min(test, PROBED)
    add_probes(data, asked, knobs, seed, count)
    if hidden:
        data.probes["unseen"] = list(cases(hidden, knobs, seed, count, "test", "unseen"))
    asked_of = [*data.test, *(example for probe in data.probes.values() for example in probe)]
    data.corpus = corpus({one.identifier: one.engine.policy for one in asked}, data.train, asked_of, seed)
    return data


def _versions(grown: Grown, seed: int, count: int) -> list[Grown]:
    """The first is the policy itself; the later ones are drawn apart from the version that the probes substitute."""
    return [grown, *(changed(grown, seed + _APART * number) for number in range(1, count))]


_APART: Final = 1_000_003

Paths = list[tuple[Asked, Leaf]]


def _parted(asked: Sequence[Asked], seed: int, unseen: float) -> tuple[Paths, Paths]:
    """The paths that training takes, and those that it does not."""
    rng = random.Random(strict_json.encode([seed, "paths"]))  # noqa: S311  # data, no secret
    paths = [(one, leaf) for one in asked for leaf in one.grown.leaves]
    hidden = {(one.identifier, leaf.path) for one, leaf in rng.sample(paths, int(len(paths) * unseen))}
    kept = [(one, leaf) for one, leaf in paths if (one.identifier, leaf.path) not in hidden]
    return kept, [(one, leaf) for one, leaf in paths if (one.identifier, leaf.path) in hidden]


def _described(asked: Sequence[Asked], seed: int) -> Data:
    """The policies of a set in every form, without a case yet."""
    return Data(
        documents={one.identifier: document(one.engine.policy, seed) for one in asked},
        rules={one.identifier: sentences(one.engine.policy, seed) for one in asked},
        train=[],
        test=[],
        corpus=[],
        manifest={},
        policies={one.identifier: one.grown.text() for one in asked},
        tools={one.identifier: one.grown.tools() for one in asked},
    )
