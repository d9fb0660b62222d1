"""Run the benchmark: `python -m bench`. Stop it at any time; started again it goes on where it was."""

from __future__ import annotations

import argparse
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

from bench import cold, disk, facts, maskbench, memory, plots, report, tools, vocabularies

#: The smaller benchmarks by module; each writes its own file of results. `cold`, which reads the wall, runs alone.
SMALL = (tools, disk, memory, vocabularies)


def main() -> None:
    """Measure, write results, plots and tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    work = facts.ROOT / "build" / "bench"
    parser.add_argument(
        "--folder", type=Path, default=work, help="prepared data, finished jobs (default build/bench)"
    )
    parser.add_argument(
        "--repeat", type=int, default=3, help="runs of each engine that is not slow (default 3)"
    )
    parser.add_argument("--every", type=int, default=1, help="every n-th schema only (default 1: all)")
    parser.add_argument("--lanes", type=int, default=2, help="processes at a time (default 2)")
    parser.add_argument("--only-fast", action="store_true", help="this project and llguidance alone")
    parser.add_argument("--no-slow", action="store_true", help="leave out the engines that take minutes")
    parser.add_argument(
        "--no-small", action="store_true", help="leave out tools, disk, memory, cold, vocabularies"
    )
    parser.add_argument(
        "--dry", action="store_true", help="write maskbench.json into the folder, and nothing else"
    )
    chosen = parser.parse_args()
    start = time.perf_counter()
    slow = not (chosen.no_slow or chosen.only_fast)
    options = maskbench.Options(
        chosen.repeat, chosen.every, slow=slow, strong=not chosen.only_fast, lanes=chosen.lanes
    )
    found = maskbench.execute(chosen.folder, options)
    maskbench.write(found, chosen.folder / "maskbench.json" if chosen.dry else maskbench.RESULTS)
    if not chosen.dry:
        if not chosen.no_small:
            with ThreadPoolExecutor(chosen.lanes) as pool:
                list(pool.map(lambda small: _write(small, chosen.folder, start), SMALL))
            _write(cold, chosen.folder, start)
        plots.draw(found)
        report.main()
    print(f"{time.perf_counter() - start:.0f} s")


def _write(small: ModuleType, folder: Path, start: float) -> None:
    maskbench.write(small.execute(folder), small.RESULTS)
    print(f"{small.__name__}: done at {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
