"""The one loop. What a step draws depends on (seed, step) alone, so a resumed run is the uninterrupted one."""

from __future__ import annotations

import json
import math
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from rich.console import Console
from rich.progress import Progress
from torch import Tensor

from ..model.checkpoint import latest, restore, save

Update = list[Callable[[], Tensor]]


class Interrupted(Exception):
    """The run was told to stop (SIGINT, SIGTERM); its state is saved and the same call goes on from it."""


class OutOfMemory(Exception):
    """The device has too little memory for one step; the last whole step is saved where one was reached."""


class Stage(Protocol):
    """What to learn from."""

    def updates(self, model: Any, step: int, generator: torch.Generator) -> Iterator[Update]:
        """The updates of one step, each a list of losses that are averaged."""

    def metrics(self) -> dict[str, float]:
        """What the last step has to tell besides its loss."""


@dataclass(frozen=True, slots=True)
class Running:
    """Numbers of a run. `rate` is reached after `warmup` steps and falls by a cosine to a tenth at `steps`."""

    steps: int
    rate: float
    seed: int = 0
    warmup: int = 10
    clip: float = 1.0
    """Largest norm of a gradient."""
    decay: float = 0.0
    bf16: bool = False
    """Compute in bfloat16 where that loses nothing that matters (torch.autocast); weights and moments stay float32."""
    save_every: int = 200
    log_every: int = 10


def run(stage: Stage, model: Any, running: Running, folder: str | Path, identity: str) -> list[dict[str, float]]:
    """Trains `model` in place, goes on from the newest checkpoint of `folder`, and answers the metrics it wrote there.

    `identity` names data and recipe; a checkpoint of another is refused with CheckpointError. Interrupted and
    OutOfMemory leave a state that the same call goes on from.
    """
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    parameters = [one for one in model.parameters() if one.requires_grad]
    device = parameters[0].device
    optimizer = torch.optim.AdamW(
        parameters, lr=running.rate, weight_decay=running.decay, betas=(0.9, 0.95), fused=device.type == "cuda"
    )
    done, history = 0, []
    if (found := latest(place)) is not None:
        state = restore(found, identity)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        done, history = state["step"], state["history"]
    # Lines after the checkpoint are of steps that are done again: the file begins as the checkpoint's own history.
    lines = place / "metrics.jsonl"
    lines.write_text("".join(json.dumps(line) + "\n" for line in history))

    def keep() -> None:
        save(
            place,
            done,
            {"run": identity, "model": model.state_dict(), "optimizer": optimizer.state_dict(), "history": history},
        )

    model.train()
    console = Console(stderr=True)
    with (
        _told() as told,
        lines.open("a", buffering=1) as told_lines,
        Progress(console=console, transient=True, disable=not console.is_terminal) as progress,
    ):
        bar = progress.add_task("training", total=running.steps, completed=done)
        while done < running.steps:
            generator = torch.Generator(device).manual_seed(running.seed * 1_000_003 + done)
            for group in optimizer.param_groups:
                group["lr"] = running.rate * _share(done, running)
            computing = torch.autocast(device.type, torch.bfloat16, enabled=running.bf16)
            whole = True  # false once a part of this step has changed the weights: then they are of no step
            try:
                losses = []
                with computing:
                    for update in stage.updates(model, done, generator):
                        optimizer.zero_grad(set_to_none=True)
                        for part in update:
                            loss = part() / len(update)
                            torch.autograd.backward(loss)  # typed, where Tensor.backward is not
                            losses.append(loss.detach())
                        torch.nn.utils.clip_grad_norm_(parameters, running.clip)
                        whole = False
                        optimizer.step()
            except (RuntimeError, MemoryError) as error:
                if not _memory(error):
                    raise
                if whole:
                    keep()
                raise OutOfMemory(f"out of memory at step {done}: make the batch or its rows smaller") from error
            done += 1
            progress.update(bar, completed=done)
            if done % running.log_every == 0 or done == running.steps:
                loss = float(torch.stack(losses).sum()) if losses else 0.0
                history.append({"step": done, "loss": loss, **stage.metrics()})
                told_lines.write(json.dumps(history[-1]) + "\n")
            if told:
                keep()
                raise Interrupted(f"stopped after step {done}; the state is saved")
            if done % running.save_every == 0 or done == running.steps:
                keep()
    return history


def _memory(error: Exception) -> bool:
    """Whether memory ran out. On the CPU, torch has no class of its own for it: its allocator names itself."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "DefaultCPUAllocator" in str(error)


def _share(step: int, running: Running) -> float:
    if step < running.warmup:
        return (step + 1) / running.warmup
    along = (step - running.warmup) / max(1, running.steps - running.warmup)
    return 0.1 + 0.9 * (1 + math.cos(math.pi * along)) / 2


@contextmanager
def _told() -> Iterator[list[int]]:
    """Signals that arrive within: they are only noted, so that no step is cut in two."""
    seen: list[int] = []

    def note(number: int, frame: FrameType | None) -> None:
        seen.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
