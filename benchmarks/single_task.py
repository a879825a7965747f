"""Topic, stance and summary as three separate models would answer them: each reads, tokenizes and encodes the articles for itself.

In: an `Analyzer` whose backbone and heads stand for all three, and articles. Out: the answers, plain. Does not know: clocks.
"""

from collections.abc import Sequence

import torch

from inference.analyzer import Analyzer
from inference.article import Article
from inference.batch import Batch, BatchItem, collate
from inference.encoding import EncodedArticle
from inference.heads import Tokens
from inference.model import ArticleModel
from inference.selection import join_sentences, select_sentences


@torch.inference_mode()
def topics(analyzer: Analyzer, articles: Sequence[Article]) -> list[list[float]]:
    """Topic probabilities of each article."""
    _, batch = _read(analyzer, articles, targets=False)
    model = analyzer.model
    article, _ = _encode(model, batch)
    found: list[list[float]] = model.topic_head(model.topic_head.pool(article, batch["token_article"], len(articles))).softmax(-1).tolist()
    return found


@torch.inference_mode()
def stances(analyzer: Analyzer, articles: Sequence[Article]) -> list[list[float]]:
    """Stance probabilities of each article and target, in order."""
    _, batch = _read(analyzer, articles, targets=True)
    model = analyzer.model
    article, target = _encode(model, batch)
    rows = (batch["row_article"], batch["row_tokens"], batch["row_pairs"], batch["pair_article"])
    logits = model.stance_reader(article, batch["token_article"], len(articles), target, *rows)
    found: list[list[float]] = logits.softmax(-1).tolist()
    return found


@torch.inference_mode()
def summaries(analyzer: Analyzer, articles: Sequence[Article], max_words: int) -> list[str]:
    """An extractive summary of each article."""
    encoded, batch = _read(analyzer, articles, targets=False)
    model = analyzer.model
    article, _ = _encode(model, batch)
    vectors = model.topic_head.pool(article, batch["token_article"], len(articles))
    sentences = (batch["token_sentence"], batch["sentence_article"], batch["sentence_place"])
    salience, _ = model.sentence_head(article, batch["token_article"], *sentences, vectors)
    counts = torch.bincount(batch["sentence_article"], minlength=len(articles)).tolist()
    found = []
    for page, logits in zip(encoded, salience.split(counts), strict=True):
        texts = [page.page.text[sentence.start : sentence.end] for sentence in page.page.sentences[: len(logits)]]
        chosen = select_sentences(texts, logits.softmax(-1).tolist(), max_words=max_words, max_sentences=None)
        found.append(join_sentences([texts[index] for index in chosen]))
    return found


def _encode(model: ArticleModel, batch: Batch) -> tuple[Tokens, Tokens]:
    return model.read_tokens(batch["token_ids"], batch["window_lengths"], batch["target_ids"], batch["target_lengths"])


def _read(analyzer: Analyzer, articles: Sequence[Article], targets: bool) -> tuple[list[EncodedArticle], Batch]:
    """Clean and tokenize the articles, with their targets where they are asked about, as one batch."""
    encode = analyzer.articles
    encoded = [encode.encode(article) for article in articles]
    items = []
    for article in encoded:
        windows, held = encode.windows(article.title_ids, article.sentence_ids)
        asked = encode.encode_targets([stance.target for stance in article.article.stances]) if targets else []
        items.append(BatchItem(windows, held, len(article.page.sentences), asked))
    return encoded, collate(items)
