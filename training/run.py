"""One training run, from a config to an exported checkpoint; reads like a table of contents.

In: a `RunConfig`. Out: the folder `<output>/checkpoint` with the best weights, and beside it the resolved config, TensorBoard
events and the Trainer's own states for resuming. Does not know: the command line, or how things are printed.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from random import Random

from transformers import EarlyStoppingCallback, set_seed

from inference.analyzer import Analyzer
from inference.checkpoint import save_checkpoint
from inference.encoding import ArticleTokenizer
from inference.generation import SummaryTokenizer
from inference.model import ArticleModel
from training.adapters import merge_adapters
from training.arguments import training_arguments
from training.batches import Collator, PlannedBatches, plan_batches
from training.build import build_model, build_tokenizer
from training.config import RunConfig, Source
from training.config_file import config_to_yaml
from training.corpus import Corpus, load_corpus
from training.decoder import compare_methods
from training.dev import calibrate_on_dev, check_nothing_generated, check_selected_scores, score_dev, written_articles
from training.duplicates import to_bytes
from training.examples import Example, SourceLabels, Writing, inject_lines, make_example, source_labels, token_rarity
from training.leakage import TRAINING_ARTICLES, TRAINING_TARGETS, target_digests
from training.ngram_models import fit_ngrams
from training.run_description import RunResult, curves, describe_config, describe_run
from training.run_folder import claim_data, claim_output, last_complete_state, list_left_out
from training.salience_model import fit_salience
from training.trainer import SCORE, ArticleTrainer, ReadableLog, on_main_process

LOG_LINES = 50
"""Training log entries in a run, whatever its length."""

MAX_INJECTED = 4
"""Boilerplate lines put into a clean article, at most."""

SHORT_TEXT_CHARACTERS = 400
"""A text of up to this many characters, about a paragraph, stays as it is: posts, headlines and claims come without a page around them,
and injected lines would outweigh them."""

Progress = Callable[[str, int, int], None]
"""(what is being done, done, of how many)"""


def train(config: RunConfig, *, resume: bool = False, write: Callable[[str], None] = lambda line: None, progress: Progress = lambda *_: None) -> RunResult:
    """Run the whole job. With `resume`, go on from the last saved state of the same config; raises `ConfigError` if it differs.

    Raises `RunStopped` where SIGTERM ended the training; its state is saved.
    """
    output = config.output
    claim_output(config.output, config_to_yaml(config), resume)
    set_seed(config.seed)
    arguments = training_arguments(
        config.output,
        config.seed,
        config.training,
        activation_checkpointing=config.training.gradient_checkpointing,
        load_best_model_at_end=True,
        metric_for_best_model=SCORE,
        greater_is_better=True,
    )

    corpus = load_corpus(config)
    claim_data(config.output, corpus.digests, resume)
    list_left_out(config, corpus, write)
    check_selected_scores(config, corpus)
    with arguments.main_process_first(local=False, desc="tokenizer"):
        tokenizer = build_tokenizer(config, corpus)
    model = build_model(config, tokenizer)
    encode = ArticleTokenizer(tokenizer, config.model.window_tokens, config.model.max_windows, config.model.target_tokens)
    codec = SummaryTokenizer(tokenizer, model) if model.config.summary_prefix and config.losses.summary else None
    examples = build_examples(config, corpus, encode, codec, progress)
    list_cut_summaries(examples, config.model.decoder.tokens, write)
    if not any(text.ids and not text.headline for example in examples for text in example.written):
        model.config.summary_prefix = ""  # a decoder that never saw a summary is not asked for one
        check_nothing_generated(config)
        if codec is not None:
            write("no summary is learned, only headlines: the checkpoint will not write summaries")
    sources = [source_labels(s.articles, config.data.topics, s.topic_labels, s.source.neutral_covers_unrelated) for s in corpus.train]
    model.token_rarity.copy_(token_rarity(examples, len(model.token_rarity), tokenizer.all_special_ids))
    if arguments.process_index == 0:  # the others are sent the buffers when they meet
        fit_ngrams(model, corpus.train, sources, config.seed, progress)
        if model.word_salience is not None and model.loss_weights["salience"]:
            fit_salience(model.word_salience, corpus.train, config.losses.headline_salience, config.training.hide_title, config.seed, progress)
    batches = _plan(config, corpus, examples)
    arguments.logging_steps = max(1, len(batches) // (config.training.accumulation * arguments.world_size * LOG_LINES))

    def score(scored: ArticleModel) -> dict[str, float]:
        return score_dev(config, corpus, Analyzer(scored, tokenizer), codec)

    trainer = ArticleTrainer(
        model=model,
        args=arguments,
        train_dataset=PlannedBatches(batches),
        eval_dataset=PlannedBatches(batches[:1]),  # the stock loop wants one; `score` reads the dev articles
        data_collator=_collator(config, examples, sources, encode, codec),
        score=score,
        embedding_learning_rate=config.training.embedding_learning_rate,
        callbacks=[EarlyStoppingCallback(config.training.patience), ReadableLog(write, progress)],
    )
    last = last_complete_state(output) if resume else None
    trainer.train(resume_from_checkpoint=last)
    read = batches[: trainer.state.global_step * config.training.accumulation * arguments.world_size]
    most = config.training.max_windows * config.model.window_tokens
    tokens = sum(min(examples[index].tokens, most) for batch in read for index in batch)
    best = trainer.state.best_global_step or trainer.state.global_step
    scores = next(entry for entry in reversed(trainer.state.log_history) if SCORE in entry and entry["step"] == best)
    scores = {name.removeprefix("eval_"): value for name, value in scores.items() if name.startswith("eval_")}
    result = RunResult(output / "checkpoint", best, trainer.state.global_step, scores, trainer.seconds, tokens)

    def export() -> None:
        best_model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)  # in float32, as everybody will load it
        merge_adapters(best_model)
        calibrations = calibrate_on_dev(config, corpus, Analyzer(best_model, tokenizer))
        targets = target_digests(article for source in corpus.train for article in source.articles)
        files = {TRAINING_ARTICLES: to_bytes(corpus.signatures), TRAINING_TARGETS: targets}
        info = (
            describe_config(config, corpus)
            | describe_run(arguments, best_model, result)
            | {"calibration": {task: asdict(one) for task, one in calibrations.items()}}
        )
        if best_model.config.summary_prefix:
            methods = compare_methods(Analyzer(best_model, tokenizer), written_articles(config, corpus))
            best_model.config.summary_method = methods.better
            info["summaries"] = asdict(methods)
            write(
                f'method "auto" of this checkpoint is {methods.better}: dev ROUGE-1 {methods.extractive:.1f} of chosen sentences, '
                f"{methods.abstractive:.1f} of written and checked summaries ({methods.refused:.0%} refused)"
            )
        save_checkpoint(result.checkpoint, best_model, tokenizer, info | {"history": curves(trainer.state.log_history)}, files)

    on_main_process(trainer.accelerator, export)
    return result


def build_examples(config: RunConfig, corpus: Corpus, encode: ArticleTokenizer, codec: SummaryTokenizer | None, progress: Progress) -> list[Example]:
    """Encode every training article; a share of the clean ones, drawn here once for the whole run, gets boilerplate lines of the corpus put in."""
    random = Random(config.seed)
    pool = boilerplate_pool(corpus)
    total = sum(len(source.articles) for source in corpus.train)
    examples: list[Example] = []
    for number, source in enumerate(corpus.train):
        writing = _writing(source.source, codec)
        for article in source.articles:
            lines: tuple[str, ...] = ()
            if pool and not article.boilerplate and len(article.text) > SHORT_TEXT_CHARACTERS and random.random() < config.training.inject_boilerplate:
                choices = pool.get(article.lang) or pool["en" if "en" in pool else min(pool)]
                lines = tuple(random.sample(choices, min(len(choices), random.randint(1, MAX_INJECTED))))
                article = inject_lines(article, lines, random)
            examples.append(make_example(article, number, config.data.topics, encode, source.source.headline_as_summary, lines, writing))
            if len(examples) % 200 == 0 or len(examples) == total:
                progress("reading articles", len(examples), total)
    return examples


def list_cut_summaries(examples: Sequence[Example], limit: int, write: Callable[[str], None]) -> None:
    """Say how many texts the decoder learns in part or not at all, because they are longer than `limit` tokens."""
    texts = [text for example in examples for text in example.written]
    cut, left_out = sum(bool(text.ids) and not text.whole for text in texts), sum(not text.ids for text in texts)
    if cut or left_out:
        write(
            f"texts to write: {len(texts):,}; longer than model.decoder.tokens, {limit}: {cut:,} were cut at a sentence end, "
            f"{left_out:,} whose first sentence is longer were left out"
        )


def _writing(source: Source, codec: SummaryTokenizer | None) -> Writing | None:
    """What the decoder, where there is one, learns to write from a source."""
    if codec is None:
        return None
    return Writing(source.generate in ("summary", "both"), source.generate in ("headline", "both"), codec)


def boilerplate_pool(corpus: Corpus) -> dict[str, list[str]]:
    """Known boilerplate lines of the training articles, by language, in a fixed order."""
    pool: dict[str, set[str]] = {}
    for source in corpus.train:
        for article in source.articles:
            if article.boilerplate:
                pool.setdefault(article.lang, set()).update(article.boilerplate)
    return {lang: sorted(lines) for lang, lines in pool.items()}


def _plan(config: RunConfig, corpus: Corpus, examples: Sequence[Example]) -> list[list[int]]:
    return plan_batches(
        examples,
        corpus.probabilities,
        tokens=config.training.tokens,
        batch_tokens=config.training.batch_tokens,
        article_tokens=config.training.max_windows * config.model.window_tokens,
        max_targets=config.training.max_targets,
        seed=config.seed,
    )


def _collator(
    config: RunConfig, examples: Sequence[Example], sources: Sequence[SourceLabels], encode: ArticleTokenizer, codec: SummaryTokenizer | None
) -> Collator:
    return Collator(
        examples=examples,
        sources=sources,
        topics=len(config.data.topics),
        encode=encode,
        max_windows=config.training.max_windows,
        max_targets=config.training.max_targets,
        hide_title=config.training.hide_title,
        mask_tokens=config.training.mask_tokens,
        headline_weight=config.losses.headline_salience,
        seed=config.seed,
        decoder_start=codec.start if codec else 0,
        decoder_headline_weight=config.losses.headline_generation,
    )
