"""The logits processor inside `model.generate`, in every mode it promises."""

from __future__ import annotations

import pytest
import torch

import ruvllm_grammar as rg
from ruvllm_runtime import (
    LLM,
    GenerateRequest,
    GenerationDeadEnd,
    GuardedGrammarError,
    ModelMismatchError,
    RequestError,
    SamplingParams,
    TokenBudgetError,
)
from ruvllm_runtime.integrations.hf import GrammarLogitsProcessor
from ruvllm_runtime.model import byte_vocabulary, random_llama

PERSON = rg.JsonSchema(
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "maxLength": 6},
            "age": {"type": "integer", "minimum": 0, "maximum": 99},
        },
        "required": ["name", "age"],
        "additionalProperties": False,
    },
    whitespace="spaced",
)
NUMBER = rg.JsonSchema({"enum": list(range(121))}, whitespace="compact")
PROMPTS = ["How are you?", "Hi"]
N = 60


@pytest.fixture(scope="module")
def llm():
    return LLM.load("toy")


@pytest.fixture(scope="module")
def person(llm):
    return llm.compile(PERSON)


@pytest.fixture(scope="module")
def number(llm):
    return llm.compile(NUMBER)


def inputs(llm, prompts):
    """Left-padded ids and their mask."""
    ids = [llm.model.encode(prompt) for prompt in prompts]
    width = max(map(len, ids))
    return {
        "input_ids": torch.tensor([[0] * (width - len(row)) + row for row in ids]),
        "attention_mask": torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in ids]),
    }


def generate(llm, processor, prompts=PROMPTS[:1], **options):
    out = llm.model.model.generate(
        **inputs(llm, prompts), logits_processor=[processor], pad_token_id=0, max_new_tokens=N, **options
    )
    assert processor.accepts(out) == [True] * len(out)
    return [text.decode() for text in processor.documents(out)]


def ours(llm, source, prompt):
    request = GenerateRequest(prompt=prompt, grammar=source, max_tokens=N, sampling=SamplingParams.greedy())
    return llm.generate(request).text


def test_greedy_equals_our_own_loop(llm, person):
    processor = GrammarLogitsProcessor(person, max_new_tokens=N)
    assert generate(llm, processor, do_sample=False) == [ours(llm, PERSON, PROMPTS[0])]


def test_sampling_returns_several_documents(llm, person):
    processor = GrammarLogitsProcessor(person, max_new_tokens=N)
    texts = generate(llm, processor, do_sample=True, temperature=1.5, top_k=0, num_return_sequences=8)
    assert len(set(texts)) > 1


@pytest.mark.parametrize("do_sample", [False, True])
@pytest.mark.parametrize("returned", [1, 4])
def test_beams_are_documents(llm, person, returned, do_sample):
    processor = GrammarLogitsProcessor(person, max_new_tokens=N)
    texts = generate(llm, processor, num_beams=4, num_return_sequences=returned, do_sample=do_sample)
    assert len(texts) == returned


def test_one_beam_scores_no_better_than_four(llm, number):
    """Beam search over a language of few words finds the most probable one: brute force over all of them."""
    processor = GrammarLogitsProcessor(number, max_new_tokens=N)
    (best,) = generate(llm, processor, num_beams=16, length_penalty=0.0, early_stopping=False)
    prompt = llm.model.encode(PROMPTS[0])

    def score(text: str) -> float:
        answer = [*text.encode(), 257]
        with torch.inference_mode():
            logits = llm.model.model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
        return float(torch.log_softmax(logits.float(), -1)[range(len(answer)), answer].sum())

    assert best == max(map(str, range(121)), key=score)


def test_each_row_has_its_grammar(llm, person, number):
    processor = GrammarLogitsProcessor([number, person], max_new_tokens=N)
    texts = generate(llm, processor, PROMPTS, do_sample=False)
    assert texts == [ours(llm, NUMBER, PROMPTS[0]), ours(llm, PERSON, PROMPTS[1])]


