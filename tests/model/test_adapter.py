from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

import ruvllm_grammar as rg
from ruvllm_runtime import LLM, ModelLoadError, ModelMismatchError, VocabularyError
from ruvllm_runtime.model import byte_vocabulary, random_llama, toy_model
from ruvllm_runtime.model.adapter import (
    PREFILL_CHUNK,
    CausalModel,
    Row,
    context_length,
    end_tokens,
    logits_width,
)


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer without merges: 256 bytes, then <s> and </s>."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({symbol: i for i, symbol in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<s>"), AddedToken("</s>")])
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")  # noqa: S106


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A model folder whose logits are wider than the tokenizer, as real checkpoints are."""
    path = tmp_path_factory.mktemp("model")
    tokens = [bytes([byte]) for byte in range(256)]
    wide = rg.Vocabulary.from_tokens([*tokens, None, None], eos={257}, size=272)
    model = random_llama(wide)
    model.generation_config.eos_token_id = [257, 256]
    model.save_pretrained(path)
    byte_tokenizer().save_pretrained(path)
    return path


def test_load_reads_a_folder(folder):
    model = CausalModel.load(folder, device="cpu", dtype="float32")
    assert (model.vocabulary.size, model.vocabulary.eos, model.context) == (272, {256, 257}, 2048)
    assert model.vocabulary.decode(model.encode("añb")) == "añb".encode()
    assert LLM.load(folder, device="cpu").vocabulary.fingerprint == model.vocabulary.fingerprint


def test_low_precision_models_give_float32_logits(folder):
    model = CausalModel.load(folder, device="cpu", dtype="bfloat16")
    logits = model.prefill(model.new_cache(), [1, 2, 3])
    assert (logits.dtype, logits.shape) == (torch.float32, (272,))


def test_from_model_takes_a_tokenizer_or_a_vocabulary():
    tokenizer = byte_tokenizer()
    llm = LLM.from_model(random_llama(byte_vocabulary()), tokenizer)
    assert llm.vocabulary.eos == {257}
    assert llm.vocabulary.decode(llm.model.encode("hé")) == "hé".encode()
    bare = LLM.from_model(random_llama(byte_vocabulary()), byte_vocabulary())
    assert bare.model.encode("hé") == list("hé".encode())


@pytest.mark.parametrize("size", [257, 300])
def test_a_vocabulary_of_another_width_is_refused(size):
    tokens = [bytes([byte]) for byte in range(256)]
    other = rg.Vocabulary.from_tokens([*tokens, None], eos={256}, size=size)
    with pytest.raises(ModelMismatchError) as caught:
        LLM.from_model(random_llama(byte_vocabulary()), other)
    assert str(caught.value) == (
        f"the model's logits have 258 columns but the vocabulary has {size} ids; build the vocabulary with size=258"
    )
    assert (caught.value.logits, caught.value.vocabulary) == (258, size)
    assert isinstance(caught.value, VocabularyError)


@pytest.mark.parametrize("name", ["no/such-model", "nowhere"])
def test_what_cannot_be_loaded_is_said(name):
    with pytest.raises(ModelLoadError, match=f"cannot load '{name}': .*give a folder") as caught:
        LLM.load(name)
    assert (caught.value.param, caught.value.source) == ("model", name)


def test_a_folder_without_a_model_is_said(tmp_path):
    with pytest.raises(ModelLoadError, match="cannot load"):
        LLM.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
)
def test_damaged_files_are_said(folder, tmp_path, name):
    shutil.copytree(folder, tmp_path / "model")
    (tmp_path / "model" / name).write_bytes(b"garbage")
    with pytest.raises(ModelLoadError, match="cannot load"):
        LLM.load(tmp_path / "model")


def test_unknown_dtypes_are_refused(folder):
    with pytest.raises(ModelLoadError, match="torch has no dtype 'float17'"):
        LLM.load(folder, dtype="float17")


def test_unknown_devices_are_refused(folder):
    with pytest.raises(ModelLoadError, match="cannot load"):
        LLM.load(folder, device="abacus")


def test_long_prompts_are_run_in_chunks():
    model = toy_model()
    prompt = [i % 256 for i in range(2 * PREFILL_CHUNK + 17)]
    cache = model.new_cache()
    logits = model.prefill(cache, prompt)
    assert cache.length == len(prompt)
    with torch.inference_mode():
        whole = model.model(torch.tensor([prompt])).logits[0, -1]
    torch.testing.assert_close(logits, whole, atol=1e-4, rtol=1e-4)


def test_a_step_may_be_written_into():
    model = toy_model()
    caches = [model.new_cache() for _ in range(3)]
    logits = model.step([Row(cache, [1, 2]) for cache in caches])
    assert (logits.dtype, logits.shape, logits.is_contiguous()) == (torch.float32, (3, 258), True)
    with torch.inference_mode():
        logits[0, 0] = 0


def test_what_the_configuration_says():
    model = random_llama(byte_vocabulary(), context=99)
    assert (logits_width(model), context_length(model)) == (258, 99)
    model.generation_config.eos_token_id = [5, 999]
    assert end_tokens(model, byte_tokenizer(), 258) == {5, 257}


def test_an_unknown_context_length_is_assumed_and_said(caplog):
    text = SimpleNamespace(model_type="endless", max_position_embeddings=None)
    model = SimpleNamespace(config=SimpleNamespace(get_text_config=lambda: text))
    assert context_length(model) == 2048
    assert caplog.messages == ["endless does not state its context length; assuming 2048"]
