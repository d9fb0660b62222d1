"""The steps of the embedded model as commands; `all` does every one.

    python -m bench.embedded_model all --size 1m --steps 6000 --threads 2

Everything between lies in `build/embedded_model` and is taken up where it was left. Only `export` writes into the
package.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from random import Random

from bench.embedded_model import batches, evaluate, export, mixture
from bench.embedded_model import tokenizer as tokenizers
from bench.embedded_model.chat_format import render
from bench.embedded_model.recipe import SIZES, recipe
from bench.embedded_model.train import Run, Trainer

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ROOT / "ruvllm_runtime" / "embedded"


def main() -> None:
    """Run one step, or all."""
    chosen = _parser().parse_args()
    steps = {
        "show": _show,
        "tokenizer": _tokenizer,
        "train": _train,
        "export": _export,
        "evaluate": _evaluate,
        "all": _all,
    }
    sys.exit(steps[chosen.step](chosen))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench.embedded_model", description=__doc__)
    parser.add_argument("step", choices=("show", "tokenizer", "train", "export", "evaluate", "all"))
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "embedded_model", help="work in progress"
    )
    parser.add_argument("--size", choices=sorted(SIZES), default="1m", help="of the model (default 1m)")
    parser.add_argument("--steps", type=int, default=6000, help="batches of 3,072 tokens (default 6000)")
    parser.add_argument("--seed", type=int, default=0, help="of data and weights (default 0)")
    parser.add_argument("--threads", type=int, default=2, help="of torch (default 2)")
    parser.add_argument(
        "--workers", type=int, default=0, help="processes that make data ahead (default 0: none)"
    )
    parser.add_argument("--minutes", type=float, help="end the training by then, with a full decay")
    parser.add_argument("--device", default="auto", help="cpu, cuda or auto (default)")
    parser.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto")
    parser.add_argument(
        "--to", type=Path, default=SHIPPED, help="where `export` writes (default: into the package)"
    )
    parser.add_argument("--model", type=Path, help="what `evaluate` reads (default: what `export` writes)")
    parser.add_argument("--cases", type=int, default=500, help="in a row of the evaluation (default 500)")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[101, 102, 103], help="of the evaluation's data"
    )
    parser.add_argument(
        "--row", action="append", default=[], help="a row of the evaluation (default: all of them)"
    )
    parser.add_argument("--result", type=Path, default=evaluate.RESULTS, help="where `evaluate` writes")
    parser.add_argument(
        "--stage", choices=sorted(mixture.STAGES), default="wide", help="of the data `show` prints"
    )
    return parser


def _run_folder(chosen: argparse.Namespace) -> Path:
    folder: Path = chosen.folder / f"{chosen.size}-{chosen.steps}-{chosen.seed}"
    return folder


def _show(chosen: argparse.Namespace) -> int:
    """Print some training examples."""
    for at in range(5):
        made = mixture.example(chosen.stage, Random(f"{chosen.seed}/{at}"))
        print("".join(text for text, _ in render(made.messages, made.tools)), end="\n\n")
    return 0


def _tokenizer(chosen: argparse.Namespace) -> int:
    folder: Path = chosen.folder / "tokenizer"
    if (folder / "tokenizer.json").is_file():
        print(f"tokenizer: {folder}, there already")
        return 0
    folder.mkdir(parents=True, exist_ok=True)
    tokenizers.save(tokenizers.train(), folder)
    print(f"tokenizer: {folder}")
    return 0


def _train(chosen: argparse.Namespace) -> int:
    _tokenizer(chosen)
    folder = _run_folder(chosen)
    folder.mkdir(parents=True, exist_ok=True)
    size = SIZES[chosen.size]
    print(
        f"training {size.parameters:,} parameters, {chosen.steps} steps of {batches.TOKENS} tokens, in {folder}"
    )
    Trainer(
        Run(
            folder,
            chosen.folder / "tokenizer",
            size,
            recipe(chosen.steps),
            seed=chosen.seed,
            device=chosen.device,
            precision=chosen.precision,
            threads=chosen.threads,
            workers=chosen.workers,
            minutes=chosen.minutes,
        )
    ).train()
    return 0


def _export(chosen: argparse.Namespace) -> int:
    written = export.export(_run_folder(chosen) / "run.pt", chosen.folder / "tokenizer", chosen.to)
    print(f"exported: {chosen.to}, {written:,} bytes")
    return 0


def _evaluate(chosen: argparse.Namespace) -> int:
    options = evaluate.Options(
        count=chosen.cases, seeds=tuple(chosen.seeds), rows=tuple(chosen.row), threads=chosen.threads
    )
    result = evaluate.evaluate(chosen.model or chosen.to, options)
    evaluate.write(result, chosen.result)
    print(json.dumps(result["rows"], indent=1))
    missed = evaluate.missed(result)
    print("\n".join(["missed:", *missed]) if missed else "every threshold is reached")
    return 1 if missed else 0


def _all(chosen: argparse.Namespace) -> int:
    return _train(chosen) or _export(chosen) or _evaluate(chosen)


if __name__ == "__main__":
    main()