def test_beams_and_return_sequences_share_the_grammar_of_their_row(llm, person, number):
    processor = GrammarLogitsProcessor([number, person], max_new_tokens=N)
    texts = generate(llm, processor, PROMPTS, num_beams=3, num_return_sequences=3, do_sample=False)
    assert [number.accepts(text) for text in texts] == [True] * 3 + [False] * 3


@pytest.mark.filterwarnings("ignore:Passing `generation_config` together")
@pytest.mark.parametrize(
    "drafts", [{"assistant_model": 1}, {"prompt_lookup_num_tokens": 3}], ids=["model", "lookup"]
)
def test_speculation_changes_nothing(llm, person, drafts):
    if "assistant_model" in drafts:
        drafts = {"assistant_model": random_llama(byte_vocabulary(), seed=1)}
    greedy = generate(llm, GrammarLogitsProcessor(person, max_new_tokens=N), do_sample=False, **drafts)
    assert greedy == [ours(llm, PERSON, PROMPTS[0])]
    for _ in range(3):
        generate(llm, GrammarLogitsProcessor(person, max_new_tokens=N), do_sample=True, top_k=0, **drafts)


def test_drafts_outside_the_grammar_are_survived(llm, number):
    """Prompt lookup copies from a prompt full of numbers that are too large."""
    processor = GrammarLogitsProcessor(number, max_new_tokens=N)
    prompt = ["9 99 999 9999 1 11 111 1111 0 00 000 " * 3]
    assert generate(llm, processor, prompt, prompt_lookup_num_tokens=4) == [ours(llm, NUMBER, prompt[0])]


def test_without_a_budget_documents_are_cut_and_said_so(llm):
    strings = llm.compile(rg.JsonSchema({"type": "string", "minLength": 200}))
    processor = GrammarLogitsProcessor(strings)
    out = llm.model.model.generate(
        **inputs(llm, PROMPTS[:1]), logits_processor=[processor], pad_token_id=0, max_new_tokens=N
    )
    assert processor.accepts(out) == [False]
    with pytest.raises(TokenBudgetError, match="no valid document is shorter than max_new_tokens = 60; "):
        GrammarLogitsProcessor(strings, max_new_tokens=N)


def test_a_new_prompt_starts_afresh(llm, number):
    processor = GrammarLogitsProcessor(number, max_new_tokens=N)
    assert generate(llm, processor, PROMPTS[:1]) == [ours(llm, NUMBER, PROMPTS[0])]
    assert generate(llm, processor, PROMPTS[1:]) == [ours(llm, NUMBER, PROMPTS[1])]
    assert generate(llm, processor, PROMPTS[:1]) == [ours(llm, NUMBER, PROMPTS[0])]
    assert generate(llm, processor, PROMPTS) == [ours(llm, NUMBER, prompt) for prompt in PROMPTS]


def test_a_started_answer_is_continued(llm, person):
    begun = '{"name": "'
    processor = GrammarLogitsProcessor(person, prompt_length=len(llm.model.encode("?")), max_new_tokens=N)
    (text,) = generate(llm, processor, ["?" + begun], do_sample=False)
    assert text.startswith(begun)


def test_a_small_table_changes_nothing(llm, person):
    texts = [
        generate(llm, GrammarLogitsProcessor(person, max_new_tokens=N, max_prefixes=size), num_beams=4)
        for size in (4096, 1)
    ]
    assert texts[0] == texts[1]


def scores(rows=1, width=258):
    return torch.zeros(rows, width)


def test_scores_of_another_width_are_refused(number):
    with pytest.raises(ModelMismatchError) as caught:
        GrammarLogitsProcessor(number)(torch.zeros(1, 3, dtype=torch.long), scores(width=300))
    assert (caught.value.logits, caught.value.vocabulary) == (300, 258)


