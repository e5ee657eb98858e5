"""The plans as tables.

Sizes of `gpu` were estimated for one H100 and never run: a command of ten minutes may not be enough for a step, and is
then given again. `part` keeps what autograd holds in its memory; without it one update of PolicyRollout at these sizes
would hold some 270 GiB (counted on tensors without storage). Sizes of `cpu` were chosen so that fine-tuning learns the
task's form and leaves room above it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

Stages = tuple[Mapping[str, Any], ...]
"""Members of recipe.StagePart."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to train; without stages, the model as it comes. `measured` are arms of training.measure: the first for
    every seed, the others for the first seed alone."""

    name: str
    stages: Stages = ()
    measured: tuple[str, ...] = ("identifier",)
    seeds: int | None = None
    """How many seeds; the plan's number where it is not given."""
    model: Mapping[str, Any] = field(default_factory=dict)
    """Members of recipe.ModelPart in place of the plan's."""
    data: Mapping[str, int] = field(default_factory=dict)
    """Options of training.cases beside the plan's: such an arm has data of its own."""
    is_timed: bool = False
    """Whether what its prompts cost is measured; arms of one size cost the same."""


@dataclass(frozen=True, slots=True)
class Plan:
    """`data` are options of training.cases, `model` members of recipe.ModelPart, `steps` the arms that one command
    runs, by its number."""

    data: Mapping[str, int]
    model: Mapping[str, Any]
    steps: Mapping[int, tuple[Arm, ...]]
    seeds: int = 3
    longest: int = 96
    most: int = 1000
    """Cases of one measured arm, at most."""


_PROBED: Final = ("identifier", "document", "none", "override", "substitution", "referral")

# --- two cores --------------------------------------------------------------------------------------------------------

_SFT: Final[Mapping[str, Any]] = {
    "kind": "sft",
    "steps": 180,
    "rate": 2.0e-3,
    "batch": 8,
    "views": {"identifier": 1.0, "document": 0.25},
}
_RL: Final[Mapping[str, Any]] = {"kind": "grpo", "steps": 50, "rate": 2.0e-4, "batch": 12, "longest": 60, "tries": 2}
_GRPO: Final = {**_RL, "plain": 8}
_PORO: Final = {**_RL, "plain": 4, "in_view": 4}
_CPT: Final[Mapping[str, Any]] = {"kind": "cpt", "steps": 60, "rate": 1.0e-3, "batch": 8}
_BLIND: Final = {**_SFT, "views": {"none": 1.0}}

CPU: Final = Plan(
    # Two versions of one policy over the same tool and fields: the question alone does not tell whose it is.
    data={"versions": 2, "environment": 1, "tasks": 1, "arguments": 1, "depth": 2, "train": 4000, "test": 1000},
    model={"layers": 2, "width": 256, "heads": 8, "inner": 512, "device": "cpu"},
    steps={
        1: (
            Arm("no policy", (_BLIND,), ("none",)),
            Arm("SFT", (_SFT,), _PROBED, is_timed=True),
            Arm("SFT, GRPO", (_SFT, _GRPO), _PROBED),
            Arm("SFT, PolicyRollout", (_SFT, _PORO), _PROBED),
        ),
        2: (
            Arm("CAP-CPT, SFT", (_CPT, _SFT), _PROBED, 1),
            Arm(
                "SFT, distillation", (_SFT, {"kind": "distillation", "steps": 20, "rate": 1.0e-4, "batch": 16}), seeds=1
            ),
        ),
    },
    longest=64,
)

# --- one accelerator --------------------------------------------------------------------------------------------------

_SMOL: Final[Mapping[str, Any]] = {"weights": "SMOLLM2", "bf16": True}
_G_CPT: Final[Mapping[str, Any]] = {"kind": "cpt", "steps": 250, "rate": 1.0e-4, "batch": 64, "part": 16, "row": 1024}
_G_SFT: Final[Mapping[str, Any]] = {
    "kind": "sft",
    "steps": 200,
    "rate": 1.0e-4,
    "batch": 64,
    "part": 8,
    "row": 2048,
    "views": {"identifier": 1.0, "document": 0.2},
}
_G_RL: Final[Mapping[str, Any]] = {"kind": "grpo", "steps": 50, "rate": 1.0e-5, "batch": 64, "part": 128, "longest": 96}
_G_GRPO: Final = {**_G_RL, "plain": 16, "kl": 0.01, "high": 0.2, "tries": 1}
_G_PORO: Final = {**_G_RL, "plain": 8, "in_view": 8, "kl": 0.01, "high": 0.2, "tries": 1}
_G_DAPO: Final = {**_G_RL, "plain": 8, "in_view": 8, "tries": 20}
_G_OPCD: Final[Mapping[str, Any]] = {
    "kind": "distillation",
    "steps": 50,
    "rate": 1.0e-5,
    "batch": 64,
    "part": 8,
}
_SCRATCH: Final[Mapping[str, Any]] = {
    "layers": 8,
    "width": 448,
    "heads": 8,
    "inner": 1216,
    "longest": 4096,
    "bf16": True,
}
_S_SFT: Final = {**_G_SFT, "rate": 1.0e-3, "steps": 300}
_S_RL: Final[Mapping[str, Any]] = {**_G_RL, "rate": 1.0e-4, "steps": 60}

