"""A trained run to the files that ship: fp16 weights, configuration, tokenizer, chat template, model card, licence.

    python -m bench.embedded_model export --to ruvllm_runtime/embedded

The folder is what `save_pretrained` writes, so `AutoModelForCausalLM.from_pretrained` and `LLM.load` read it as any
other model. Weights are stored as fp16 (a rounding of at most one part in 2,000); load them as float32 on a CPU.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForCausalLM

from bench.embedded_model import tokenizer as tokenizers
from bench.embedded_model.chat_format import prompt
from bench.embedded_model.recipe import Size
from bench.embedded_model.train import build

LARGEST = 10_000_000  # bytes of the whole folder
LICENSE = Path(__file__).resolve().parents[2] / "LICENSE"


def export(checkpoint: Path, tokenizer: Path, target: Path) -> int:
    """Write the model folder.

    Args:
        checkpoint: `run.pt` of a training run.
        tokenizer: folder of its tokenizer.
        target: folder to write; replaced if it exists.

    Returns:
        Its size in bytes.

    Raises:
        ValueError: the folder is larger than 10 MB, or does not read back as it was written.
    """
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    facts = json.loads(state["facts"])
    size = Size(**facts["size"])
    encoder = tokenizers.load(tokenizer)
    model = build(size, encoder, 0)
    model.load_state_dict(state["model"])
    if target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True)
    model.half().save_pretrained(str(target))
    tokenizers.save(encoder, target)
    shutil.copy(LICENSE, target / "LICENSE")
    (target / "README.md").write_text(card(size, facts, state), encoding="utf-8")
    for file in target.iterdir():
        file.chmod(0o644)  # safetensors writes for its owner alone, which no package wants
    written = sum(file.stat().st_size for file in target.rglob("*") if file.is_file())
    if written > LARGEST:
        raise ValueError(f"{target} has {written:,} bytes, more than {LARGEST:,}: choose a smaller size")
    check(model, target)
    return written


def check(model: LlamaForCausalLM, folder: Path) -> None:
    """Read the folder as a user would, and compare.

    Raises:
        ValueError: model or tokenizer differ from what was written.
    """
    read = AutoModelForCausalLM.from_pretrained(str(folder), dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    messages = [{"role": "user", "content": "Hi, café 42!"}]
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    if text != prompt(messages):
        raise ValueError(f"{folder}: the chat template writes {text!r}")
    ids = tokenizer(text, return_tensors="pt").input_ids
    if tokenizer.decode(ids[0]) != text:
        raise ValueError(f"{folder}: the tokenizer does not give back {text!r}")
    with torch.inference_mode():
        difference = (read(ids).logits - model.float()(ids).logits).abs().max()
    if float(difference) > 1e-3:
        raise ValueError(f"{folder}: logits differ by {float(difference):.2g} after reading back")


def card(size: Size, facts: dict[str, Any], state: dict[str, Any]) -> str:
    """The model card."""
    made = "\n".join(f"- {name}: {value}" for name, value in state["machine"].items())
    return f"""---
license: mit
pipeline_tag: text-generation
tags: [tool-calling, structured-output, synthetic-data]
---

# The embedded model of RuvLLM

A Llama of {size.parameters:,} parameters (width {size.width}, {size.layers} layers, {size.heads} heads) with a
vocabulary of {tokenizers.SIZE:,} tokens. It picks tools, fills in their arguments, and reads facts out of short
English texts into JSON. It knows nothing else: no facts, no arithmetic, little language.

- **Use**: demonstrations, tests and benchmarks of constrained decoding on a machine without a network.
- **Format**: ChatML with `<tools>`, `<tool_call>` and `<tool_response>`, as Hermes and Qwen models have it; the chat
  template is in the tokenizer. For extraction, put the JSON Schema into the system prompt or beside the text.
- **Context**: {tokenizers.CONTEXT:,} tokens; trained on examples of up to 3,072.
- **Weights**: fp16. Load as float32 on a CPU.
- **Data**: synthetic, made by `bench/embedded_model` from word lists and phrasings written for it. No text or data of
  anybody else. What it scores on held-out words, tools and phrasings: `bench/results/embedded_model.json`.
- **Limits**: requests unlike those it was trained on, texts of more than a paragraph, other languages. It may
  answer with a call where no tool fits. Letters outside English are copied byte by byte, and less reliably.

## Training

`make embedded-model` repeats it: {state["step"]:,} steps of at most 3,072 tokens, seed {facts["seed"]},
{state["spent_s"] / 60:.0f} minutes.

{made}

Licence: MIT, as the rest of this repository.
"""
