"""Batches, schedule, a few steps of training, a restart, and the files that ship."""

from __future__ import annotations

import dataclasses
import itertools
import json
import os
import sys

import numpy as np
import pytest
import torch

from bench.embedded_model import answering
from bench.embedded_model import tokenizer as tokenizers
from bench.embedded_model.__main__ import main
from bench.embedded_model.answering import constrained_calls, constrained_documents, free, play
from bench.embedded_model.batches import START, Place, shard, stream
from bench.embedded_model.cases import cases
from bench.embedded_model.chat_format import PAD
from bench.embedded_model.evaluate import Options, evaluate, figures, missed, speed, verdicts, write
from bench.embedded_model.export import export
from bench.embedded_model.judge import judge_calls, read_calls
from bench.embedded_model.recipe import SIZES, Recipe, Stage, recipe
from bench.embedded_model.train import Run, Trainer, openings
from ruvllm_runtime import LLM

# transformers draws progress bars around everything it loads or saves.
os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")

SHORT = Recipe((Stage("easy", 2, 5e-3, 3e-3), Stage("base", 3, 4e-3, 2e-3)), warmup=2)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    target = tmp_path_factory.mktemp("embedded") / "tokenizer"
    target.mkdir()
    tokenizers.save(tokenizers.train(examples=200), target)
    return target


@pytest.fixture(scope="module")
def shipped(folder, tmp_path_factory):
    """A tiny model after no training worth the name, exported."""
    place = tmp_path_factory.mktemp("run")
    Trainer(run(folder, place / "run")).train()
    export(place / "run" / "run.pt", folder, place / "shipped")
    return place / "shipped"


def run(tokenizer, folder, **changes):
    folder.mkdir(exist_ok=True)
    base = Run(
        folder,
        tokenizer,
        SIZES["tiny"],
        SHORT,
        threads=1,
        precision="float32",
        device="cpu",
        shard=24,
        save_every=2,
    )
    return dataclasses.replace(base, **changes)


def test_batches_are_bucketed_and_padded_at_the_end(folder):
    pad = tokenizers.id_of(tokenizers.load(folder), PAD)
    made = shard(folder, "base", 0, 0, size=60)
    assert sum(len(batch.ids) for batch in made) == 60
    for batch in made:
        assert batch.ids.size <= 3072
        assert batch.learn.shape == batch.ids.shape
        assert not (batch.learn & (batch.ids == pad)).any()
        lengths = (batch.ids != pad).sum(1)
        for row, length in zip(batch.ids, lengths, strict=True):
            assert (row[:length] != pad).all()
        assert batch.learn.any(1).all()


def test_a_stream_taken_up_goes_on_as_it_would_have(folder):
    whole = list(itertools.islice(stream(folder, "easy", 3, size=16), 7))
    for at, (_, place) in enumerate(whole[:-1]):
        again, _ = next(stream(folder, "easy", 3, place=place, size=16))
        assert np.array_equal(again.ids, whole[at + 1][0].ids)


def test_places_count_shards(folder):
    places = [place for _, place in itertools.islice(stream(folder, "easy", 3, size=8), 6)]
    assert places[-1].shard >= 1
    assert Place(0, 0) == START


@pytest.mark.slow
def test_workers_make_the_same_batches(folder):
    alone = [batch for batch, _ in itertools.islice(stream(folder, "easy", 5, size=16), 5)]
    helped = [batch for batch, _ in itertools.islice(stream(folder, "easy", 5, size=16, workers=2), 5)]
    assert all(np.array_equal(a.ids, b.ids) for a, b in zip(alone, helped, strict=True))


def test_the_recipe_warms_up_and_decays():
    plan = recipe(6000)
    assert [stage.data for stage in plan.stages] == ["easy", "base", "wide"]
    assert plan.steps == 6000
    assert plan.stages[0].steps == 250
    assert plan.factor(0, 0) == 1 / 40
    assert plan.factor(39, 0) == plan.factor(4499, 0) == 1
    assert plan.factor(5250, 0) == pytest.approx(0.5)
    assert plan.factor(100, 0.875) == pytest.approx(0.5)
    assert plan.factor(100, 1) == 0
    assert [plan.stage_of(step) for step in (0, 249, 250, 2405, 2406, 5999)] == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize("name", sorted(SIZES))
def test_sizes_fit_where_they_ship(name):
    size = SIZES[name]
    assert size.width % size.heads == 0
    assert 2 * size.parameters < 9_500_000
    assert size.width // size.heads % 2 == 0


def test_a_run_that_was_interrupted_ends_as_one_that_was_not(folder, tmp_path):
    whole = Trainer(run(folder, tmp_path / "whole"))
    whole.train()
    first = Trainer(run(folder, tmp_path / "parts"))

    def stop_after_three(*arguments, learn=first._learn):
        if first.step == 3:
            raise KeyboardInterrupt
        return learn(*arguments)

    first._learn = stop_after_three
    with pytest.raises(KeyboardInterrupt):
        first.train()
    second = Trainer(run(folder, tmp_path / "parts"))
    assert second.step == 2  # the last checkpoint
    second.train()
    assert second.step == whole.step == 5
    state = second.model.state_dict()
    for name, weight in whole.model.state_dict().items():
        assert torch.equal(weight, state[name]), name


