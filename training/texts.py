"""Plain text and training articles -> documents by language, and the held-out text on which a base is scored.

In: a `PretrainConfig`. Out: `Texts`; none of its documents overlaps a dev or held-out article of the run that `data.articles` names.
Does not know: tokens, models. Raises `DataError` naming the file and the remedy.
"""

import gzip
import hashlib
import lzma
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from inference.errors import DataError
from training.config import load_config
from training.config_pretrain import PretrainConfig
from training.corpus import Corpus, load_corpus
from training.duplicates import sign
from training.leakage import overlaps_with_held_out

DOCUMENT_CHARACTERS = 2000
"""Lines that follow each other make a document of about this size: some five hundred tokens, a row."""

_OPEN: dict[str, Callable[..., object]] = {".gz": gzip.open, ".xz": lzma.open}


@dataclass(frozen=True, slots=True)
class Texts:
    """Documents by language. `held_out` holds the end of each plain text file; articles are only trained on."""

    train: dict[str, list[str]]
    held_out: dict[str, list[str]]
    left_out: dict[str, int]  # language -> documents that overlap a dev or held-out article
    digests: dict[str, str]  # language -> SHA-256 of its documents

    @property
    def characters(self) -> int:
        return sum(len(document) for documents in self.train.values() for document in documents)


def load_texts(config: PretrainConfig) -> Texts:
    """Read all text of a pretraining run."""
    settings = config.data
    corpus = load_corpus(load_config(settings.articles, data_root=settings.root)) if settings.articles else None
    plain: dict[str, list[str]] = {}
    held_out: dict[str, list[str]] = {}
    problems: list[str] = []
    for lang, path in settings.text.items():
        try:
            lines = read_lines(settings.root / path)
            cut = _end(lines, settings.held_out_characters)
            if not 0 < cut < len(lines):
                raise DataError(
                    f"{settings.root / path}: of {sum(map(len, lines)):,} characters, data.held_out_characters = {settings.held_out_characters:,} "
                    "are held out, which leaves none to train on. Give more text, or remove the file."
                )
            plain[lang], held_out[lang] = [*_documents(lines[:cut])], [*_documents(lines[cut:])]
        except DataError as error:
            problems.append(str(error))
    if problems:
        raise DataError("\n".join(problems))
    train, left_out = _without_overlap(plain, corpus) if corpus else (plain, {})
    for source in corpus.train if corpus else ():
        for article in source.articles:
            train.setdefault(article.lang or "und", []).append(f"{article.title}\n{article.text}".strip())
    digests = {lang: hashlib.sha256("\n\n".join(documents).encode("utf-8", "surrogatepass")).hexdigest() for lang, documents in train.items()}
    return Texts(train, held_out, left_out, digests)


def read_lines(path: Path) -> list[str]:
    """The lines of a UTF-8 text file that are not empty."""
    try:
        with _OPEN.get(path.suffix, open)(path, "rt", encoding="utf-8") as file:
            lines = [line.strip() for line in file]
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: text must be UTF-8 ({error.reason} at byte {error.start}). Convert it, e.g. with `iconv -t UTF-8`.") from error
    except (OSError, lzma.LZMAError, EOFError) as error:
        raise DataError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}). Correct data.text, or --data-root.") from error
    return [line for line in lines if line]


def _end(lines: list[str], characters: int) -> int:
    """Where the last lines begin that hold `characters` together; 0 where all of them do not hold more."""
    size = 0
    for place in range(len(lines) - 1, -1, -1):
        size += len(lines[place])
        if size >= characters:
            return place
    return 0


def _documents(lines: list[str]) -> Iterator[str]:
    """Runs of lines of about DOCUMENT_CHARACTERS."""
    held: list[str] = []
    size = 0
    for line in lines:
        held.append(line)
        size += len(line)
        if size >= DOCUMENT_CHARACTERS:
            yield "\n".join(held)
            held, size = [], 0
    if held:
        yield "\n".join(held)


def _without_overlap(plain: dict[str, list[str]], corpus: Corpus) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The documents that overlap no dev or held-out article, and how many of each language do."""
    named = [(f"{lang}/{number}", document) for lang, documents in plain.items() for number, document in enumerate(documents)]
    articles = ((f"{source.source.name}/{article.id}", article.text) for source in (*corpus.dev, *corpus.held_out) for article in source.articles)
    shared = {overlap.article for overlap in overlaps_with_held_out(sign(named), [text for _, text in named], articles).values()}
    kept = {lang: [text for number, text in enumerate(documents) if f"{lang}/{number}" not in shared] for lang, documents in plain.items()}
    return kept, {lang: len(plain[lang]) - len(documents) for lang, documents in kept.items() if len(documents) < len(plain[lang])}
