"""What every test shares: deterministic randomness, no network, and the conformance data.

Two runs of the same commit do the same thing. hypothesis derandomises, and keeps no database of past failures
(one that matters becomes an `@example`); the global generators are reseeded before each test; hubs are off.
"""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

# Before anything imports transformers or huggingface_hub: both read these when imported.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
# Before torch: toy models are far too small to share among threads, and pytest-xdist already uses every core. With two
# busy workers a second OpenMP thread makes each matrix product wait a millisecond for the other one.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parent.parent
SEED = 20_261_122

settings.register_profile(
    "ci",
    derandomize=True,
    deadline=None,  # a test that can fail by timing is a defect
    print_blob=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],  # the first example may compile a kernel
)
settings.register_profile("explore", settings.get_profile("ci"), derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("RUVLLM_HYPOTHESIS", "ci"))


def pytest_report_header(config: pytest.Config) -> list[str]:
    return [f"seed: {SEED}", f"conformance data: {conformance_folder()}"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "conformance" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.conformance)


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Seed the global generators; torch only where the test has already paid for importing it."""
    random.seed(SEED)
    np.random.seed(SEED)  # noqa: NPY002  third parties draw from the global generator
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(SEED)


def conformance_folder() -> Path:
    """Where other people's test data should be; it may be absent."""
    return Path(os.environ.get("RUVLLM_CONFORMANCE_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def conformance() -> Path:
    """The folder of conformance data.

    Absent: skips and says so, unless RUVLLM_REQUIRE_CONFORMANCE=1 (CI), under which that is a failure.
    """
    folder = conformance_folder()
    if folder.is_dir():
        return folder
    reason = f"no conformance data at {folder}; set RUVLLM_CONFORMANCE_DATA to the folder that holds it"
    if os.environ.get("RUVLLM_REQUIRE_CONFORMANCE") == "1":
        pytest.fail(reason)
    pytest.skip(reason)
