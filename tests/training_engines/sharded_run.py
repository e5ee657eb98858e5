"""One process of two that share a model cut by FSDP2; run by test_sharded.py through torch's launcher.

Prints whether what it drew with the gathered weights is what it drew before they were cut. The processes draw different
numbers of tokens: with a gathering at each layer the one that draws more would wait for ever.
"""

from __future__ import annotations

import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor

from training import completion, prompt
from training.cases import Knobs, of_knobs
from training.engines import gathered
from training.model import Shape, sample, tiny, word_tokenizer


def main() -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo")
    rank = dist.get_rank()
    data = of_knobs(Knobs(environment=1, tasks=1, arguments=1, depth=2), 7, train=20, test=8)
    tokenizer = word_tokenizer([prompt(one, data, "document") + completion(one) for one in data.train], data.documents)
    model = tiny(Shape(layers=2, width=16, heads=2, inner=32), tokenizer, 0).eval()
    asked = [
        tokenizer(prompt(one, data, "identifier"), add_special_tokens=False)["input_ids"]
        for one in data.test[rank : rank + 2]
    ]

    def drawn() -> torch.Tensor:
        return sample(model, tokenizer, asked, 8 + 8 * rank, 1.0, torch.Generator().manual_seed(rank)).tokens

    before = drawn()
    mesh = init_device_mesh("cpu", (2,))
    for layer in model.model.layers:
        fully_shard(layer, mesh=mesh)
    fully_shard(model, mesh=mesh)
    with gathered(model):
        same = torch.equal(before, drawn())
    cut = all(isinstance(one, DTensor) for one in model.parameters())
    print(f"rank {rank}: same {same}, cut again {cut}", flush=True)
    dist.barrier()
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
