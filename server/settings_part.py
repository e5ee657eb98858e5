"""What every part of the settings is: strict, immutable, and silent about values where it refuses them."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[float, Field(gt=0, le=86_400)]
Share = Annotated[float, Field(ge=0, le=1)]


class Part(BaseModel):
    """One mapping of `leastward.yaml`; a key that it does not know is an error, and no message repeats a value."""

    model_config: ClassVar[ConfigDict] = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)
