"""A training run as a file: data, model and stages in order, read strictly and run so that it can be taken up again.

A recipe is YAML. A member that is not known is refused: a misspelt number would otherwise be left at its default, and
the run would not be what its file says. The identity of a run is the hash of its data and of its recipe; a checkpoint
of another is refused. What is left at its default is not in that hash, so a member that is new in a later version, at a
default that changes nothing, leaves older checkpoints as good as they were. Each stage has a folder of its own, and a
stage that is done is only read back.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
import yaml

from .example import Data, DataError, manifest_hash, read
from .prompting import View, completion, prompt
from .reward import Reward

if TYPE_CHECKING:  # torch is loaded by who runs a recipe, not by who reads one
    from .stages import Draw, Stage

_ADDRESS: Final = re.compile(r"https?://([^\s/?#@:\[\]]+|\[[0-9a-fA-F:.]+\])(:[0-9]+)?/?")
"""Scheme, host and perhaps a port: the routes are the server's own, and it has no login."""


class ModelPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A Llama from scratch, its size in layers and widths; or with `weights` the folder or GGUF file to start from.
    `lora` is the rank of thin matrices that are trained in place of the weights, `bf16` how it is computed."""

    layers: int = 2
    width: int = 96
    heads: int = 4
    inner: int = 192
    longest: int = 1024
    weights: str | None = None
    lora: int | None = None
    bf16: bool = False
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """`auto` is the accelerator where there is one."""


class StagePart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One stage and its numbers. `views` is of sft; `plain` to `inner_steps` of grpo, `temperature` of distillation
    too."""

    kind: Literal["cpt", "sft", "grpo", "distillation"]
    steps: int
    rate: float
    batch: int = 24
    """Rows a step (cpt, sft) or questions (grpo, distillation)."""
    part: int | None = None
    """Rows that are computed at once; a step of more adds their gradients up. All of them where it is not given."""
    row: int | None = None
    """Tokens of a row (cpt, sft); the longest text where it is not given, so that one text fills a row."""
    views: dict[View, float] = msgspec.field(default_factory=lambda: {"identifier": 1.0})
    """Which share of the cases is asked in which view (sft)."""
    plain: int = 8
    in_view: int = 0
    longest: int = 96
    kl: float = 0.0
    tries: int = 3
    low: float = 0.2
    high: float = 0.28
    temperature: float = 1.0
    inner_layer: int | None = None
    inner_steps: int = 0


