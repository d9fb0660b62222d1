"""Drafts of the grammar inside `model.generate`: the same output, fewer passes."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

import ruvllm_grammar as rg
from ruvllm_runtime import LLM, GenerateRequest, RequestError, SamplingParams
from ruvllm_runtime.integrations.drafting import GrammarDrafting
from ruvllm_runtime.integrations.hf import GrammarLogitsProcessor
from ruvllm_runtime.model import byte_vocabulary, random_llama

N = 80
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 6},
        "nationality": {"enum": ["Norwegian", "Northern Irish", "none"]},
        "age": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["name", "nationality", "age"],
    "additionalProperties": False,
}


def learnt():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    texts = ['{"name": "Ann", "nationality": "Northern Irish", "age": 41}', '"nationality": "Norwegian"'] * 5
    trainer = trainers.BpeTrainer(
        vocab_size=320, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), special_tokens=["</s>"]
    )
    tokenizer.train_from_iterator(texts, trainer)
    return rg.Vocabulary.from_tokenizer(tokenizer, eos={tokenizer.token_to_id("</s>")})


@pytest.fixture(scope="module", params=["bytes", "learnt"])
def vocabulary(request):
    return byte_vocabulary() if request.param == "bytes" else learnt()


@pytest.fixture(scope="module")
def model(vocabulary):
    return random_llama(vocabulary, spread=3.0)


@pytest.fixture(scope="module")
def grammar(vocabulary):
    return rg.compile(rg.JsonSchema(PERSON, whitespace="compact"), vocabulary)


PROMPT = torch.tensor([[65, 66, 67]])


def generate(model, grammar, *, drafting=None, verify=True, prompt=PROMPT, **options):
    processor = GrammarLogitsProcessor(grammar, max_new_tokens=N)
    if drafting:
        options["custom_generate"] = drafting = GrammarDrafting(processor, verify=verify)
    out = model.generate(prompt, logits_processor=[processor], max_new_tokens=N, pad_token_id=0, **options)
    assert processor.accepts(out) == [True]
    return out[0].tolist(), processor.documents(out)[0], drafting


def test_greedy_output_is_the_same_with_fewer_passes(model, grammar):
    ids, text, _ = generate(model, grammar, do_sample=False)
    drafted, same, drafting = generate(model, grammar, drafting=True, do_sample=False)
    assert (drafted, same) == (ids, text)
    assert drafting.forward_passes == len(ids) - PROMPT.shape[1] - drafting.accepted
    assert 0 < drafting.accepted <= drafting.drafted


@pytest.mark.parametrize("seed", range(5))
def test_sampled_output_is_the_same_under_the_same_seed(model, grammar, seed):
    options = {"do_sample": True, "temperature": 1.3, "top_k": 40}
    torch.manual_seed(seed)
    ids, _, _ = generate(model, grammar, **options)
    torch.manual_seed(seed)
    drafted, _, drafting = generate(model, grammar, drafting=True, **options)
    assert drafted == ids
    assert drafting.forward_passes == len(ids) - PROMPT.shape[1] - drafting.accepted


def test_with_bytes_every_draft_is_accepted():
    """One spelling only: whatever is forced is what the model must choose."""
    bytes_only = byte_vocabulary()
    model = random_llama(bytes_only)
    grammar = rg.compile(rg.JsonSchema(PERSON, whitespace="compact"), bytes_only)
    ids, _, drafting = generate(model, grammar, drafting=True, do_sample=False)
    assert drafting.accepted == drafting.drafted > 25
    appended, _, unasked = generate(model, grammar, drafting=True, verify=False, do_sample=False)
    assert appended == ids == generate(model, grammar, do_sample=False)[0]
    assert unasked.forward_passes == drafting.forward_passes


def test_unasked_drafts_are_what_our_own_loop_writes(model, vocabulary, grammar):
    ids, text, drafting = generate(model, grammar, drafting=True, verify=False, do_sample=False)
    llm = LLM.from_model(random_llama(vocabulary, spread=3.0), vocabulary)
    ours = llm.generate(
        GenerateRequest(
            prompt=PROMPT[0].tolist(),
            grammar=llm.compile(grammar.source),
            max_tokens=N,
            sampling=SamplingParams.greedy(),
        )
    )
    assert (ours.text.encode(), list(ours.token_ids)) == (text, ids[PROMPT.shape[1] :])
    assert drafting.accepted == drafting.drafted


@pytest.mark.slow
def test_sampling_stays_exact(vocabulary):
    """How often each answer comes, with drafts and by the model's own probabilities: Pearson's chi-square."""
    words = ["nonone", "nonsense", "north", "northern", "yes"]
    grammar = rg.compile(rg.Regex(f"^({'|'.join(words)})$"), vocabulary)
    model = random_llama(vocabulary, spread=1.0)
    draws = 120
    torch.manual_seed(0)
    with_drafts = Counter(
        generate(model, grammar, drafting=True, do_sample=True, top_k=0)[1] for _ in range(draws)
    )
    without = Counter(generate(model, grammar, do_sample=True, top_k=0)[1] for _ in range(draws))
    cells = [(with_drafts[w.encode()], without[w.encode()]) for w in words]
    statistic = sum((a - b) ** 2 / (a + b) for a, b in cells if a + b)
    assert statistic < 18.5  # the 99.9 % quantile of four degrees of freedom


def test_a_left_padded_prompt_and_a_record(model, grammar):
    padded = torch.tensor([[0, 0, 65, 66, 67]])
    mask = torch.tensor([[0, 0, 1, 1, 1]])
    ids, text, _ = generate(model, grammar, prompt=padded, attention_mask=mask, do_sample=False)
    drafted, same, _ = generate(
        model, grammar, drafting=True, prompt=padded, attention_mask=mask, do_sample=False
    )
    assert (drafted, same) == (ids, text)
    processor = GrammarLogitsProcessor(grammar, max_new_tokens=N)
    record = model.generate(
        padded, attention_mask=mask, logits_processor=[processor], max_new_tokens=N, pad_token_id=0,
        do_sample=False, return_dict_in_generate=True, custom_generate=GrammarDrafting(processor),
    )  # fmt: skip
    assert record.sequences[0].tolist() == ids


def test_the_limit_of_tokens_holds_in_the_middle_of_a_draft(model, vocabulary):
    grammar = rg.compile(rg.JsonSchema({"const": "a long constant text without any choice"}), vocabulary)
    for verify in (True, False):
        processor = GrammarLogitsProcessor(grammar)
        out = model.generate(
            PROMPT, logits_processor=[processor], max_new_tokens=7, pad_token_id=0, do_sample=False,
            custom_generate=GrammarDrafting(processor, verify=verify),
        )  # fmt: skip
        assert out.shape[1] == PROMPT.shape[1] + 7


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": 3}, "one sequence without beams"),
        ({"do_sample": True, "num_return_sequences": 2}, "one sequence without beams, not 2 rows"),
        ({"output_scores": True, "return_dict_in_generate": True}, "it keeps no scores"),
        ({"use_cache": False}, "it needs a cache"),
    ],
)
def test_what_needs_another_loop_is_refused(model, grammar, options, message):
    with pytest.raises(RequestError, match=message) as caught:
        generate(model, grammar, drafting=True, **options)
    assert caught.value.param == "custom_generate"
