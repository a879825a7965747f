import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest

from inference.article import Article, read_articles
from inference.errors import DataError
from training.config import RunConfig
from training.config_pretrain import PretrainConfig, load_pretrain_config
from training.texts import DOCUMENT_CHARACTERS, load_texts, read_lines

CONFIG = """
name: base
output: {folder}/run
data:
  root: {folder}
  text: {{en: en.txt, ta: ta.txt.xz}}
  held_out_characters: 1000
model:
  architecture: {{type: modernbert, layers: 1, width: 16, heads: 2, feed_forward: 16}}
  tokenizer: {{type: bpe, vocabulary_size: 600}}
training: {{tokens: 8192}}
"""


def write(folder: Path, english: list[str], tamil: list[str]) -> None:
    (folder / "en.txt").write_text("\n".join(english) + "\n", encoding="utf-8")
    with lzma.open(folder / "ta.txt.xz", "wt", encoding="utf-8") as file:
        file.write("\n\n".join(tamil))


def config(folder: Path, *overrides: str) -> PretrainConfig:
    (folder / "base.yaml").write_text(CONFIG.format(folder=folder), encoding="utf-8")
    return load_pretrain_config(folder / "base.yaml", overrides)


ENGLISH = [f"Line {number} says that the river rose again in the night." for number in range(200)]
TAMIL = [f"{number} ஆற்றில் வெள்ளம் உயர்ந்தது என்று மேயர் கூறினார்." for number in range(100)]


def test_the_end_of_each_file_is_held_out_and_nothing_is_lost(tmp_path: Path) -> None:
    write(tmp_path, ENGLISH, TAMIL)
    texts = load_texts(config(tmp_path))
    for lang, lines in (("en", ENGLISH), ("ta", TAMIL)):
        train, held_out = ("\n".join(documents).split("\n") for documents in (texts.train[lang], texts.held_out[lang]))
        assert [*train, *held_out] == lines
        assert 1000 <= sum(map(len, held_out)) < 1000 + max(map(len, lines))
    assert all(DOCUMENT_CHARACTERS <= len(document) < DOCUMENT_CHARACTERS + 200 for document in texts.train["en"][:-1])
    assert texts.left_out == {}
    assert texts.characters == sum(len(document) for documents in texts.train.values() for document in documents)


def test_digests_change_with_a_letter(tmp_path: Path) -> None:
    write(tmp_path, ENGLISH, TAMIL)
    before = load_texts(config(tmp_path)).digests
    write(tmp_path, ["line" + ENGLISH[0][4:], *ENGLISH[1:]], TAMIL)
    after = load_texts(config(tmp_path)).digests
    assert before["en"] != after["en"]
    assert before["ta"] == after["ta"]


def test_training_articles_are_read_and_what_overlaps_dev_articles_is_left_out(
    tmp_path: Path, tiny_corpus: Path, tiny_config: Callable[..., RunConfig]
) -> None:
    run = tiny_config(tmp_path / "articles")
    dev = next(article for article in read_articles(tiny_corpus / "dev.jsonl") if article.lang == "en")
    train: list[Article] = list(read_articles(tiny_corpus / "train.jsonl"))
    write(tmp_path, [*ENGLISH[:60], *dev.text.splitlines(), *ENGLISH[60:]], TAMIL)
    for name in ("train", "topics", "dev"):
        (tmp_path / f"{name}.jsonl").write_bytes((tiny_corpus / f"{name}.jsonl").read_bytes())
    texts = load_texts(config(tmp_path, f"data.articles={run.output.with_suffix('.yaml')}"))
    assert texts.left_out["en"] >= 1
    assert set(texts.left_out) == {"en"}
    assert dev.text.splitlines()[0] not in "\n".join(texts.train["en"])
    assert f"{train[0].title}\n{train[0].text}" in texts.train[train[0].lang]
    assert set(texts.held_out) == {"en", "ta"}  # articles are not scored
    assert set(texts.train) == {"en", "ta", "ar", "zh"}


