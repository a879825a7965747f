"""The systems that benchmarks/side_by_side.py compares: how each is trained, loaded, and asked about articles.

In: articles, those to train on with their topics; a model folder. Out: a model in that folder; the topic or the summaries of each article.
Does not know: gold labels of what it is asked about, scores, time or memory.

Packages are imported where they are used, so that a process has in its memory what its own system needs, and no more.
"""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inference.article import Article

Answers = list[dict[str, str]]
"""One row an article: "topic", "summary", or a summary under the name of a method of its own."""

Ask = Callable[[Sequence["Article"]], Answers]

BROADSHEET, SPACY, FASTTEXT, SVM = "Broadsheet", "spaCy textcat", "fastText", "n-gram SVM (scikit-learn)"
LEADS, LEXRANK, TEXTRANK = "lead", "LexRank (sumy)", "TextRank (sumy)"

SEED = 13
MAX_WORDS = 60
LEAD_SENTENCES = (1, 2, 3)

OPENING_CHARACTERS = 2_000
"""Of a text that spaCy and fastText read, as many as the n-gram SVM does; on whole texts fastText was 0.8 points worse on MasakhaNEWS dev."""

SPACY_MODEL = {"@architectures": "spacy.TextCatBOW.v3", "exclusive_classes": True, "ngram_size": 1, "no_output_layer": False, "length": 262_144}
"""What `spacy init config --lang xx --pipeline textcat --optimize efficiency` writes. The ensemble with a convolutional encoder is left out:
on 300 articles it took the time of 150 seconds for a pass over 23,000, of which it needs several, and answered 175 articles a second."""

SPACY_PASSES, SPACY_BATCH, SPACY_DROPOUT = 2, 64, 0.1
"""Chosen for the dev scores, in spaCy's favor: MasakhaNEWS was best after two of up to six passes, and better than with batches of 256."""

FASTTEXT_SETTINGS = {"epoch": 10, "lr": 0.5, "wordNgrams": 1, "dim": 50, "minCount": 2}
"""Chosen for the dev scores, in fastText's favor: the best on MasakhaNEWS of nine settings with 5 to 25 passes, learning rates of 0.5 and 1,
one or two words, with and without characters. 25 passes gain 2 points on the other sources and lose 1 on MasakhaNEWS. Leaving out words that
occur once halves the file for 0.1 points of MasakhaNEWS; `quantize` then takes it from 47 to 10 MB for 0.5."""

SVM_FILE = "model.skops"
SVM_CLASSES = ["training.linear.LinearTopics", "training.linear._Classifier"]
"""What the file may hold beside scikit-learn's own classes: unlike a pickle, it runs no code when it is read."""

BOILERPLATE_THRESHOLD = 0.5  # as inference.analyzer has it, which needs torch
RANKED_SENTENCES = 100  # from the opening, as training.baselines has it: time grows with their square


@dataclass(frozen=True, slots=True)
class Contender:
    """A system: what it is trained by, how it is loaded from its folder, and the packages that it needs."""

    load: Callable[[Path], Ask]
    packages: tuple[str, ...]
    train: Callable[[Sequence["Article"], Path], None] | None = None  # None = there is nothing to train, or it was trained before


# topic


def train_spacy(articles: Sequence["Article"], folder: Path) -> None:
    import spacy
    from spacy.training import Example
    from thinc.api import fix_random_seed

    fix_random_seed(SEED)
    nlp: Any = spacy.blank("xx")
    textcat = nlp.add_pipe("textcat", config={"threshold": 0.0, "model": SPACY_MODEL})
    topics = sorted({str(article.topic) for article in articles})
    for topic in topics:
        textcat.add_label(topic)
    examples = [Example.from_dict(nlp.make_doc(opening(a)), {"cats": {topic: float(topic == a.topic) for topic in topics}}) for a in articles]
    optimizer = nlp.initialize(lambda: examples)
    random = Random(SEED)
    for _ in range(SPACY_PASSES):
        random.shuffle(examples)
        for start in range(0, len(examples), SPACY_BATCH):
            nlp.update(examples[start : start + SPACY_BATCH], drop=SPACY_DROPOUT, sgd=optimizer)
    nlp.to_disk(folder)


def load_spacy(folder: Path) -> Ask:
    import spacy

    nlp = spacy.load(folder)
    return lambda articles: [{"topic": max(doc.cats, key=lambda topic: doc.cats[topic])} for doc in nlp.pipe(map(opening, articles))]


def train_fasttext(articles: Sequence["Article"], folder: Path) -> None:
    import fasttext

    shuffled = Random(SEED).sample(articles, len(articles))  # it learns in the order of the file
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        file.writelines(f"__label__{article.topic} {opening_words(article)}\n" for article in shuffled)
        file.flush()
        model = fasttext.train_supervised(file.name, thread=1, seed=SEED, verbose=0, **FASTTEXT_SETTINGS)
    model.quantize(qnorm=True)
    model.save_model(str(folder / "model.ftz"))


