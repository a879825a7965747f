"""How many tokens a word costs, by language, for several kinds and sizes of vocabulary: what configs/pretrain.yaml chose its tokenizer by.

In: configs/pretrain.yaml and its text. Out: benchmarks/results/vocabulary.json. All tokenizers are trained on the same text, each language giving
at most the same number of characters, and measured on held-out text. Does not know: models.

    python -m benchmarks.vocabulary --data-root path/to/the/data
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

from benchmarks.common import RESULTS, machine, write_result
from inference.words import count_words
from training.config_pretrain import load_pretrain_config
from training.texts import load_texts
from training.vocabulary import train_tokenizer

KINDS: tuple[tuple[Literal["bpe", "unigram"], int], ...] = (("bpe", 16_000), ("bpe", 32_000), ("bpe", 48_000), ("unigram", 32_000))

PREDICTED = "unigram a few per cent below BPE of its size; 48,000 pieces a tenth below 32,000, for half as many embeddings again"
"""Written before the first measurement."""


def measure(kind: Literal["bpe", "unigram"], size: int, lowercase: bool, train: Sequence[tuple[str, str]], held_out: dict[str, list[str]]) -> dict[str, Any]:
    """Train one tokenizer and count."""
    started = time.perf_counter()
    tokenizer = train_tokenizer(train, kind, size, 13, lowercase)
    seconds = time.perf_counter() - started
    languages: dict[str, float] = {}
    spelled = 0
    tokens = 0
    for lang, documents in held_out.items():
        ids = [token for document in documents for token in tokenizer(document, add_special_tokens=False)["input_ids"]]
        languages[lang] = round(len(ids) / sum(count_words(document) for document in documents), 3)
        spelled += sum(piece.startswith("<0x") for piece in tokenizer.convert_ids_to_tokens(ids))
        tokens += len(ids)
    return {
        "pieces": len(tokenizer),
        "seconds": round(seconds, 1),
        "tokens_a_word": round(fmean(languages.values()), 3),
        "worst": max(languages, key=lambda lang: languages[lang]),
        "bytes_of_all_tokens": round(spelled / tokens, 5),
        "languages": languages,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", default="configs/pretrain.yaml")
    parser.add_argument("--data-root", type=Path, required=True, metavar="FOLDER", help="folder that holds text/, train/ and dev/")
    options = parser.parse_args(arguments)
    console = Console(highlight=False)
    config = load_pretrain_config(options.config, data_root=options.data_root)
    texts = load_texts(config)
    train = [(lang, document) for lang, group in texts.train.items() for document in group]
    found: dict[str, dict[str, Any]] = {}
    for kind, size in KINDS:
        found[f"{kind}, {size:,}"] = measure(kind, size, config.model.tokenizer.lowercase, train, texts.held_out)
        write_result(RESULTS / "vocabulary.json", {"machine": machine(), "predicted": PREDICTED, "tokenizers": found}, console)
    table = Table(title="Tokens a word on held-out text", title_justify="left")
    for name in ("tokenizer", "mean of languages", "worst", "spelled in bytes", "seconds"):
        table.add_column(name, justify="left" if name == "tokenizer" else "right")
    for name, one in found.items():
        worst = f"{one['languages'][one['worst']]:.2f} {one['worst']}"
        table.add_row(name, f"{one['tokens_a_word']:.3f}", worst, f"{one['bytes_of_all_tokens']:.2%}", f"{one['seconds']:.0f}")
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
