"""What every part of the settings is: strict, immutable, and silent about values where it refuses them."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Share = Annotated[float, Field(ge=0, le=1)]


def _found(name: str, info: ValidationInfo) -> str:
    """Absolute; the context of the validation is the folder that a relative name is relative to."""
    path = Path(info.context or "").absolute() / name
    try:
        path.open("rb").close()
    except OSError as error:
        raise ValueError(f"cannot be read: {(error.strerror or 'it is no file').lower()}") from None
    return str(path)


def _placed(path: Path, info: ValidationInfo) -> Path:
    return Path(info.context or "") / path


def _of_certificates(path: str) -> str:
    try:
        ssl.create_default_context(cafile=path)
    except OSError:  # an SSLError is one
        raise ValueError("holds no certificates that can be read") from None
    return path


FoundFile = Annotated[str, AfterValidator(_found)]
"""A file that is there when the gate starts: one that is not would be heard of at the first request that needs it."""

CaFile = Annotated[FoundFile, AfterValidator(_of_certificates)]


class Part(BaseModel):
    """One mapping of `leastward.yaml`; a key that it does not know is an error, and no message repeats a value."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


PlacedPath = Annotated[Path, AfterValidator(_placed)]
"""A path that is relative to the folder of the settings; whether anything is there, its reader says."""