GPU: Final = Plan(
    data={
        "policies": 10,
        "environment": 2,
        "tasks": 2,
        "arguments": 2,
        "depth": 3,
        "query": 2,
        "train": 20_000,
        "test": 2000,
    },
    model=_SMOL,
    steps={
        1: (
            Arm("scratch 25M, SFT", (_S_SFT,), _PROBED, model=_SCRATCH),
            Arm("scratch 25M, SFT, GRPO", (_S_SFT, {**_S_RL, "plain": 16}), model=_SCRATCH),
            Arm("scratch 25M, SFT, PolicyRollout", (_S_SFT, {**_S_RL, "plain": 8, "in_view": 8}), model=_SCRATCH),
        ),
        2: (
            Arm("base", (), ("none", "document", "rule")),
            Arm("SFT", (_G_SFT,), _PROBED, is_timed=True),
            Arm("SFT with LoRA", (_G_SFT,), model={**_SMOL, "lora": 16}),
            Arm("CAP-CPT, SFT", (_G_CPT, _G_SFT), _PROBED),
        ),
        3: (
            Arm("CAP-CPT, SFT, GRPO", (_G_CPT, _G_SFT, _G_GRPO), _PROBED),
            Arm("CAP-CPT, SFT, PolicyRollout (GRPO)", (_G_CPT, _G_SFT, _G_PORO), _PROBED),
            Arm("CAP-CPT, SFT, PolicyRollout (DAPO)", (_G_CPT, _G_SFT, _G_DAPO), _PROBED),
            Arm("CAP-CPT, SFT, distillation", (_G_CPT, _G_SFT, _G_OPCD), _PROBED),
        ),
    },
    seeds=1,
    longest=128,
    most=2000,
)

# --- how many policies one model holds --------------------------------------------------------------------------------

_MORE: Final = {**_SFT, "steps": 250, "views": {"identifier": 1.0}}

SEVERAL: Final = Plan(
    # As many cases and steps for ten policies as for one, each over a tool of its own.
    data={"environment": 1, "tasks": 1, "arguments": 1, "depth": 2, "train": 4000, "test": 1000},
    model={"layers": 2, "width": 256, "heads": 8, "inner": 512, "device": "cpu"},
    steps={
        1: (
            Arm("1 policy", (_MORE,), data={"policies": 1}),
            Arm("4 policies", (_MORE,), data={"policies": 4}),
            Arm("10 policies", (_MORE,), data={"policies": 10}),
            # Whether it is the model that is too small for ten, or the training.
            Arm("10 policies, four times the steps", ({**_MORE, "steps": 1000},), data={"policies": 10}),
        ),
    },
    seeds=1,
    longest=64,
)

PLANS: Final[Mapping[str, Plan]] = {"cpu": CPU, "gpu": GPU, "several": SEVERAL}

_TINY: Final[Mapping[str, Any]] = {"layers": 2, "width": 32, "heads": 2, "inner": 64, "longest": 4096, "device": "cpu"}
_LESS: Final[Mapping[str, int]] = {
    "batch": 2,
    "longest": 8,
    "plain": 2,
    "in_view": 2,
    "tries": 1,
    "steps": 1,
    "part": 1,
}


def smoke(plan: Plan) -> Plan:
    """The same plan with a tiny model and next to no steps: shows that it can be carried out, and nothing else."""

    def less(stage: Mapping[str, Any]) -> dict[str, Any]:
        small = {name: min(value, _LESS[name]) if name in _LESS else value for name, value in stage.items()}
        return {name: value for name, value in small.items() if name != "row"}

    bf16 = {"bf16": True} if plan.model.get("bf16") else {}

    def tiny(arm: Arm) -> Arm:
        lora = {"lora": arm.model["lora"]} if "lora" in arm.model else {}
        model = {**_TINY, **bf16, **lora} if arm.model else {}
        return replace(arm, stages=tuple(map(less, arm.stages)), model=model)

    steps = {number: tuple(map(tiny, arms)) for number, arms in plan.steps.items()}
    data = {**plan.data, "policies": min(2, plan.data.get("policies", 1)), "train": 60, "test": 20}
    return replace(plan, data=data, model={**_TINY, **bf16}, steps=steps, seeds=1, longest=8, most=4)
