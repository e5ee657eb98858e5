"""vLLM as who draws the rollouts: a server of its own, given the weights anew whenever they have changed.

    VLLM_SERVER_DEV_MODE=1 vllm serve FOLDER --served-model-name trained
    Rollouts(data, tokenizer, reward, GRPO(), draw=Served("http://127.0.0.1:8000", "trained", "runs/weights"))

vLLM goes into an environment of its own. `begin` writes the FOLDER that the server starts on. Weights travel as files,
so server and trainer share a disk. The server's cache of prefixes was computed by the weights before and is emptied
with them. Log-probabilities are not taken from the server: the trainer computes them itself, so that a ratio compares
the trainer's numbers with each other. The server has no login on these routes: it belongs on the trainer's own machine.
"""

from __future__ import annotations

import http.client
import json
import shlex
import shutil
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from ..example import DataError

if TYPE_CHECKING:  # torch is loaded by who trains
    import torch

_SECONDS: Final = 600.0
_AS_TRAINED: Final = {"return_token_ids": True, "top_p": 1.0, "top_k": 0, "min_p": 0.0, "repetition_penalty": 1.0}
"""What a model's generation_config recommends would be another distribution than the trainer's."""
_AT_ONCE: Final = 64
"""Requests; each asks for a whole group. vLLM batches what is asked at once."""
_PORTS: Final = {"http": 80, "https": 443}


def begin(model: Any, tokenizer: Any, folder: str | Path) -> None:
    """Writes what the server starts on: these weights and this tokenizer, in transformers' layout. The folder is whole
    or absent; OSError where something is in it already."""
    place = Path(folder)
    partial = place.with_name(f"{place.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    _write(model, partial)
    tokenizer.save_pretrained(partial)
    partial.rename(place)


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

    def look(self, start: str | Path) -> None:
        """DataError where the server is not there, does not serve the model, or takes no weights; it says how to start
        one on the folder `start`."""
        where = urlsplit(self._url)
        at = ("--host", where.hostname or "", "--port", str(where.port or _PORTS[where.scheme]))
        command = ("vllm", "serve", str(start), "--served-model-name", self._name, *at)
        how = f"\n  help: start one, from an environment of vLLM's own: VLLM_SERVER_DEV_MODE=1 {shlex.join(command)}"
        try:
            self._asked("/health", None, 10.0)
        except DataError:
            raise DataError(f"no vLLM server answers at `{self._url}`{how}") from None
        told = self._asked("/v1/models", None, 10.0)
        try:
            names = [str(one["id"]) for one in json.loads(told)["data"]]
        except (ValueError, LookupError, TypeError) as error:
            raise DataError(f"`{self._url}/v1/models` names no models{how}") from error
        if self._name not in names:
            raise DataError(f"the server at `{self._url}` serves `{'`, `'.join(names)}` and not `{self._name}`{how}")
        try:
            self._asked("/reset_prefix_cache", {}, 60.0)
        except DataError:
            raise DataError(
                f"the server at `{self._url}` takes no weights: it is not in its development mode{how}"
            ) from None

    def _send(self, model: Any) -> None:
        """Give the server the weights, where a step has changed them since."""
        # Every write in place counts a tensor's version up, an optimizer's included.
        now = tuple(version for one in model.parameters() for version in (id(one), one._version))
        if now == self._sent:
            return
        if not self._times:
            for left in self._folder.glob("weights-*"):  # of a run that was interrupted
                shutil.rmtree(left, ignore_errors=True)
        self._times += 1
        fresh, old = self._folder / f"weights-{self._times}", self._folder / f"weights-{self._times - 1}"
        shutil.rmtree(fresh, ignore_errors=True)
        _write(model, fresh)
        self._asked("/collective_rpc", {"method": "reload_weights", "kwargs": {"weights_path": str(fresh)}})
        self._asked("/reset_prefix_cache", {})
        shutil.rmtree(old, ignore_errors=True)
        self._sent = now

    def _complete(self, body: dict[str, Any]) -> list[list[int]]:
        answer = self._asked("/v1/completions", body)
        try:
            found = [[int(token) for token in choice["token_ids"]] for choice in json.loads(answer)["choices"]]
        except (ValueError, LookupError, TypeError) as error:
            raise DataError(f"`{self._url}` gave no tokens: {answer[:200].decode(errors='replace')}") from error
        if len(found) != body["n"]:
            raise DataError(f"`{self._url}` gave {len(found)} answers where {body['n']} were asked for")
        return found

    def _asked(self, path: str, body: dict[str, Any] | None, seconds: float = _SECONDS) -> bytes:
        """The answer to a POST of `body`, or to a GET where there is none."""
        sent = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}{path}", sent, {"content-type": "application/json"})  # noqa: S310  # named by the caller
        try:
            with urllib.request.urlopen(request, timeout=seconds) as answer:  # noqa: S310  # the same
                return bytes(answer.read())
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, urllib.error.HTTPError):
                error.close()  # it holds the connection
            raise DataError(f"`{self._url}{path}` cannot be asked: {error}") from error
