"""verl, for clusters: a data set in its columns, and the file that it loads the reward from.

    python -m training.engines.verl DATA OUT
    python -m verl.trainer.main_ppo algorithm.adv_estimator=grpo \\
      data.train_files=OUT/train.parquet data.val_files=OUT/test.parquet data.prompt_key=prompt \\
      custom_reward_function.path=OUT/reward.py custom_reward_function.name=guard_reward ...

verl was not run here: it needs Ray and CUDA. The columns are those of its documentation (`data_source`, `prompt`,
`ability`, `reward_model`, `extra_info`); its rollouts ask without the document, so this is GRPO, not PolicyRollout.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from ..example import Data, DataError, Example, read, write
from ..prompting import END, START, prompt
from ..reward import Reward

REWARD_FILE: Final = '''"""What verl loads: the Guard's reward (leastward)."""

from training.engines import guard_reward

__all__ = ["guard_reward"]
'''

SOURCE: Final = "leastward"


def export_verl(data: Data, folder: str | Path) -> dict[str, int]:
    """Writes train.parquet, test.parquet, reward.py and the data itself, which the reward asks; rows by split.

    DataError where pyarrow is missing (it comes with the extra `train-trl`)."""
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ModuleNotFoundError as error:
        raise DataError("a parquet file needs `pyarrow`, which comes with the extra `train-trl`") from error
    place = Path(folder)
    place.mkdir(parents=True, exist_ok=True)
    write(place / "data", data)
    written = {}
    for split, examples in (("train", data.train), ("test", data.test)):
        found = [_row(one, data, split, number, place) for number, one in enumerate(examples)]
        parquet.write_table(pa.Table.from_pylist(found), place / f"{split}.parquet")
        written[split] = len(found)
    (place / "reward.py").write_text(REWARD_FILE)
    return written


def guard_reward(data_source: str, solution_str: str, ground_truth: str, extra_info: dict[str, Any]) -> float:
    """verl's reward of one completion. `ground_truth` is the gold answer and is not looked at: the Guard is asked."""
    reward = _reward(extra_info["data"])
    return reward(msgspec.json.decode(extra_info["example"], type=Example), solution_str).total


@lru_cache(maxsize=4)
def _reward(folder: str) -> Reward:
    return Reward.of(read(folder))


def _row(example: Example, data: Data, split: str, number: int, place: Path) -> dict[str, Any]:
    more = {"split": split, "index": number, "example": msgspec.json.encode(example).decode()}
    return {
        "data_source": SOURCE,
        "prompt": messages(prompt(example, data, "identifier")),
        "ability": "policy",
        "reward_model": {"style": "rule", "ground_truth": example.answer},
        "extra_info": {**more, "data": str(place.resolve() / "data")},
    }


def messages(text: str) -> list[dict[str, str]]:
    """A prompt as the messages that a ChatML template makes it of."""
    turns = [turn.split("\n", 1) for turn in text.split(START)[1:-1]]
    return [{"role": role, "content": said.rstrip("\n").removesuffix(END)} for role, said in turns]


def main(argv: Sequence[str]) -> int:
    """Exit code 0, 1 where it cannot be exported, 2 for a wrong use."""
    if len(argv) != 2:
        print("usage: python -m training.engines.verl DATA OUT", file=sys.stderr)
        return 2
    try:
        written = export_verl(read(argv[0]), argv[1])
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(", ".join(f"{split} {count:,}" for split, count in written.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
