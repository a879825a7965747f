"""The dev articles of a run: which are read, what they score while it trains, and what is fitted on them before the export.

In: a `RunConfig`, its corpus, an `Analyzer`. Out: scores by name, temperatures and weights of what answers beside the encoder; a `ConfigError` where a
selected score cannot be had. Does not know: the Trainer, files.
"""

from random import Random

from inference.analysis import EXTRACTIVE
from inference.analyzer import Analyzer
from inference.article import Article
from inference.errors import ConfigError
from inference.generation import SummaryTokenizer
from training.calibration import Calibration, calibrate
from training.config import RunConfig
from training.corpus import Corpus
from training.decoder import decoder_scores
from training.evaluation import HeldOut, dev_scores, evaluate


def check_selected_scores(config: RunConfig, corpus: Corpus) -> None:
    """Raise `ConfigError` where training.select names a score that no dev article has a label for."""
    articles = scored_articles(config, corpus)
    gold = {
        "topic": any(article.topic for article in articles),
        "stance": any(stance.stance for article in articles for stance in article.stances),
        "rouge": any(article.summary for article in articles),
        "chrf": any(article.summary for article in articles),
        "generated": bool(written_articles(config, corpus)),
    }
    for name in config.training.select:
        if name.startswith("generated") and config.model.backbone.has_decoder is False:  # of a pretrained backbone, `build_model` knows
            raise ConfigError(f"training.select: {name} cannot be computed, since this backbone has no decoder. Select other scores.")
        if not next(found for task, found in gold.items() if name.startswith(task)):
            raise ConfigError(
                f"training.select: {name} cannot be computed, since no dev article has such a label. "
                "Add one, raise training.dev_articles, or select other scores."
            )


def check_nothing_generated(config: RunConfig) -> None:
    """Raise `ConfigError` where training.select names a score of written summaries, since the run learns to write none."""
    wanted = [name for name in config.training.select if name.startswith("generated")]
    if wanted:
        raise ConfigError(
            f"training.select: {', '.join(wanted)} cannot be computed, since no summary is learned: losses.summary is 0, no source with "
            "`generate: summary` or `both` has one, or all are longer than model.decoder.tokens. Select other scores, or correct that."
        )


def scored_articles(config: RunConfig, corpus: Corpus) -> list[Article]:
    """The dev articles that every evaluation of the run reads: all, or a seeded sample of each source."""
    articles: list[Article] = []
    for source in corpus.dev:
        most = config.training.dev_articles
        articles += source.articles if most is None or len(source.articles) <= most else Random(config.seed).sample(source.articles, most)
    return articles


def score_dev(config: RunConfig, corpus: Corpus, analyzer: Analyzer, codec: SummaryTokenizer | None) -> dict[str, float]:
    """The scores of an evaluation during training; `score` is the mean of the selected ones, by which the best checkpoint is picked.

    The model is calibrated first, as it would be for an export: how much the n-grams count beside an encoder depends on how good that is by now.
    """
    calibrate_on_dev(config, corpus, analyzer)
    held_out = HeldOut(
        scored_articles(config, corpus),
        topic_labels={source.source.name: source.topic_labels for source in corpus.dev},
        neutral_covers_unrelated=[source.source.name for source in corpus.dev if source.source.neutral_covers_unrelated],
    )
    scores = dev_scores(evaluate(analyzer, held_out, method=EXTRACTIVE, baselines=False, replicates=0))
    if codec is not None and analyzer.summaries is not None:
        scores |= decoder_scores(analyzer, codec, written_articles(config, corpus))
    return {"score": sum(scores[name] for name in config.training.select) / len(config.training.select), **scores}


def written_articles(config: RunConfig, corpus: Corpus) -> list[Article]:
    """The dev articles whose summaries are written in every evaluation: a bounded, seeded sample of each source that has summaries."""
    articles: list[Article] = []
    for source in corpus.dev:
        summed_up = [article for article in source.articles if article.summary]
        articles += Random(config.seed).sample(summed_up, min(config.training.generated_articles, len(summed_up)))
    return articles


def calibrate_on_dev(config: RunConfig, corpus: Corpus, analyzer: Analyzer) -> dict[str, Calibration]:
    """Fit the weights of n-grams and words and the temperatures on the dev articles that the run is scored by, and put them into the model's config."""
    merged = [source.source.name for source in corpus.dev if source.source.neutral_covers_unrelated]
    found = calibrate(analyzer, scored_articles(config, corpus), merged)
    settings = analyzer.model.config
    settings.topic_temperature, settings.topic_ngram_weight = found["topic"].temperature, found["topic"].weight
    settings.stance_temperature, settings.stance_ngram_weight = found["stance"].temperature, found["stance"].weight
    settings.salience_temperature, settings.salience_word_weight = found["salience"].temperature, found["salience"].weight
    return found
