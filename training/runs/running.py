"""Carries out a plan: what is done already is read back, so the same command goes on where an earlier one was stopped.

Arms that begin with the same stages on the same model and seed share them: their checkpoints are linked, not trained
again, since a stage's identity is that of all before it (recipe).
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..cases import Knobs, of_knobs
from ..example import MANIFEST, Data, manifest_hash, read, write
from ..measure import Results, TreeBaseline, cost_of, counted, general_text, kept, of_model, read_results, tables
from ..measure.__main__ import asked
from ..measure.arms import named
from ..measure.baselines import Majority
from ..measure.plots import bars, curves
from ..recipe import ModelPart, Recipe, StagePart, begun, run_recipe
from ..reward import Reward
from .plans import Arm, Plan

_SEED = 7
_KNOBS = frozenset(Knobs.__dataclass_fields__)


def carry_out(plan: Plan, step: int, out: str | Path, weights: str | None = None) -> list[Results]:
    """The arms of one step, in `out`; their results, which also stand in `out`/results. `weights` is what stands for
    SMOLLM2 in the plan. DataError, and what the stages raise (Interrupted leaves a state to go on from)."""
    place = Path(out)
    results: list[Results] = []
    for arm in plan.steps[step]:
        own = f"data-{_slug(arm.name)}" if arm.data else "data"
        data = _data({**plan.data, **arm.data}, place / own)
        if not arm.data and not results and step == min(plan.steps):
            results += _baselines(plan, data, place)
        results += [_arm(plan, arm, seed, data, place / own, place, weights) for seed in range(arm.seeds or plan.seeds)]
    summed_up(place)
    return results


def summed_up(out: str | Path) -> str:
    """Writes tables.md and the plots of all results in `out`; the tables."""
    place = Path(out)
    found = [read_results(path) for path in sorted((place / "results").glob("*.json"))]
    found.sort(key=lambda one: (one.made.get("place", 0), one.made.get("seed", 0)))
    told = tables(found)
    (place / "tables.md").write_text(told)
    first = [one for one in found if one.made.get("seed", 0) == 0 and "identifier" in one.arms]
    if first:
        bars(first, "identifier", place / "arms.svg")
    by_name: dict[str, list[Path]] = {}
    for one in found:
        lines = place / one.made.get("run", "") / one.made.get("last", "") / "metrics.jsonl"
        if one.made.get("kind") == "grpo" and lines.is_file():
            by_name.setdefault(one.name, []).append(lines)
    for measure in ("reward", "right") if by_name else ():
        curves(by_name, measure, place / f"{measure}.svg")
    return told


def _data(options: Mapping[str, int], folder: Path) -> Data:
    if not (folder / MANIFEST).is_file():
        knobs = Knobs(**{name: value for name, value in options.items() if name in _KNOBS})
        sizes = {name: value for name, value in options.items() if name not in _KNOBS}
        _say(f"data: {dict(options)}")
        write(folder, of_knobs(knobs, _SEED, **sizes))
    return read(folder)


def _baselines(plan: Plan, data: Data, place: Path) -> Sequence[Results]:
    reward, examples = Reward.of(data), data.test[: plan.most]
    made = {"data": manifest_hash(data), "place": -1}
    found = [
        Results(name=name, made=made, arms={"identifier": counted(examples, answers(examples), reward)})
        for name, answers in (("majority", Majority(data.train)), ("decision tree on fields", TreeBaseline(data.train)))
    ]
    for results in found:
        _keep(results, place)
    return found


def _arm(plan: Plan, arm: Arm, seed: int, data: Data, asked_of: Path, place: Path, weights: str | None) -> Results:
    slug = f"{_slug(arm.name)}-{seed}"
    kept_at = place / "results" / f"{slug}.json"
    if kept_at.is_file():
        _say(f"{arm.name}, seed {seed}: measured before")
        return read_results(kept_at)
    model = dict(arm.model or plan.model)
    if model.get("weights") == "SMOLLM2":
        model["weights"] = weights
    stages = tuple(msgspec.convert(dict(stage), StagePart) for stage in arm.stages)
    recipe = Recipe(data=str(asked_of), model=msgspec.convert(model, ModelPart), stages=stages, seed=seed)
    folder = place / "runs" / slug
    _share(folder, arm, seed, plan, place)
    _say(f"{arm.name}, seed {seed}: training")
    started = time.monotonic()
    trained, tokenizer = _trained(recipe, folder, data)
    seconds = time.monotonic() - started
    made: dict[str, Any] = {
        "data": manifest_hash(data),
        "seed": seed,
        "stages": [f"{stage.kind}:{stage.steps}" for stage in stages],
        "parameters": sum(one.numel() for one in trained.parameters()),
        "seconds": round(seconds, 1),
        "run": str(folder.relative_to(place)),
        "place": [one.name for arms in plan.steps.values() for one in arms].index(arm.name),
    }
    if stages:
        made |= {"last": f"{len(stages) - 1}-{stages[-1].kind}", "kind": stages[-1].kind}
    results = Results(name=arm.name, made=made, arms={})
    measured = named(arm.measured if seed == 0 else arm.measured[:1])
    with computing(trained, recipe.model.bf16):  # as it was trained and as it would be served
        results.arms = asked(measured, data, of_model(trained, tokenizer, plan.longest), plan.most)
        if seed == 0:
            results.cost = cost_of(trained, tokenizer, data.test[:64], data) if arm.is_timed else {}
            if model.get("weights"):
                results.kept["after" if stages else "before"] = kept(trained, tokenizer, general_text())
    _keep(results, place)
    return results


def computing(model: Any, bf16: bool) -> Any:
    """The context in which a model of a recipe computes."""
    import torch

    device = model.get_input_embeddings().weight.device
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16)


def _trained(recipe: Recipe, folder: Path, data: Data) -> tuple[Any, Any]:
    if not recipe.stages:
        return begun(recipe, data)
    done = run_recipe(recipe, folder)
    return done.model, done.tokenizer


def _share(folder: Path, arm: Arm, seed: int, plan: Plan, place: Path) -> None:
    """Link the checkpoints of stages that another arm trained just so."""
    for other in (one for arms in plan.steps.values() for one in arms):
        theirs = place / "runs" / f"{_slug(other.name)}-{seed}"
        if other.name == arm.name or (other.model, other.data) != (arm.model, arm.data) or not theirs.is_dir():
            continue
        for number, (mine, its) in enumerate(zip(arm.stages, other.stages, strict=False)):
            name = f"{number}-{mine['kind']}"
            if mine != its or not (theirs / name).is_dir():
                break
            if not (folder / name).exists():
                shutil.copytree(theirs / name, folder / name, copy_function=_link)


def _link(source: str, target: str) -> None:
    """Checkpoints are replaced whole and never written in place, so a link is as good as a copy; metrics are not."""
    if source.endswith(".pt"):
        os.link(source, target)
    else:
        shutil.copy2(source, target)


def _keep(results: Results, place: Path) -> None:
    folder = place / "results"
    folder.mkdir(parents=True, exist_ok=True)
    seed = results.made.get("seed")
    name = _slug(results.name) + ("" if seed is None else f"-{seed}")
    partial = folder / f"{name}.partial"
    partial.write_bytes(msgspec.json.format(msgspec.json.encode(results, order="deterministic"), indent=1) + b"\n")
    partial.replace(folder / f"{name}.json")


def _slug(name: str) -> str:
    words = "".join(mark if mark.isalnum() else " " for mark in name.lower()).split()
    return "-".join(words)


def _say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
