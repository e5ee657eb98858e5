"""Static word vectors: the mean of the vectors of a text's tokens (WordLlama's `l2_supercat`, 256 dimensions).

Miller 2024, github.com/dleemiller/WordLlama: token embeddings taken out of Llama and projected by contrastive training.
The order of words is lost; a word that both texts have, or a synonym, is seen. The same as the library's `embed`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .port import Rows, readable
from .weights import Pinned, Wheel

WHEEL = Wheel(
    "wordllama",
    Pinned("weights/l2_supercat_256.safetensors", "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5"),
    Pinned(
        "tokenizers/l2_supercat_tokenizer_config.json",
        "93248f2a9ec36c7b35f700a033d5f36228aae48db61aee31007fa49062cdeb68",
    ),
)


class WordllamaEncoder:
    """Of wordllama 0.4.0.post1. Raises EncoderError where its files are missing or others."""

    def __init__(self) -> None:
        self._tokens = WHEEL.tokens()
        (self._vectors,) = WHEEL.arrays().values()

    @property
    def id(self) -> str:
        return "wordllama-256-1"

    @property
    def dim(self) -> int:
        return 256

    def encode(self, texts: Sequence[str]) -> Rows:
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for at, text in enumerate(texts):
            tokens = self._tokens.encode(readable(text), add_special_tokens=False).ids if text.strip() else []
            if tokens:
                mean = self._vectors[tokens].mean(axis=0)
                length = np.linalg.norm(mean)
                if length > 0.0:
                    rows[at] = mean / length
        return rows