class ServedPart(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A vLLM server that draws the rollouts of grpo (engines/vllm.py): its address, what it calls the model, and a
    folder that both see, through which it is given weights. It starts on `folder`/start-DIGEST, which a run writes."""

    url: str
    folder: str
    name: str = "trained"

    def __post_init__(self) -> None:
        if not _is_address(self.url):
            raise DataError(
                f"`{self.url}` is not the address of a server, in a recipe's `served`\n"
                "  help: one looks like `http://127.0.0.1:8000`"
            )


class Recipe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole run. `data` is a folder that `training.read` reads; `seed` draws the weights and every step. Who draws
    the rollouts is not part of what the run is: it may go on with another server, or with none."""

    data: str
    model: ModelPart = ModelPart()
    stages: tuple[StagePart, ...]
    seed: int = 0
    served: ServedPart | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """What a recipe made: the trained model, its tokenizer, and each stage's metrics in order."""

    model: Any
    tokenizer: Any
    metrics: tuple[list[dict[str, float]], ...]


def read_recipe(path: str | Path) -> Recipe:
    """The recipe at `path`; DataError where it does not read, holds an unknown member or has no stage."""
    try:
        recipe = msgspec.convert(yaml.safe_load(Path(path).read_bytes()), Recipe)
    except (OSError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise DataError(f"the recipe `{path}` cannot be read: {error}") from error
    if not recipe.stages:
        raise DataError(f"the recipe `{path}` has no stage")
    return recipe


def _is_address(url: str) -> bool:
    if _ADDRESS.fullmatch(url) is None:
        return False
    try:
        return urlsplit(url).port != 0
    except ValueError:  # a port that is too large, or what no IPv6 host looks like
        return False


def begun(recipe: Recipe, data: Data) -> tuple[Any, Any]:
    """(model, tokenizer) before the first stage, on its device. DataError where there are no such weights."""
    from .model import Shape, add_identifiers, add_lora, load, placed, tiny, word_tokenizer

    part = recipe.model
    if part.weights is None:
        texts = [prompt(one, data, "document") + completion(one) for one in (*data.train, *data.test)]
        tokenizer = word_tokenizer([*texts, *data.corpus, *data.documents.values()], data.documents)
        model = tiny(Shape(part.layers, part.width, part.heads, part.inner, part.longest), tokenizer, recipe.seed)
    else:
        model, tokenizer = load(part.weights)
        add_identifiers(model, tokenizer, data.documents)
    if part.lora is not None:
        places = tokenizer.convert_tokens_to_ids(sorted(data.documents))
        add_lora(model, part.lora, 2.0 * part.lora, recipe.seed, tokens=places)
    return placed(model, part.device), tokenizer


def run_recipe(recipe: Recipe, folder: str | Path) -> Run:
    """Runs the stages in order under `folder`/0-KIND, `folder`/1-KIND and so on; the same call goes on where it was
    stopped. The errors are those of `training.read` and of `training.stages.run`, and DataError where the server that
    is to draw is not there or cannot."""
    from .stages import Running, draw_here, run

    data = read(recipe.data)
    model, tokenizer = begun(recipe, data)
    identity = hashlib.sha256(manifest_hash(data).encode())
    identity.update(msgspec.json.encode((recipe.model, recipe.seed)))
    draw: Draw = draw_here
    if recipe.served is not None and _is_to_draw(recipe, Path(folder)):
        draw = _looked_for(recipe.served, model, tokenizer, f"start-{identity.hexdigest()[:12]}")
    metrics = []
    for place, stage in enumerate(recipe.stages):
        identity.update(msgspec.json.encode(stage))  # a stage depends on those before it, and not on those after
        warmup = max(1, stage.steps // 10)
        running = Running(stage.steps, stage.rate, recipe.seed + place, warmup=warmup, bf16=recipe.model.bf16)
        made = _made(stage, data, tokenizer, model, recipe.seed, draw)
        metrics.append(run(made, model, running, Path(folder) / f"{place}-{stage.kind}", identity.hexdigest()))
    return Run(model, tokenizer, tuple(metrics))


def _is_to_draw(recipe: Recipe, folder: Path) -> bool:
    """Whether rollouts are still missing: a run that is done is read back without the server."""
    from .model import reached

    places = (folder / f"{place}-{stage.kind}" for place, stage in enumerate(recipe.stages))
    return any(
        stage.kind == "grpo" and reached(place) < stage.steps
        for stage, place in zip(recipe.stages, places, strict=True)
    )


def _looked_for(part: ServedPart, model: Any, tokenizer: Any, start: str) -> Draw:
    """The server, before the first stage: it is needed later, and missed now."""
    from .engines import Served, begin

    served, place = Served(part.url, part.name, part.folder), Path(part.folder).resolve() / start
    if not place.exists():
        begin(model, tokenizer, place)
    served.look(place)
    return served


def _made(part: StagePart, data: Data, tokenizer: Any, model: Any, seed: int, draw: Draw) -> Stage:
    from copy import deepcopy

    from .stages import GRPO, Distillation, Rollouts, cpt, sft

    if part.kind == "cpt":
        return cpt(data, tokenizer, part.row, part.batch, seed, part.part)
    if part.kind == "sft":
        return sft(data, tokenizer, part.row, part.batch, part.views, seed, part.part)
    if part.kind == "distillation":
        return Distillation(data, tokenizer, part.batch, part.longest, part.temperature, part=part.part)
    numbers = GRPO(
        part.batch,
        part.plain,
        part.in_view,
        part.longest,
        part.temperature,
        part.low,
        part.high,
        tries=part.tries,
        kl=part.kl,
        inner_layer=part.inner_layer,
        inner_steps=part.inner_steps,
        part=part.part,
    )
    before = deepcopy(model).eval() if part.kl else None
    return Rollouts(data, tokenizer, Reward.of(data), numbers, before, draw)
