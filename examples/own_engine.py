"""Put a grammar into an inference engine of your own: the whole contract, in one loop.

    python examples/own_engine.py

The "model" here draws random logits. What an engine has to do per step is: fill the row, apply it to the
logits, choose, tell the matcher, and append what the grammar forces without asking the model.
"""

from __future__ import annotations

import numpy as np

import ruvllm_grammar as rg

SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "pattern": "^[A-Z][a-z]{2,11}$"},
        "celsius": {"type": "number", "minimum": -60, "maximum": 60, "multipleOf": 0.5},
        "sky": {"enum": ["clear", "cloudy", "overcast"]},
    },
    "required": ["city", "celsius", "sky"],
    "additionalProperties": False,
}


def main() -> None:
    """Write three documents."""
    tokens = [bytes([byte]) for byte in range(256)] + [b"</s>"]
    vocab = rg.Vocabulary.from_tokens(tokens, special={256}, eos={256})
    grammar = rg.compile(rg.JsonSchema(SCHEMA, whitespace="spaced"), vocab)

    mask = rg.allocate_bitmask(1, vocab.size)
    generator = np.random.default_rng(1)
    for _ in range(3):
        matcher, output, asked = grammar.matcher(), [], 0
        matcher.finish_within(120)
        while not matcher.is_finished:
            matcher.fill_mask(mask[0])
            legal = np.unpackbits(mask[0].view(np.uint8), bitorder="little")[: vocab.size].astype(bool)
            logits = np.where(legal, generator.normal(size=vocab.size), -np.inf)
            asked += 1
            chosen = int(logits.argmax())
            matcher.accept(chosen)
            forced = [] if matcher.is_finished else matcher.forced()
            for token in forced:
                matcher.accept(token)
            output += [chosen, *forced]
        print(vocab.decode(output).decode(), f"({len(output)} tokens, model asked {asked} times)")


if __name__ == "__main__":
    main()
