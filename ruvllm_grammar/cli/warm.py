"""`ruvllm-grammar warm`: compile the kernels ahead of time, in the build of an image for example."""

from __future__ import annotations

import time

from ruvllm_grammar import api
from ruvllm_grammar.cli.kernels import load_kernels
from ruvllm_grammar.cli.options import DebugOption, JsonOption
from ruvllm_grammar.cli.report import reported
from ruvllm_grammar.cli.screen import print_json, print_text
from ruvllm_grammar.cli.vocabularies import byte_vocabulary
from ruvllm_grammar.tables import allocate_bitmask

_TINY = {"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}}, "required": ["a"]}


def warm(*, as_json: JsonOption = False, debug: DebugOption = False) -> None:
    """Compile the kernels into numba's cache, once per machine and version; then this is instant."""
    with reported(as_json=as_json, debug=debug):
        start = time.perf_counter()
        loaded = load_kernels()
        grammar = api.compile(api.JsonSchema(_TINY), byte_vocabulary())
        matcher = grammar.matcher()
        matcher.fill_mask(allocate_bitmask(1, grammar.vocabulary.size)[0])
        matcher.accept_bytes(b'{"a')
        seconds = time.perf_counter() - start
        if as_json:
            print_json({"compiled": loaded.compiled, "seconds": round(seconds, 3)})
        elif loaded.compiled:
            print_text(
                f"{loaded.compiled} kernels compiled in {seconds:.1f} s; from now on they load from numba's cache"
            )
        else:
            print_text(f"kernels are warm ({seconds:.1f} s)")