def test_a_folder_of_another_run_is_refused(folder, tmp_path):
    Trainer(run(folder, tmp_path / "run")).train()
    with pytest.raises(ValueError, match="is a run of other arguments"):
        Trainer(run(folder, tmp_path / "run", seed=1))


def test_time_runs_out_before_the_steps_do(folder, tmp_path):
    trainer = Trainer(run(folder, tmp_path / "run", minutes=1e-9))
    trainer.train()
    assert trainer.step == 0
    assert trainer.checkpoint.is_file()


def test_every_matrix_of_a_layer_takes_muon_and_the_rest_takes_adamw(folder, tmp_path):
    trainer = Trainer(run(folder, tmp_path / "run"))
    (muon, _), (adamw, _) = trainer.optimizers
    counted = [sum(len(group["params"]) for group in one.param_groups) for one in (muon, adamw)]
    layers = SIZES["tiny"].layers
    assert counted == [
        7 * layers,
        2 * layers + 2,
    ]  # embedding and last norm; the output layer is the embedding


def test_the_first_token_of_each_answer_opens_it():
    learn = np.array([[0, 1, 1, 0, 0, 1], [1, 1, 0, 1, 0, 0]], dtype=bool)
    assert openings(learn).astype(int).tolist() == [[0, 1, 0, 0, 0, 1], [1, 0, 0, 1, 0, 0]]


def test_what_ships(shipped):
    found = {file.name for file in shipped.iterdir()}
    assert {
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "README.md",
        "LICENSE",
        "generation_config.json",
    } <= found
    llm = LLM.load(shipped, dtype="float32")
    assert llm.vocabulary.size == tokenizers.SIZE
    assert llm.model.context == 4096
    assert "5 steps" in (shipped / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def llm(shipped):
    return LLM.load(shipped, dtype="float32")


@pytest.fixture(autouse=True)
def _short_answers(monkeypatch):
    """Random weights do not stop by themselves."""
    monkeypatch.setattr(answering, "MOST_TOKENS", 60)


@pytest.mark.parametrize("row", ["call, known tools", "extraction, unseen keys"])
def test_constrained_answers_are_valid_whatever_the_model_is(llm, row, monkeypatch):
    monkeypatch.setattr(answering, "MOST_TOKENS", 250)
    asked = cases(row, 1, 2)
    assert figures(row, verdicts(llm, row, asked, constrained=True, batch=4))["valid"] == 1.0


def test_constrained_calls_fit_a_tool(llm, monkeypatch):
    """A model that always calls, twice: random weights never would."""
    asked = cases("call, unseen tools", 1, 2)
    monkeypatch.setattr(answering, "MOST_TOKENS", 250)
    rounds = []

    def first(llm, texts, chosen, wanted, rows):
        rounds.append(wanted)
        return chosen if len(rounds) < 3 else []

    monkeypatch.setattr(answering, "_first", first)
    texts = constrained_calls(llm, [(list(case.messages), list(case.tools)) for case in asked])
    assert rounds == ["<tool_call>", "\n", "\n"]
    for case, text in zip(asked, texts, strict=True):
        assert len(read_calls(text)) == 2
        assert judge_calls(text, case.calls, case.tools).valid


def test_constrained_documents_have_no_other_members(llm, monkeypatch):
    monkeypatch.setattr(answering, "MOST_TOKENS", 250)
    asked = cases("extraction, known keys", 1, 1)
    (text,) = constrained_documents(llm, asked)
    verdict = verdicts(llm, "extraction, known keys", asked, constrained=True, batch=1)[0]
    assert verdict.valid, text


def test_conversations_stop_where_calls_are_missing(llm, monkeypatch):
    monkeypatch.setattr(answering, "free", lambda llm, questions, rows: ["Words."] * len(questions))
    (case,) = cases("five turns", 1, 1)
    wanted = next(at for at, turn in enumerate(case.turns) if turn.calls)
    assert play(llm, [case], constrained=False) == [["Words."] * (wanted + 1)]


def test_free_answers_are_within_their_budget(llm, monkeypatch):
    monkeypatch.setattr(answering, "MOST_TOKENS", 5)
    (text,) = free(llm, [([{"role": "user", "content": "Hi."}], [])])
    assert len(llm.model.encode(text)) <= 40  # five tokens; what they decode to may be encoded otherwise


@pytest.mark.slow
def test_an_evaluation_says_what_it_measured_and_misses(shipped, tmp_path, monkeypatch):
    monkeypatch.setattr(answering, "MOST_TOKENS", 250)
    result = evaluate(shipped, Options(count=1, seeds=(1, 2), rows=("small talk beside tools",), threads=1))
    write(result, tmp_path / "results" / "result.json")
    assert json.loads((tmp_path / "results" / "result.json").read_text(encoding="utf-8")) == result
    assert result["parameters"] == SIZES["tiny"].parameters
    assert set(result["rows"]["small talk beside tools"]) == {"constrained", "unconstrained"}
    assert missed(result) == []  # no threshold for this row, and no clock in a run of some rows


@pytest.mark.slow
def test_the_clock_runs(shipped):
    found = speed(shipped)
    assert set(found) == {"load s", "tokens/s"}
    assert min(found.values()) > 0


@pytest.mark.parametrize("stage", ["easy", "wide"])
def test_show_prints_examples(capsys, monkeypatch, stage):
    monkeypatch.setattr(sys, "argv", ["embedded_model", "show", "--stage", stage])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 0
    assert capsys.readouterr().out.count("<|im_start|>assistant\n") >= 5
