"""vLLM as who draws the rollouts: a server of its own, given the weights anew whenever they have changed.

    VLLM_SERVER_DEV_MODE=1 vllm serve FOLDER --served-model-name trained
    Rollouts(data, tokenizer, reward, GRPO(), draw=Served("http://127.0.0.1:8000", "trained", "runs/weights"))

`begin` writes the FOLDER that the server starts on. Weights travel as files, so server and trainer share a disk. The
server's cache of prefixes was computed by the weights before and is emptied with them. Log-probabilities are not taken
from the server: the trainer computes them itself, so that a ratio compares the trainer's numbers with each other.
The server has no login on these routes: it belongs on the trainer's own machine.
"""

from __future__ import annotations

import json
import shutil
import urllib.request
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..example import DataError

if TYPE_CHECKING:  # torch is loaded by who trains
    import torch

_SECONDS: Final = 600.0
_AS_TRAINED: Final = {"return_token_ids": True, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
"""What a model's generation_config recommends would be another distribution than the trainer's."""
_AT_ONCE: Final = 64
"""Requests; each asks for a whole group. vLLM batches what is asked at once."""


def begin(model: Any, tokenizer: Any, folder: str | Path) -> None:
    """Writes what the server starts on: these weights and this tokenizer, in transformers' layout."""
    _write(model, folder)
    tokenizer.save_pretrained(folder)


def _write(model: Any, folder: str | Path) -> None:
    """With a head of its own where it is tied to the embeddings: vLLM 0.32 does not tie it again when it is given new
    weights, and would go on with the head it had."""
    from torch.nn import Parameter

    from ..model import plain

    apart = deepcopy(plain(model))
    if apart.config.tie_word_embeddings:
        apart.config.tie_word_embeddings = False
        apart.lm_head.weight = Parameter(apart.get_input_embeddings().weight.detach().clone())
    apart.save_pretrained(folder, safe_serialization=True)


class Served:
    """`Rollouts.draw` by the server at `url`, which serves the model as `name`. Weights go through `folder`."""

    def __init__(self, url: str, name: str, folder: str | Path) -> None:
        self._url, self._name, self._folder = url.rstrip("/"), name, Path(folder).resolve()
        self._sent: tuple[int, ...] | None = None
        self._times = 0

    def __call__(
        self, model: Any, tokenizer: Any, prompts: Sequence[list[int]], longest: int, temperature: float,
        generator: torch.Generator,
    ) -> list[list[int]]:  # fmt: skip
        """Token ids up to and with the end of the turn, one answer for each prompt, drawn by `model`'s weights as they
        are. DataError where the server answers something else."""
        import torch

        self._send(model)
        groups = Counter(tuple(one) for one in prompts)
        seeds = torch.randint(2**31, (len(groups),), generator=generator, device=generator.device).tolist()
        fixed = {
            **_AS_TRAINED,
            "model": self._name,
            "max_tokens": longest,
            "temperature": temperature,
            "stop_token_ids": [tokenizer.eos_token_id],
        }
        asked = [
            # One request for a whole group: n answers of one seed differ, n requests of one seed would not.
            {**fixed, "prompt": list(prompt), "n": count, "seed": seed}
            for (prompt, count), seed in zip(groups.items(), seeds, strict=True)
        ]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = dict(zip(groups, pool.map(self._complete, asked), strict=True))
        return [found[tuple(prompt)].pop() for prompt in prompts]

    def answers(self) -> bool:
        """Whether the server is there and ready."""
        try:
            with urllib.request.urlopen(f"{self._url}/health", timeout=10) as answer:  # noqa: S310  # named by the caller
                return bool(answer.status == 200)
        except OSError:
            return False

    def _send(self, model: Any) -> None:
        """Give the server the weights, where a step has changed them since."""
        # Every write in place counts a tensor's version up, an optimizer's included.
        now = tuple(version for one in model.parameters() for version in (id(one), one._version))
        if now == self._sent:
            return
        self._times += 1
        fresh, old = self._folder / f"weights-{self._times}", self._folder / f"weights-{self._times - 1}"
        shutil.rmtree(fresh, ignore_errors=True)
        _write(model, fresh)
        self._post("/collective_rpc", {"method": "reload_weights", "kwargs": {"weights_path": str(fresh)}})
        self._post("/reset_prefix_cache", {})
        shutil.rmtree(old, ignore_errors=True)
        self._sent = now

    def _complete(self, body: dict[str, Any]) -> list[list[int]]:
        answer = self._post("/v1/completions", body)
        try:
            found = [[int(token) for token in choice["token_ids"]] for choice in json.loads(answer)["choices"]]
        except (ValueError, LookupError, TypeError) as error:
            raise DataError(f"`{self._url}` gave no tokens: {answer[:200].decode(errors='replace')}") from error
        if len(found) != body["n"]:
            raise DataError(f"`{self._url}` gave {len(found)} answers where {body['n']} were asked for")
        return found

    def _post(self, path: str, body: dict[str, Any]) -> bytes:
        headers = {"content-type": "application/json"}
        request = urllib.request.Request(f"{self._url}{path}", json.dumps(body).encode(), headers)  # noqa: S310  # named by the caller
        try:
            with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  # the same
                return bytes(answer.read())
        except OSError as error:
            raise DataError(f"`{self._url}{path}` cannot be asked: {error}") from error