def test_a_sentence_of_a_held_out_article_is_found_in_a_long_document(tmp_path: Path, tiny_corpus: Path, tiny_config: Callable[..., RunConfig]) -> None:
    """Articles of test sets are often single sentences; signatures of documents would not see them."""
    sentence = "The minister rejected the offer of the miners on Thursday."
    run = tiny_config(tmp_path / "articles", "data.held_out=[]")
    path = run.output.with_suffix(".yaml")
    text = path.read_text(encoding="utf-8").replace("  dev:\n", "  held_out:\n    - {name: test, path: test.jsonl}\n  dev:\n")
    path.write_text(text, encoding="utf-8")
    for name in ("train", "topics", "dev"):
        (tmp_path / f"{name}.jsonl").write_bytes((tiny_corpus / f"{name}.jsonl").read_bytes())
    (tmp_path / "test.jsonl").write_text(json.dumps({"id": "t", "lang": "en", "text": sentence, "topic": "labour"}) + "\n", encoding="utf-8")
    write(tmp_path, [*ENGLISH[:30], sentence, *ENGLISH[30:]], TAMIL)
    texts = load_texts(config(tmp_path, f"data.articles={path}"))
    assert texts.left_out == {"en": 1}
    assert sentence not in "\n".join(texts.train["en"])


def test_all_training_articles_are_read_whatever_their_run_caps(tmp_path: Path, tiny_corpus: Path, tiny_config: Callable[..., RunConfig]) -> None:
    run = tiny_config(tmp_path / "articles")
    path = run.output.with_suffix(".yaml")
    path.write_text(path.read_text(encoding="utf-8").replace("path: train.jsonl}", "path: train.jsonl, max_articles: 1}"), encoding="utf-8")
    for name in ("train", "topics", "dev"):
        (tmp_path / f"{name}.jsonl").write_bytes((tiny_corpus / f"{name}.jsonl").read_bytes())
    write(tmp_path, ENGLISH, TAMIL)
    texts = load_texts(config(tmp_path, f"data.articles={path}"))
    assert [len(texts.train[lang]) for lang in ("ar", "zh")] == [10, 10]


def test_a_language_of_which_nothing_is_left_is_left_out(tmp_path: Path, tiny_corpus: Path, tiny_config: Callable[..., RunConfig]) -> None:
    run = tiny_config(tmp_path / "articles")
    for name in ("train", "topics", "dev"):
        (tmp_path / f"{name}.jsonl").write_bytes((tiny_corpus / f"{name}.jsonl").read_bytes())
    dev = [article.text for article in read_articles(tiny_corpus / "dev.jsonl") if article.lang == "en"]
    write(tmp_path, ENGLISH, [*(line for text in dev for line in text.splitlines()), *TAMIL[:30]])
    texts = load_texts(config(tmp_path, f"data.articles={run.output.with_suffix('.yaml')}"))
    assert "ta" not in texts.train
    assert "ta" not in texts.held_out
    assert texts.left_out["ta"] >= 1


def test_three_kinds_of_file_are_read(tmp_path: Path) -> None:
    for name, opener in (("a.txt", open), ("a.txt.gz", gzip.open), ("a.txt.xz", lzma.open)):
        with opener(tmp_path / name, "wt", encoding="utf-8") as file:  # type: ignore[operator]
            file.write("\ufeff  one \n\n \ntwo\n")
        assert read_lines(tmp_path / name) == ["one", "two"]


def test_all_wrong_files_stand_in_one_error(tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_bytes(b"caf\xe9\n")
    (tmp_path / "ta.txt.xz").write_bytes(b"no archive")
    with pytest.raises(DataError) as caught:
        load_texts(config(tmp_path))
    lines = str(caught.value).splitlines()
    assert lines == [
        f"{tmp_path}/en.txt: text must be UTF-8 (invalid continuation byte at byte 3). Convert it, e.g. with `iconv -t UTF-8`.",
        f"{tmp_path}/ta.txt.xz: cannot be read (Input format not supported by decoder). Correct data.text, or --data-root.",
    ]


def test_a_damaged_archive_is_told(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress("\n".join(ENGLISH).encode()))
    whole[60:160] = bytes(100)
    (tmp_path / "a.txt.gz").write_bytes(whole)
    with pytest.raises(DataError, match=r"a\.txt\.gz: cannot be read \("):
        read_lines(tmp_path / "a.txt.gz")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    write(tmp_path, ENGLISH, TAMIL)
    (tmp_path / "en.txt").unlink()
    with pytest.raises(DataError, match=r"en\.txt: cannot be read \(No such file or directory\)\. Correct data\.text, or --data-root\."):
        load_texts(config(tmp_path))


def test_a_file_that_is_all_held_out_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ENGLISH, TAMIL[:3])
    with pytest.raises(DataError, match=r"ta\.txt\.xz: of 1\d\d characters, data\.held_out_characters = 1,000 are held out, which leaves none to train on"):
        load_texts(config(tmp_path))
