"""Training: a plain Llama, Muon for its matrices, loss on the answers only.

    python -m bench.embedded_model train --size 1m --steps 6000 --threads 2

Muon orthogonalises the momentum of every matrix before it is applied, so all directions of a matrix learn alike
(Jordan et al. 2024; torch has it as `torch.optim.Muon`). Embeddings and norms are not matrices in that sense and take
AdamW. The step is scaled as Moonlight scales it (root mean square like AdamW's), so that both learning rates mean the
same.

A run writes `run.pt` into its folder every few hundred steps, atomically, and continues from it when started again
with the same arguments; data, order and initial weights depend on the seed alone, so a run that was interrupted sees
the same batches as one that was not. On one machine with one number of threads it is repeatable; other machines add
in another order. With `--minutes` the decay of the learning rate follows the clock, and only then the result depends
on the machine's speed.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM

from bench.embedded_model import tokenizer as tokenizers
from bench.embedded_model.batches import SHARD, START, Batch, Place, stream
from bench.embedded_model.chat_format import END, PAD
from bench.embedded_model.recipe import Recipe, Size


@dataclass(frozen=True, slots=True)
class Run:
    """What a training run is told.

    Attributes:
        folder: of the run: `run.pt`, `log.jsonl`.
        tokenizer: folder of the tokenizer.
        size: of the model.
        recipe: of the training.
        seed: of data and weights.
        device: "auto", "cpu" or "cuda".
        precision: "auto", "float32" or "bfloat16".
        threads: of torch, on the CPU.
        workers: processes that make data; 0 makes it in this one.
        minutes: time budget of the whole run, restarts included; None for none.
        shard: examples made at a time.
        save_every: steps between checkpoints.
        report_every: steps between lines of progress.
    """

    folder: Path
    tokenizer: Path
    size: Size
    recipe: Recipe
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    threads: int = 2
    workers: int = 0
    minutes: float | None = None
    shard: int = SHARD
    save_every: int = 250
    report_every: int = 25


def build(size: Size, tokenizer: Any, seed: int) -> LlamaForCausalLM:
    """A Llama with random weights; the same for the same seed."""
    end, pad = tokenizers.id_of(tokenizer, END), tokenizers.id_of(tokenizer, PAD)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=size.width,
        intermediate_size=size.inner,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.heads,
        max_position_embeddings=tokenizers.CONTEXT,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=pad,
    )
    torch.manual_seed(seed)
    return LlamaForCausalLM(config)


class Trainer:
    """A model in training.

    Attributes:
        run: what it was told.
        model: the Llama.
        step: batches done.
        spent_s: seconds used so far, earlier starts included.
    """

    def __init__(self, run: Run) -> None:
        """Build the model, or take up the run that the folder holds.

        Raises:
            ValueError: the folder holds a run of other arguments.
        """
        self.run = run
        self.device = torch.device(
            ("cuda" if torch.cuda.is_available() else "cpu") if run.device == "auto" else run.device
        )
        torch.set_num_threads(run.threads)
        tokenizer = tokenizers.load(run.tokenizer)
        self.model = build(run.size, tokenizer, run.seed).to(self.device)
        self.bfloat16 = run.precision == "bfloat16" or (
            run.precision == "auto" and fast_bfloat16(self.device)
        )
        matrices = [weight for weight in self.model.model.layers.parameters() if weight.ndim == 2]
        known = set(map(id, matrices))
        vectors = [weight for weight in self.model.parameters() if id(weight) not in known]
        first = run.recipe.stages[0]
        self.optimizers: list[tuple[torch.optim.Optimizer, str]] = [
            (
                torch.optim.Muon(
                    matrices,
                    lr=first.matrix_rate,
                    momentum=run.recipe.momentum,
                    weight_decay=run.recipe.decay_matrices,
                    adjust_lr_fn="match_rms_adamw",
                ),
                "matrix_rate",
            ),
            (
                torch.optim.AdamW(vectors, lr=first.vector_rate, betas=run.recipe.betas, weight_decay=0.0),
                "vector_rate",
            ),
        ]
        self.step = 0
        self.spent_s = 0.0
        self.place = START
        if self.checkpoint.is_file():
            self._resume()

    @property
    def checkpoint(self) -> Path:
        """Where the run is saved."""
        return self.run.folder / "run.pt"

    def train(self) -> float:
        """Train to the end, or until the time is up; the mean loss of the last lines' steps.

        Returns:
            The mean loss per answer token over the last report interval.
        """
        run, started = self.run, time.perf_counter() - self.spent_s
        budget = None if run.minutes is None else 60 * run.minutes
        self.model.train()
        meter = Meter()
        while self.step < run.recipe.steps:
            stage = run.recipe.stage_of(self.step)
            for batch, place in self._batches(stage):
                self.spent_s = time.perf_counter() - started
                spent = 0.0 if budget is None else min(1.0, self.spent_s / budget)
                if spent >= 1.0:
                    break
                rate = run.recipe.factor(self.step, spent)
                meter.add(*self._learn(batch, stage, rate), batch.ids.size)
                self.step += 1
                over = self.step >= run.recipe.steps or run.recipe.stage_of(self.step) != stage
                self.place = START if over else place
                if self.step % run.report_every == 0 or self.step == run.recipe.steps:
                    self._report(meter, stage, rate)
                    meter = Meter(last=meter.loss)
                if self.step % run.save_every == 0:
                    self.save()
                if over:
                    break
            if budget is not None and self.spent_s >= budget:
                break
        self.save()
        return meter.loss

    def _batches(self, stage: int) -> Iterator[tuple[Batch, Place]]:
        name = self.run.recipe.stages[stage].data
        return stream(
            self.run.tokenizer,
            name,
            self.run.seed,
            place=self.place,
            workers=self.run.workers,
            size=self.run.shard,
        )

    def _learn(self, batch: Batch, stage: int, rate: float) -> tuple[float, float, int]:
        """One step; its loss (unweighted), the share of answer tokens that were most probable, and their number."""
        for optimizer, which in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate * getattr(self.run.recipe.stages[stage], which)
        ids = torch.from_numpy(batch.ids).to(self.device)
        learn = torch.from_numpy(batch.learn[:, 1:]).to(self.device)
        with self._precision():
            hidden = self.model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
            # Logits of answer tokens alone: five of six tokens are prompt.
            logits = self.model.lm_head(hidden[learn]).float()
            wanted = ids[:, 1:][learn]
            losses = nn.functional.cross_entropy(logits, wanted, reduction="none")
        opening = torch.from_numpy(openings(batch.learn)[:, 1:]).to(self.device)[learn]
        weights = torch.where(opening, self.run.recipe.opening, 1.0)
        loss = (losses * weights).sum() / weights.sum()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(self.model.parameters(), self.run.recipe.clip)
        for optimizer, _ in self.optimizers:
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
        right = float((logits.argmax(-1) == wanted).float().mean())
        return float(losses.detach().mean()), right, int(wanted.numel())

    def _precision(self) -> AbstractContextManager[Any]:
        return torch.autocast(self.device.type, dtype=torch.bfloat16) if self.bfloat16 else nullcontext()

    def _report(self, meter: Meter, stage: int, rate: float) -> None:
        left = (self.run.recipe.steps - self.step) * meter.seconds_per_step
        line = {
            "step": self.step,
            "stage": self.run.recipe.stages[stage].data,
            "loss": round(meter.loss, 4),
            "right": round(meter.right, 4),
            "rate": round(rate, 4),
            "tokens/s": round(meter.tokens_per_s),
            "spent min": round(self.spent_s / 60, 1),
            "left min": round(left / 60, 1),
        }
        print("  ".join(f"{name} {value}" for name, value in line.items()), flush=True)
        with (self.run.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def save(self) -> None:
        """Write the run; a reader never sees half of it."""
        self.run.folder.mkdir(parents=True, exist_ok=True)
        state = {
            "facts": self._facts(),
            "model": self.model.state_dict(),
            "optimizers": [optimizer.state_dict() for optimizer, _ in self.optimizers],
            "step": self.step,
            "spent_s": self.spent_s,
            "place": asdict(self.place),
            "machine": machine(self.device, self.run.threads, bfloat16=self.bfloat16),
        }
        new = self.checkpoint.with_suffix(".new")
        torch.save(state, new)
        new.replace(self.checkpoint)

    def _facts(self) -> str:
        """What must be the same for a run to be taken up."""
        return json.dumps(
            {
                "size": asdict(self.run.size),
                "recipe": asdict(self.run.recipe),
                "seed": self.run.seed,
                "shard": self.run.shard,
            }
        )

    def _resume(self) -> None:
        state = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if state["facts"] != self._facts():
            raise ValueError(
                f"{self.checkpoint} is a run of other arguments ({state['facts']}); give the same, or another folder"
            )
        self.model.load_state_dict(state["model"])
        for (optimizer, _), saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.step, self.spent_s, self.place = state["step"], state["spent_s"], Place(**state["place"])
        print(f"taken up at step {self.step}", flush=True)


class Meter:
    """Means over the steps between two lines of progress."""

    def __init__(self, *, last: float = 0.0) -> None:
        self._started = time.perf_counter()
        self._last = last
        self._losses: list[tuple[float, float, int]] = []
        self._tokens = 0

    def add(self, loss: float, right: float, count: int, tokens: int) -> None:
        """Take in one step: its loss, share of right tokens, number of answer tokens and of all tokens."""
        self._losses.append((loss, right, count))
        self._tokens += tokens

    @property
    def loss(self) -> float:
        """Per answer token; that of the interval before where there was no step yet."""
        count = sum(n for _, _, n in self._losses)
        return sum(loss * n for loss, _, n in self._losses) / count if count else self._last

    @property
    def right(self) -> float:
        """Share of answer tokens that were most probable."""
        count = sum(n for _, _, n in self._losses)
        return sum(right * n for _, right, n in self._losses) / count if count else 0.0

    @property
    def seconds_per_step(self) -> float:
        """Wall time."""
        return (time.perf_counter() - self._started) / max(1, len(self._losses))

    @property
    def tokens_per_s(self) -> float:
        """Of all tokens, padding included."""
        return self._tokens / max(1e-9, time.perf_counter() - self._started)


def openings(learn: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The first token of every answer, from the mask of all answer tokens; bool[B, T]."""
    found = learn.copy()
    found[:, 1:] &= ~learn[:, :-1]
    return found


def fast_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware: CUDA, or a CPU with AVX-512 BF16 or AMX."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    info = Path("/proc/cpuinfo")
    flags = info.read_text(encoding="utf-8") if info.is_file() else ""
    return "avx512_bf16" in flags or "amx_bf16" in flags


def machine(device: torch.device, threads: int, *, bfloat16: bool) -> dict[str, Any]:
    """What a run was made with, for its model card."""
    return {
        "device": torch.cuda.get_device_name(device)
        if device.type == "cuda"
        else platform.processor() or "cpu",
        "threads": threads,
        "precision": "bfloat16" if bfloat16 else "float32",
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "transformers": transformers.__version__,
    }
