"""What `leastward train` does: data, run, export, verify, shadow. The command line is the server's; it finds this
module by its name, since the two floors may not import each other.

Every function gives a JSON tree and raises Fault alone for what a person can mend. torch and transformers are imported
where a stage runs, so data and the shadow report need neither.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec

from policy_dsl import Catalogue, PolicyError, StrictJsonError, parse_json
from policy_dsl.knowledge import Threshold, identifier

from .cases import Engine, Knobs, of_knobs, of_policies
from .example import Data, Example, manifest_hash, read, write
from .field import from_records
from .shadow import Shadow, shadow

_TORCH: Final = ("torch", "transformers", "tokenizers", "safetensors", "gguf")


class Fault(Exception):
    """What went wrong, as a sentence for who typed the command."""


def generated(
    out: str, knobs: Mapping[str, int], *, seed: int, policies: int, train: int, test: int, unseen: float
) -> dict[str, Any]:
    """Writes the data of generated policies to the folder `out` (training.cases); how many cases there are."""
    with _told():
        return _written(out, of_knobs(Knobs(**knobs), seed, policies=policies, train=train, test=test, unseen=unseen))


def own(
    out: str,
    policy: Sequence[str],
    tools: str | None,
    *,
    seed: int,
    train: int,
    test: int,
    records: Iterable[str] | None = None,
    place: str = "records",
) -> dict[str, Any]:
    """Writes the data of one's own policy. With `records` also the cases of recorded decisions (field.py), for training
    alone: one that the test asks too is left out."""
    with _told():
        catalogue = None if tools is None else Catalogue.read(tools)
        data = of_policies(list(policy), catalogue, seed=seed, train=train, test=test)
        left: Counter[str] = Counter()
        if records is not None:
            engine = Engine.of_files(list(policy), catalogue)
            found = from_records(records, engine, identifier(engine.policy, Path(policy[0]).stem), place)
            asked = {_case(one) for one in data.test}
            kept = [one for one in found.examples if _case(one) not in asked]
            data.train += kept
            left = Counter(one.why for one in found.left)
            if len(kept) < len(found.examples):
                left["in-test"] = len(found.examples) - len(kept)
            data.manifest["field"] = {"cases": len(kept), "left": dict(sorted(left.items()))}
        return _written(out, data)


def run(recipe: str, out: str) -> dict[str, Any]:
    """Runs a recipe in the folder `out`, or goes on with it; the last line of each stage's metrics."""
    with _told():
        from .recipe import read_recipe, run_recipe

        wanted = read_recipe(recipe)
        done = run_recipe(wanted, out)
        stages = [
            {"stage": f"{place}-{stage.kind}", "steps": stage.steps, "last": metrics[-1] if metrics else {}}
            for place, (stage, metrics) in enumerate(zip(wanted.stages, done.metrics, strict=True))
        ]
        return {"out": out, "stages": stages}


def export(
    recipe: str, trained: str, out: str, measured: str, least: Mapping[str, float], most: Mapping[str, float]
) -> dict[str, Any]:
    """Exports what `run` trained in `trained`. `measured` is a JSON file: identifier -> name -> [times, of]."""
    with _told():
        from .export import Made, read_export
        from .export import export as write_export
        from .recipe import read_recipe, run_recipe

        wanted = read_recipe(recipe)
        _is_done(wanted, trained)
        data = read(wanted.data)
        shares = _measured(measured)
        thresholds = {name: Threshold(least=value) for name, value in least.items()}
        for name, value in most.items():
            if name in thresholds:
                raise Fault(f"`{name}` has a least and a most: one threshold says one thing")
            thresholds[name] = Threshold(most=value)
        done = run_recipe(wanted, trained)
        part = wanted.model
        size = f"from scratch, {part.layers} layers of {part.width}"
        base = size if part.weights is None else Path(part.weights).name
        made = Made(base, [f"{stage.kind}:{stage.steps}" for stage in wanted.stages])
        write_export(out, done.model, done.tokenizer, data, made, shares, thresholds)
        claim = read_export(out)
        return {"out": out, "data": manifest_hash(data), "claim": msgspec.to_builtins(claim)}


def verify(folder: str) -> dict[str, Any]:
    """The claim of an export whose weights are those it speaks of."""
    with _told():
        from .export import read_export

        claim: dict[str, Any] = msgspec.to_builtins(read_export(folder))
        return claim


def report(lines: Iterable[str], place: str = "records") -> Shadow:
    """The shadow report of the lines."""
    with _told():
        return shadow(lines, place)


def _written(out: str, data: Data) -> dict[str, Any]:
    write(out, data)
    sets = {"train": data.train, "test": data.test, **data.probes}
    counted = {name: len(examples) for name, examples in sets.items()}
    more = {"field": data.manifest["field"]} if "field" in data.manifest else {}
    return {"out": out, "cases": counted, "corpus": len(data.corpus), "hash": manifest_hash(data), **more}


def _case(example: Example) -> bytes:
    return msgspec.json.encode((example.call, example.context), order="deterministic")


def _measured(path: str) -> dict[str, dict[str, tuple[int, int]]]:
    try:
        read = msgspec.convert(parse_json(Path(path).read_bytes()), dict[str, dict[str, tuple[int, int]]])
    except OSError as error:
        raise Fault(f"cannot read `{path}`: {error.strerror}") from error
    except (StrictJsonError, msgspec.ValidationError) as error:
        raise Fault(f"`{path}` does not say what was measured: {error}") from error
    # Of what nobody was asked there is no share; a threshold for it is then not met.
    return {name: {what: share for what, share in shares.items() if share[1]} for name, shares in read.items()}


def _is_done(recipe: Any, trained: str) -> None:
    """A stage that is not done would be run by reading it back, and nobody asked for that here."""
    from .model import latest

    for place, stage in enumerate(recipe.stages):
        found = latest(Path(trained) / f"{place}-{stage.kind}")
        if found is None or int(found.stem.removeprefix("checkpoint-")) < stage.steps:
            raise Fault(f"the stage `{place}-{stage.kind}` in `{trained}` is not done: run the recipe to its end first")


@contextmanager
def _told() -> Iterator[None]:
    """Errors of every stage as Fault."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in _TORCH:
            raise
        raise Fault(f"this needs `{error.name}`: install the extra `train`") from error
    except PolicyError as error:
        raise Fault(error.render()) from error
    except Fault:
        raise
    except (ValueError, OSError) as error:
        raise Fault(str(error)) from error
    except Exception as error:
        # The stages' own errors live in modules that need torch: they are told by their package, not imported.
        if type(error).__module__.startswith(f"{__package__}."):
            raise Fault(str(error)) from error
        raise
