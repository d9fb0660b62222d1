"""Run the benchmark: `python -m bench`. Stop it at any time; started again it goes on where it was."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench import maskbench

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    """Measure, write results, plots and tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "build" / "bench", help="prepared data, finished jobs"
    )
    parser.add_argument(
        "--repeat", type=int, default=3, help="runs of each engine that is not slow (default 3)"
    )
    parser.add_argument("--every", type=int, default=1, help="every n-th schema only (default 1: all)")
    parser.add_argument("--only-fast", action="store_true", help="this project and llguidance alone")
    parser.add_argument("--no-slow", action="store_true", help="leave out the engines that take minutes")
    parser.add_argument("--dry", action="store_true", help="write no results")
    chosen = parser.parse_args()
    options = maskbench.Options(
        chosen.repeat, chosen.every, not (chosen.no_slow or chosen.only_fast), not chosen.only_fast
    )
    found = maskbench.execute(chosen.folder, options)
    target = chosen.folder / "maskbench.json" if chosen.dry else maskbench.RESULTS
    maskbench.write(found, target)
    print(f"written to {target}")


if __name__ == "__main__":
    main()
