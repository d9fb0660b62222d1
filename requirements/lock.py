"""Write the lock files of this folder: one clean resolution, exact pins, for Python 3.11.

    python requirements/lock.py        (or: make lock)

pip resolves `pyproject.toml` without installing anything and reports what it chose. Three files, each a
superset of what it is for, all agreeing on every version they share:

- `lock.txt`   what `make test` and `make docs` need
- `demo.txt`   what `make demo` needs: the part of `lock.txt` that is used at run time
- `bench.txt`  what the benchmarks' peers need on top of `lock.txt`

torch is pinned by hand, first: a free choice brings gigabytes of CUDA. Local version labels (`+cpu`) are
dropped, so that the pin names the release and each machine gets the build it is set up for. No hashes for the
same reason.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TORCH = "torch==2.13.0"
# The Makefile installs this project without build isolation, so the build backend is a pin as well.
BUILD = ("hatchling", "editables")


def resolve(*requirements: str, constraints: Path | None = None) -> dict[str, str]:
    """Name to version of everything `requirements` need, themselves included and this project excluded."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "-qq"]
        command += ["--report", str(report), *requirements]
        if constraints is not None:
            command += ["-c", str(constraints)]
        subprocess.run(command, check=True, cwd=ROOT)  # noqa: S603  our own arguments
        items = json.loads(report.read_text())["install"]
    pins = {}
    for item in items:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        pins[name] = item["metadata"]["version"].partition("+")[0]
    pins.pop("ruvllm", None)
    return pins


def write(name: str, purpose: str, pins: dict[str, str]) -> None:
    """Write one lock file, sorted."""
    lines = [f"# {purpose} Python 3.11. Written by `make lock`; do not edit."]
    lines += [f"{package}=={version}" for package, version in sorted(pins.items())]
    (HERE / name).write_text("\n".join(lines) + "\n")
    print(f"requirements/{name}: {len(pins)} pins")


def main() -> None:
    """Resolve once for the tests, then the demo and the benchmarks under that answer."""
    everything = resolve(TORCH, ".[test,docs,demo]")
    write("lock.txt", "Everything `make test` and `make docs` need.", everything)
    lock = HERE / "lock.txt"
    write("demo.txt", "What `make demo` needs.", resolve(TORCH, ".[demo]", *BUILD, constraints=lock))
    peers = resolve(TORCH, ".[test,docs,demo,bench]", constraints=lock)
    write(
        "bench.txt",
        "What the benchmarks' peers need on top of lock.txt.",
        {package: version for package, version in peers.items() if package not in everything},
    )


if __name__ == "__main__":
    main()
