"""What figures depend on: machine, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "ruvllm", "llguidance", "xgrammar", "outlines-core", "lm-format-enforcer",
    "llama-models", "numba", "numpy", "tiktoken", "torch",
)  # fmt: skip


def machine() -> dict[str, object]:
    """System, cores, processor, memory, load."""
    facts: dict[str, object] = {
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "memory GB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30)),
        "load before": round(os.getloadavg()[0], 1),
    }
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        named = (line for line in cpuinfo.read_text(encoding="utf-8").splitlines() if "model name" in line)
        facts["cpu"] = next((line.partition(":")[2].strip() for line in named), "unknown")
    return facts


def versions(packages: Iterable[str] = PACKAGES) -> dict[str, str]:
    """Of the packages that are installed."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def commit() -> str:
    """The commit of the working tree, with a `+` where files differ from it; `unknown` outside a repository."""
    try:
        asked = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
        run = subprocess.run(asked, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603
    except (FileNotFoundError, subprocess.CalledProcessError):
        return "unknown"
    return run.stdout.strip()