def load_fasttext(folder: Path) -> Ask:
    import fasttext

    model = fasttext.load_model(str(folder / "model.ftz"))

    def ask(articles: Sequence["Article"]) -> Answers:
        labels, _ = model.predict([opening_words(article) for article in articles])
        return [{"topic": best.removeprefix("__label__")} for (best,) in labels]

    return ask


def train_svm(articles: Sequence["Article"], folder: Path) -> None:
    from skops.io import dump

    from training.linear import LinearTopics

    model = LinearTopics(sorted({str(article.topic) for article in articles})).fit(articles)
    dump(model, folder / SVM_FILE)


def load_svm(folder: Path) -> Ask:
    from skops.io import load

    model = load(folder / SVM_FILE, trusted=SVM_CLASSES)
    return lambda articles: [{"topic": max(scores, key=scores.__getitem__)} for scores in model.scores(articles)]


def opening(article: "Article") -> str:
    return f"{article.title}\n{article.text[:OPENING_CHARACTERS]}"


def opening_words(article: "Article") -> str:
    """Words between spaces, as fastText's documentation asks for; Chinese and Japanese characters are words."""
    from inference.words import words

    return " ".join(words(opening(article)))


# summary


def load_leads(_: Path) -> Ask:
    from inference.selection import join_sentences

    def ask(articles: Sequence["Article"]) -> Answers:
        sentences = map(body_sentences, articles)
        return [{f"lead-{count}": join_sentences(body[:count]) for count in LEAD_SENTENCES} for body in sentences]

    return ask


def load_lexrank(_: Path) -> Ask:
    from sumy.summarizers.lex_rank import LexRankSummarizer

    return _ranked(LexRankSummarizer())


def load_textrank(_: Path) -> Ask:
    from sumy.summarizers.text_rank import TextRankSummarizer

    return _ranked(TextRankSummarizer())


def _ranked(summarizer: Any) -> Ask:
    return lambda articles: [{"summary": ranked_summary(body_sentences(article), summarizer)} for article in articles]


def ranked_summary(sentences: Sequence[str], summarizer: Any) -> str:
    """The sentences that a summarizer of sumy rates highest, under the limit and the rules of selection that the checkpoint has."""
    from inference.selection import cut_to_words, join_sentences, select_sentences

    if not sentences:
        return ""
    salience = sumy_salience(sentences, summarizer)
    chosen = select_sentences(sentences, salience, max_words=MAX_WORDS, max_sentences=None)
    if not chosen:
        return cut_to_words(sentences[salience.index(max(salience))], MAX_WORDS)
    return join_sentences([sentences[place] for place in chosen])


def sumy_salience(sentences: Sequence[str], summarizer: Any) -> list[float]:
    """Share of each sentence in the ratings of all; 0 beyond the first RANKED_SENTENCES. Words are those of `inference.words`, none stopped."""
    import numpy as np
    from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence

    found = np.zeros(len(sentences))

    def take_all(rated: Sequence[Any]) -> Sequence[Any]:
        """Sumy hands every sentence with its place and rating to what picks among them."""
        for _, place, rating in rated:
            found[place] = rating
        return rated

    with np.errstate(invalid="ignore"):  # sentences without a word in common have no ratings
        summarizer(ObjectDocumentModel([Paragraph([Sentence(text, _Words()) for text in sentences[:RANKED_SENTENCES]])]), take_all)
    if not np.isfinite(found).all() or not found.any():
        found = np.ones(len(sentences))
    shares: list[float] = (found / max(found.sum(), 1e-9)).tolist()
    return shares


class _Words:
    """The tokenizer that sumy asks for."""

    def to_words(self, text: str) -> list[str]:
        from inference.words import words

        return words(text)


def body_sentences(article: "Article") -> list[str]:
    """The sentences that the cleaner's rules keep; all of them where the rules doubt every one."""
    from inference.cleaning import read_page

    page = read_page(article.text, article.title, article.lang)
    kept = [sentence for sentence in page.sentences if sentence.boilerplate < BOILERPLATE_THRESHOLD] or page.sentences
    return [article.text[sentence.start : sentence.end] for sentence in kept]


# both at once


def load_broadsheet(folder: Path) -> Ask:
    from inference.analyzer import Analyzer

    analyzer = Analyzer.from_pretrained(folder)

    def ask(articles: Sequence["Article"]) -> Answers:
        found = analyzer.analyze_many([replace(article, stances=()) for article in articles], max_words=MAX_WORDS, method="extractive")
        return [{"topic": str(analysis.topic.name), "summary": analysis.summary.text} for analysis in found]

    return ask


CONTENDERS = {
    BROADSHEET: Contender(load_broadsheet, ("torch",)),
    SVM: Contender(load_svm, ("sklearn", "skops"), train_svm),
    SPACY: Contender(load_spacy, ("spacy",), train_spacy),
    FASTTEXT: Contender(load_fasttext, ("fasttext",), train_fasttext),
    LEXRANK: Contender(load_lexrank, ("sumy",)),
    TEXTRANK: Contender(load_textrank, ("sumy",)),
    LEADS: Contender(load_leads, ()),
}
