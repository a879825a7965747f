"""What a config asks for is built, or one sentence says why it cannot be; what training computes before the first step is right."""

from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel, PreTrainedTokenizerBase

from inference.errors import ConfigError, DataError
from inference.losses import IGNORE
from training.build import build_model, build_tokenizer
from training.config import RunConfig, Source
from training.corpus import load_corpus
from training.examples import Example, plan_batches, token_rarity
from training.rows import source_file
from training.vocabulary import train_tokenizer

TinyConfig = Callable[..., RunConfig]


def example(source: int, ids: list[int]) -> Example:
    return Example(source, array("i"), array("i", ids), array("i", [len(ids)]), IGNORE, (), (), None, True, None)


def save_bert(folder: Path, vocabulary: int) -> None:
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 32}
    BertModel(BertConfig(vocab_size=vocabulary, **sizes)).save_pretrained(folder)


def test_a_backbone_folder_without_a_tokenizer_is_refused(tmp_path: Path, tiny_config: TinyConfig) -> None:
    save_bert(tmp_path / "bert", 100)
    config = tiny_config(tmp_path / "run", f"model.backbone={{folder: {tmp_path / 'bert'}}}", "model.tokenizer=null")
    with pytest.raises(ConfigError, match=r"bert holds no tokenizer\. Save one beside the model with `tokenizer\.save_pretrained`\."):
        build_tokenizer(config, load_corpus(config))


def test_a_run_killed_while_it_saves_its_tokenizer_leaves_none(tmp_path: Path, tiny_config: TinyConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A resumed run takes the tokenizer that it finds: a half-written one must never be found."""
    config = tiny_config(tmp_path / "run")
    corpus = load_corpus(config)
    found: list[bool] = []

    def killed(tokenizer: PreTrainedTokenizerBase, folder: Path, **_: object) -> None:
        (Path(folder) / "tokenizer_config.json").write_text("{}", encoding="utf-8")
        found.append((config.output / "tokenizer").exists())
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(PreTrainedTokenizerBase, "save_pretrained", killed)
        with pytest.raises(KeyboardInterrupt):
            build_tokenizer(config, corpus)
    assert found == [False]  # what a kill leaves, where nothing is tidied up
    assert list(config.output.iterdir()) == []
    tokenizer = build_tokenizer(config, corpus)
    assert len(tokenizer) > 1000
    assert [path.name for path in config.output.iterdir()] == ["tokenizer"]
    assert build_tokenizer(config, corpus).get_vocab() == tokenizer.get_vocab()


def test_windows_longer_than_the_backbone_has_positions_are_refused(tmp_path: Path, tiny_config: TinyConfig, tokenizer: PreTrainedTokenizerBase) -> None:
    save_bert(tmp_path / "bert", len(tokenizer))
    config = tiny_config(tmp_path / "run", f"model.backbone={{folder: {tmp_path / 'bert'}}}", "model.tokenizer=null", "model.window_tokens=64")
    with pytest.raises(ConfigError, match=r"^model\.window_tokens: the backbone reads at most 32 tokens at once, found 64\. Lower it\.$"):
        build_model(config, tokenizer)


def test_what_is_wrong_with_any_source_is_said_at_once(tmp_path: Path, tiny_config: TinyConfig) -> None:
    config = tiny_config(tmp_path / "run", "data.train.0.path=gone.jsonl", "data.dev.0.path=lost.jsonl")
    with pytest.raises(DataError, match=r"gone\.jsonl: no such file(.|\n)*lost\.jsonl: no such file"):
        load_corpus(config)


def test_the_root_of_a_source_wins() -> None:
    source = Source(name="own", root=Path("here"), path=Path("a.jsonl"))
    assert source_file(source, Path("data")) == Path("here/a.jsonl")
    assert source_file(source.model_copy(update={"root": None}), Path("data")) == Path("data/a.jsonl")


def test_a_lone_surrogate_does_not_stop_the_tokenizer() -> None:
    tokenizer = train_tokenizer([("en", "rain \ud800 fell " * 20)], "bpe", 300, seed=1)
    assert tokenizer.decode(tokenizer("rain fell", add_special_tokens=False)["input_ids"]) == "rain fell"


def test_a_lowercasing_tokenizer_reads_headlines_as_the_body() -> None:
    tokenizer = train_tokenizer([("en", "Schoolgirls were freed in Chibok " * 20)], "bpe", 400, seed=1, lowercase=True)
    assert tokenizer("Schoolgirls Freed")["input_ids"] == tokenizer("schoolgirls freed")["input_ids"]


def test_a_small_budget_silences_no_source() -> None:
    examples = [example(0, [5] * 100) for _ in range(50)] + [example(1, [6] * 10)]
    batches = plan_batches(examples, [0.999, 0.001], tokens=50, batch_tokens=200, article_tokens=100, max_targets=4, seed=1)
    assert 50 in {index for batch in batches for index in batch}


def test_rarity_is_the_inverse_document_frequency() -> None:
    examples = [example(0, [1, 2]), example(0, [1, 3, 3]), example(0, [1]), replace(example(0, [1]), title=array("i", [2]))]
    assert token_rarity(examples, 5, special=[4]).tolist() == pytest.approx([1.0, 0.0, 0.5, 1.0, 0.0])
