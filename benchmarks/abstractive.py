"""What a checkpoint's decoder writes, before and after the check, beside extraction: ROUGE, refusals and their reasons, what the article supports.

In: a checkpoint that writes, and the dev articles of a config. Out: figures beside their goals, scores by source, and what the checkpoint writes
about articles of the sample corpus, as it stands. Whether a returned summary is supported is judged apart from the check, by rules that only know
literal text: a number is found where the article has the same one, digit by digit, and a capitalized word where the article has the same word.
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

import regex
from rich.console import Console
from rich.table import Table

from benchmarks import common
from benchmarks.common import Figure, Goal
from inference.analysis import ABSTRACTIVE, EXTRACTIVE, Analysis
from inference.analyzer import Analyzer
from inference.article import Article, read_articles
from inference.checkpoint import load_checkpoint
from inference.cleaning import read_page
from inference.errors import DataError
from inference.faithfulness import ArticleText, check_summary
from inference.summaries import article_text
from inference.words import count_words
from training.baselines import baseline_summaries
from training.config import load_config
from training.corpus import load_corpus
from training.metrics.summaries import rouge

MAX_WORDS = 60
SALIENT_WORDS = 200
"""Words of the most salient sentences that the decoder reads in the measured alternative to all windows: about a window of 512 tokens."""

GOALS = {
    "numbers_found": Goal("numbers of returned written summaries that stand in the article, %", predicted=99.5, at_least=99.0),
    "names_found": Goal("capitalized words of returned written summaries that stand in the article, %", predicted=99.0, at_least=99.0),
    "reference_numbers_found": Goal("the same of references that pass the check, numbers, %", predicted=99.0),
    "reference_names_found": Goal("the same of references that pass the check, names, %", predicted=98.0),
    "refused": Goal("written summaries refused: no candidate passes, %", predicted=80.0),
    "fusion": Goal("ROUGE-1 of the first candidate, all windows read - most salient sentences read (trained on all windows)", predicted=0.5),
}

_NUMBER = regex.compile(r"\p{Nd}+(?:[.,]\p{Nd}+)*")
_WORD = regex.compile(r"[\p{L}\p{M}]+")
_OPENING = regex.compile(r"(?:^|[.!?…:]\s+|[\"“«„»”]\s*)[\p{L}\p{M}]+")


@dataclass(frozen=True, slots=True)
class Found:
    """Literal numbers and names of some texts, and how many of them stand in their articles."""

    numbers: int
    numbers_there: int
    names: int
    names_there: int


def literal_support(pairs: Iterable[tuple[str, Article]]) -> Found:
    """Count the numbers and the capitalized words of each text, and those that its article or title has.

    A capitalized word at a sentence opening is found in small letters too: most are no names.
    """
    totals = Counter[str]()
    for text, article in pairs:
        source = f"{article.title}\n{article.text}"
        known, words, small = set(_NUMBER.findall(source)), set(_WORD.findall(source)), {word.lower() for word in _WORD.findall(source)}
        openings = {match.end() for match in _OPENING.finditer(text)}
        numbers = _NUMBER.findall(text)
        names = [match for match in _WORD.finditer(text) if match.group()[0].isupper()]
        totals.update(numbers=len(numbers), numbers_there=sum(number in known for number in numbers))
        found = sum(match.group() in words or (match.end() in openings and match.group().lower() in small) for match in names)
        totals.update(names=len(names), names_there=found)
    return Found(totals["numbers"], totals["numbers_there"], totals["names"], totals["names_there"])


def most_salient(article: Article, analyzer: Analyzer) -> Article:
    """The article with only its most salient sentences, in their order, up to `SALIENT_WORDS`: what the decoder could read in place of all windows."""
    (analysis,) = analyzer.analyze_many([article], max_words=SALIENT_WORDS, method=EXTRACTIVE)
    return replace(article, text="\n".join(sentence.text for sentence in analysis.summary.sentences))


def measure(analyzer: Analyzer, articles: Sequence[Article]) -> tuple[list[Figure], dict[str, Any]]:
    """The figures, and ROUGE-1 with mean words by source and system."""
    first = [candidates[0].text for candidates in analyzer.candidates(articles, max_words=MAX_WORDS)]
    narrow = [candidates[0].text for candidates in analyzer.candidates([most_salient(a, analyzer) for a in articles], max_words=MAX_WORDS)]
    checked, extracted = (list(analyzer.analyze_many(articles, max_words=MAX_WORDS, method=method)) for method in (ABSTRACTIVE, EXTRACTIVE))
    written = [(analysis.summary.text, article) for analysis, article in zip(checked, articles, strict=True) if analysis.summary.method == ABSTRACTIVE]
    passing = [(str(article.summary), article) for article in articles if _passes(str(article.summary), article)]
    texts = {
        "written, unchecked": first,
        "written from the most salient sentences, unchecked": narrow,
        "written and checked": [analysis.summary.text for analysis in checked],
        "extractive": [analysis.summary.text for analysis in extracted],
    }
    for article in articles:
        for system, extract in baseline_summaries(article, str(article.summary)).items():
            texts.setdefault(system, []).append(extract.text)
    scores = _by_source(articles, texts)
    fusion = fmean(one["written, unchecked"]["rouge1"] - one["written from the most salient sentences, unchecked"]["rouge1"] for one in scores.values())
    refused = 100 * (1 - len(written) / len(articles))
    n = f"{len(articles)} dev articles"
    figures = [
        *_found("", literal_support(written), f"{len(written)} returned of {n}"),
        *_found("reference_", literal_support(passing), f"{len(passing)} of {n}"),
        Figure("refused", GOALS["refused"], refused, n, {"reasons": _reasons(articles, first)}),
        Figure("fusion", GOALS["fusion"], fusion, n),
    ]
    return figures, scores


def _found(prefix: str, found: Found, n: str) -> list[Figure]:
    shares = {"numbers_found": (found.numbers_there, found.numbers), "names_found": (found.names_there, found.names)}
    return [Figure(prefix + name, GOALS[prefix + name], 100 * there / of, f"{of} in {n}") for name, (there, of) in shares.items() if of]


def _passes(text: str, article: Article) -> bool:
    return not check_summary(text, _source(article), lang=article.lang, max_words=None).problems


def _source(article: Article) -> ArticleText:
    page = read_page(article.text, article.title, article.lang)
    return article_text(page, range(len(page.sentences)))


def _reasons(articles: Sequence[Article], texts: Sequence[str]) -> dict[str, float]:
    """Share of first candidates with a problem of each kind, in %; one may have several."""
    kinds = Counter[str]()
    for article, text in zip(articles, texts, strict=True):
        kinds.update({problem.kind for problem in check_summary(text, _source(article), lang=article.lang, max_words=MAX_WORDS).problems})
    return {kind: 100 * count / len(articles) for kind, count in kinds.most_common()}


def _by_source(articles: Sequence[Article], texts: dict[str, list[str]]) -> dict[str, dict[str, dict[str, float]]]:
    scores: dict[str, dict[str, dict[str, float]]] = {}
    for source in dict.fromkeys(article.source for article in articles):
        places = [place for place, article in enumerate(articles) if article.source == source]
        scores[source] = {
            system: {
                "rouge1": fmean(rouge(said[place], str(articles[place].summary))["rouge1"] for place in places),
                "words": fmean(count_words(said[place]) for place in places),
            }
            for system, said in texts.items()
        }
    return scores


def _samples(analyzer: Analyzer) -> list[dict[str, Any]]:
    """What the checkpoint writes about some articles of the sample corpus, which may be shown, and what becomes of it."""
    files = [common.ROOT / f"data/sample/{split}.jsonl" for split in ("dev", "test")]
    by_lang: dict[str, Article] = {}
    for article in (article for file in files for article in read_articles(file) if article.summary):
        by_lang.setdefault(article.lang, article)
    shown = [by_lang[lang] for lang in ("en", "fr", "id", "vi") if lang in by_lang]
    candidates = analyzer.candidates(shown, max_words=MAX_WORDS)
    analyses = analyzer.analyze_many(shown, max_words=MAX_WORDS, method=ABSTRACTIVE)
    return [_sample(article, found[0].text, analysis) for article, found, analysis in zip(shown, candidates, analyses, strict=True)]


def _sample(article: Article, first: str, analysis: Analysis) -> dict[str, Any]:
    said = {"first candidate": first, "returned": analysis.summary.text, "method": analysis.summary.method, "warnings": list(analysis.summary.warnings)}
    return {"id": article.id, "lang": article.lang, "reference": article.summary} | said


def _readable(analyzer: Analyzer, articles: Iterable[Article]) -> list[Article]:
    kept = []
    for article in articles:
        try:
            analyzer.articles.encode(article)
        except DataError:
            continue
        kept.append(article)
    return kept


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.abstractive", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("checkpoint", type=Path, help="checkpoint folder of an encoder-decoder")
    parser.add_argument("--data-root", type=Path, required=True, help="folder that holds dev/")
    parser.add_argument(
        "--config", type=Path, default=common.ROOT / "configs/abstractive.yaml", help="config whose dev articles are read (default: %(default)s)"
    )
    parser.add_argument("--articles", type=int, default=100, help="articles of a source, from the first (default: %(default)s)")
    parser.add_argument("--output", type=Path, help="result file (default: benchmarks/results/abstractive.json)")
    options = parser.parse_args(arguments)
    console = Console(width=max(Console().width, 140))
    checkpoint = load_checkpoint(options.checkpoint)
    analyzer = Analyzer(checkpoint.model, checkpoint.tokenizer)
    corpus = load_corpus(load_config(options.config, data_root=options.data_root))
    articles = _readable(analyzer, (a for source in corpus.dev for a in [one for one in source.articles if one.summary][: options.articles]))
    figures, scores = measure(analyzer, articles)
    console.print(common.figure_table("Written summaries", figures))
    table = Table(title="ROUGE-1 (mean words)", title_justify="left")
    for name in ("system", *scores):
        table.add_column(name)
    for system in next(iter(scores.values())):
        table.add_row(system, *(f"{one[system]['rouge1']:.1f} ({one[system]['words']:.0f})" for one in scores.values()))
    console.print(table)
    settings = {"checkpoint": str(checkpoint.info["name"]), "articles": len(articles), "max_words": MAX_WORDS} | common.machine()
    result = {"settings": settings, "figures": common.figure_rows(figures), "rouge1": scores, "samples": _samples(analyzer)}
    common.write_result(options.output or common.RESULTS / "abstractive.json", result, console)


if __name__ == "__main__":
    main()