def test_scores_are_not_written_into(number):
    given = scores()
    masked = GrammarLogitsProcessor(number)(torch.zeros(1, 3, dtype=torch.long), given)
    assert torch.equal(given, scores())
    assert masked.isfinite().sum() == 10


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_scores_keep_their_dtype(number, dtype):
    masked = GrammarLogitsProcessor(number)(torch.zeros(1, 3, dtype=torch.long), scores().to(dtype))
    assert masked.dtype == dtype
    assert masked.isfinite().nonzero()[:, 1].tolist() == list(b"0123456789")


def test_finished_rows_may_only_end(number):
    processor = GrammarLogitsProcessor(number)
    prompt = [1, 2]
    processor(torch.tensor([prompt]), scores())
    for answer in ([ord("7")], [ord("7"), 257], [ord("7"), 257, 0], [ord("7"), 257, 0, 0]):
        masked = processor(torch.tensor([prompt + answer]), scores())
    assert masked.isfinite().nonzero()[:, 1].tolist() == [257]


def test_rows_must_be_a_multiple_of_the_grammars(number, person):
    with pytest.raises(RequestError, match="2 grammars for 3 rows"):
        GrammarLogitsProcessor([number, person])(torch.zeros(3, 3, dtype=torch.long), scores(3))


def test_ids_that_were_not_generated_here_are_refused(number):
    processor = GrammarLogitsProcessor(number)
    processor(torch.tensor([[1, 2]]), scores())
    with pytest.raises(
        RequestError, match="token 120, 1 ids behind the prompt, is not in the grammar"
    ) as caught:
        processor(torch.tensor([[1, 2, ord("x"), ord("y")]]), scores())
    assert caught.value.param == "prompt_length"


def test_a_row_emptied_by_another_processor_is_an_error(number):
    against = scores()
    against[0, list(b"0123456789")] = -torch.inf
    with pytest.raises(GenerationDeadEnd, match=r"row 0 has no token left: .*another logits processor"):
        GrammarLogitsProcessor(number)(torch.zeros(1, 3, dtype=torch.long), against)


def test_what_is_no_compiled_grammar_is_refused(number):
    with pytest.raises(RequestError, match=r"a compiled grammar is needed .*, not Regex"):
        GrammarLogitsProcessor(rg.Regex("^a$"))
    with pytest.raises(RequestError, match="give at least one compiled grammar"):
        GrammarLogitsProcessor([])
    for length in (-1, [1, 2], "3"):
        with pytest.raises(RequestError, match="prompt_length must be one number"):
            GrammarLogitsProcessor(number, prompt_length=length)


def test_grammars_of_different_vocabularies_are_refused(number):
    other = rg.Vocabulary.from_tokens([bytes([b]) for b in range(256)] + [None], eos={256})
    with pytest.raises(ModelMismatchError, match="one vocabulary of the model"):
        GrammarLogitsProcessor([number, rg.compile(rg.Regex("^a$"), other)])


@pytest.fixture
def guarded():
    """A vocabulary that cannot spell an x: the grammar's liveness is not proved."""
    tokens = [bytes([byte]) if byte != ord("x") else None for byte in range(256)]
    vocabulary = rg.Vocabulary.from_tokens([*tokens, None, None], eos={257})
    return rg.compile(rg.Regex("^(a|bx)$"), vocabulary)


def test_guarded_grammars_are_refused_unless_asked_for(guarded):
    assert guarded.guards
    with pytest.raises(GuardedGrammarError, match=r"the grammar has 1 guards .*allow_guarded=True") as caught:
        GrammarLogitsProcessor(guarded)
    assert (caught.value.guards, caught.value.param) == (guarded.guards, "grammar")


def test_a_dead_end_is_a_clear_error(guarded):
    processor = GrammarLogitsProcessor(guarded, allow_guarded=True)
    masked = processor(torch.tensor([[1]]), scores())
    assert masked.isfinite().nonzero()[:, 1].tolist() == list(b"ab")
    with pytest.raises(GenerationDeadEnd, match="no token may follow 'b': the grammar's guards") as caught:
        processor(torch.tensor([[1, ord("b")]]), scores())
    assert caught.value.text == "b"
