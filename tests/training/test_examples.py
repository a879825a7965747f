from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
import torch

from inference.article import Article, Stance
from inference.encoding import NO_SENTENCE, ArticleTokenizer
from inference.generation import SummaryTokenizer
from inference.labels import IPTC_TOPICS, STANCES
from inference.losses import IGNORE
from inference.model import ArticleModel
from training.batches import Collator, PlannedBatches, plan_batches
from training.examples import BALANCE, Example, SourceLabels, Writing, Written, inject_lines, make_example, source_labels

TEXT = (
    "The river rose by two metres near the old bridge on Monday, the mayor of the town said.\n"
    "Two schools were closed and the children of the valley stayed at home until Friday, she added.\n"
    "Engineers will look at the walls of the harbour again next week, after the water has gone down."
)
FOOTER = "Subscribe to our newsletter and never miss a story again."


def example(encode: ArticleTokenizer, headline: bool = False, injected: tuple[str, ...] = (), **fields: object) -> Example:
    return make_example(Article(**{"text": TEXT, "lang": "en", **fields}), 0, IPTC_TOPICS, encode, headline, injected)  # type: ignore[arg-type]


def test_an_example_holds_the_tokens_and_labels_of_its_article(encode: ArticleTokenizer) -> None:
    stances = (Stance("the bridge", "favor"), Stance("the mayor", "unrelated"))
    made = example(encode, title="Floods", topic="weather", stances=stances, summary="Schools closed in the valley, the children stayed at home.")
    assert made.topic == IPTC_TOPICS.index("weather")
    assert made.stances == (0, 3)
    assert [list(ids) for ids in made.targets] == encode.encode_targets(["the bridge", "the mayor"])
    assert list(made.title) == encode.tokenizer("Floods", add_special_tokens=False)["input_ids"]
    assert len(made.sentence_lengths) == 3
    assert sum(made.sentence_lengths) == len(made.ids)
    assert made.tokens == len(made.ids) + len(made.title)
    assert made.salience is not None
    assert made.salience[1] == max(made.salience) > 0.9
    assert not made.from_headline


def test_missing_labels_stay_unknown(encode: ArticleTokenizer) -> None:
    made = example(encode, title="The river rose", stances=(Stance("only asked"),))
    assert (made.topic, made.targets, made.stances, made.salience) == (IGNORE, (), (), None)


def test_a_headline_teaches_salience_only_where_the_source_says_so_and_no_summary_stands(encode: ArticleTokenizer) -> None:
    made = example(encode, headline=True, title="Schools closed, children at home")
    assert made.from_headline
    assert made.salience is not None
    assert made.salience[1] == max(made.salience)
    summarized = example(encode, headline=True, title="Schools closed, children at home", summary="The river rose by two metres.")
    assert not summarized.from_headline
    assert summarized.salience is not None
    assert summarized.salience[0] == max(summarized.salience)


def test_known_boilerplate_is_read_and_labelled(encode: ArticleTokenizer) -> None:
    made = example(encode, text=f"{TEXT}\n{FOOTER}", boilerplate=(FOOTER,))
    assert made.boilerplate == array("i", [0, 0, 0, 1])
    assert example(encode, boilerplate=()).boilerplate == array("i", [0, 0, 0])


def test_without_annotation_what_the_rules_leave_alone_is_article_and_what_they_doubt_is_unknown(encode: ArticleTokenizer) -> None:
    doubted = "Share your photos of the flood with the town."
    assert example(encode).boilerplate == array("i", [0, 0, 0])
    assert example(encode, text=f"{TEXT}\n{doubted}").boilerplate == array("i", [0, 0, 0, IGNORE])
    assert example(encode, text=f"{TEXT}\n{doubted}", boilerplate=()).boilerplate == array("i", [0, 0, 0, 0])
    injected = example(encode, text=f"{TEXT}\n{doubted}\n{FOOTER}", boilerplate=(FOOTER,), injected=(FOOTER,))
    assert injected.boilerplate == array("i", [0, 0, 0, IGNORE, 1])


def test_injected_lines_are_labelled_wherever_they_stand(encode: ArticleTokenizer) -> None:
    for seed in range(20):
        article = inject_lines(Article(TEXT, lang="en"), [FOOTER], Random(seed))
        made = make_example(article, 0, IPTC_TOPICS, encode, False, (FOOTER,))
        assert list(made.boilerplate).count(1) == 1, article.text
        assert IGNORE not in made.boilerplate or article.text.count(FOOTER) == 1


def test_injected_lines_stand_between_the_lines_and_some_run_into_the_next() -> None:
    pages = [inject_lines(Article(TEXT), [FOOTER, "Read more"], Random(seed)) for seed in range(200)]
    for page in pages:
        assert page.boilerplate == (FOOTER, "Read more")
        assert page.text.count(FOOTER) == page.text.count("Read more") == 1
        rest = page.text.replace(FOOTER, "").replace("Read more", "")
        assert [line for line in rest.split("\n") if line] == TEXT.split("\n")
    glued = sum(FOOTER not in page.text.split("\n") for page in pages)
    assert 10 < glued < 80  # 30% of the lines that something follows
    assert Article(TEXT).boilerplate is None


def test_sources_say_what_their_labels_mean() -> None:
    articles = [Article("x", stances=(Stance("a", "favor"), Stance("b", "neutral"), Stance("c"))) for _ in range(4)]
    articles += [Article("x", stances=(Stance("a", "neutral"),) * 12)]
    labels = source_labels(articles, ("weather", "sport", "arts"), ("arts", "weather"), True)
    assert labels.topics == (2, 0)
    assert labels.neutral_covers_unrelated
    favor, against, neutral, unrelated = labels.stance_weights
    assert against == unrelated == 0.0
    assert favor / neutral == pytest.approx(4**BALANCE)  # 4 against 16
    assert (4 * favor + 16 * neutral) / 20 == pytest.approx(1.0)
    assert source_labels([Article("x")], ("a", "b"), ("a", "b"), False).stance_weights == (1.0,) * 4


def plain(tokens: int, source: int = 0, targets: int = 0) -> Example:
    ids = array("i", range(10, 10 + tokens))
    return Example(source, array("i"), ids, array("i", [tokens]), 0, (array("i", [1, 5, 2]),) * targets, (0,) * targets, None, True, None)


def plan(examples: list[Example], probabilities: list[float], **settings: int) -> list[list[int]]:
    options = {"tokens": 20_000, "batch_tokens": 400, "article_tokens": 200, "max_targets": 4, "seed": 1, **settings}
    return plan_batches(examples, probabilities, **options)


def test_a_plan_reads_the_budget_in_batches_of_like_length() -> None:
    random = Random(0)
    examples = [plain(random.randint(5, 300)) for _ in range(100)]
    batches = plan(examples, [1.0])
    sizes = [min(example.tokens, 200) for example in examples]
    read = [index for batch in batches for index in batch]
    assert sum(sizes[i] for i in read) == pytest.approx(20_000, rel=0.03)
    assert all(sum(sizes[i] for i in batch) <= 400 for batch in batches)
    assert sum(sum(sizes[i] for i in batch) for batch in batches) / len(batches) > 300  # full batches
    counts = Counter(read)
    assert max(counts.values()) - min(counts[i] for i in range(100)) <= 1  # in rounds: nothing is read twice before all were read once
    spread = [max(sizes[i] for i in batch) / min(sizes[i] for i in batch) for batch in batches]
    assert sorted(spread)[len(spread) // 2] < 1.5


def test_sources_are_visited_by_their_probability_evenly_over_the_run() -> None:
    examples = [plain(50, 0) for _ in range(500)] + [plain(50, 1) for _ in range(20)]
    batches = plan(examples, [0.75, 0.25], tokens=100_000)
    read = [examples[index].source for batch in batches for index in batch]
    assert Counter(read)[1] / len(read) == pytest.approx(0.25, abs=0.01)
    quarters = [read[i * len(read) // 4 : (i + 1) * len(read) // 4] for i in range(4)]
    assert all(quarter.count(1) / len(quarter) == pytest.approx(0.25, abs=0.05) for quarter in quarters)


def test_target_tokens_count_in_a_batch_as_many_as_are_drawn() -> None:
    batches = plan([plain(50, targets=100) for _ in range(10)], [1.0])
    assert max(map(len, batches)) == 400 // (50 + 4 * 3)


def test_an_article_larger_than_a_batch_stands_alone() -> None:
    assert all(len(batch) == 1 for batch in plan([plain(900) for _ in range(4)], [1.0], article_tokens=1000))


def test_a_plan_depends_on_its_seed_alone() -> None:
    examples = [plain(10 + i) for i in range(50)]
    assert plan(examples, [1.0]) == plan(examples, [1.0])
    assert plan(examples, [1.0]) != plan(examples, [1.0], seed=2)


def test_a_source_without_examples_is_passed_over() -> None:
    assert {i for batch in plan([plain(50)], [0.5, 0.5]) for i in batch} == {0}


def collator(encode: ArticleTokenizer, examples: list[Example], **settings: object) -> Collator:
    sources = [SourceLabels((0, 3), (1.0, 2.0, 0.5, 4.0), False), SourceLabels((1, 2), (1.0,) * 4, True)]
    options = {"max_windows": 2, "max_targets": 3, "hide_title": 0.0, "mask_tokens": 0.0, "headline_weight": 0.3, "seed": 1, **settings}
    return Collator(examples, sources, len(IPTC_TOPICS), encode, **options)  # type: ignore[arg-type]


def test_a_batch_carries_the_labels_of_each_article(encode: ArticleTokenizer) -> None:
    stances = (Stance("the bridge", "favor"), Stance("the mayor", "unrelated"))
    first = example(encode, title="Floods", topic="arts", stances=stances, summary="Schools closed in the valley.", boilerplate=())
    second = make_example(Article(TEXT, title="Children at home", lang="en"), 1, IPTC_TOPICS, encode, True)
    batch = collator(encode, [first, second], max_windows=9)([(7, [0, 1])])
    assert batch["topic_labels"].tolist() == [0, IGNORE]
    assert [row.nonzero().flatten().tolist() for row in batch["topic_allowed"]] == [[0, 3], [1, 2]]
    assert batch["stance_labels"].tolist() == [0, 3]
    assert batch["stance_weights"].tolist() == [1.0, 4.0]
    assert batch["stance_merged"].tolist() == [False, False]
    assert batch["salience_weights"].tolist() == pytest.approx([1.0, 0.3])
    assert batch["boilerplate_labels"].tolist() == [0, 0, 0, 0, 0, 0]
    assert batch["salience_targets"][:3].sum() == pytest.approx(1.0)
    assert not batch["salience_targets"][3:].any(), "a shown headline would give its own salience away"
    assert len(batch["pair_article"]) == 2


def test_a_hidden_headline_teaches_salience(encode: ArticleTokenizer) -> None:
    made = make_example(Article(TEXT, title="Children at home", lang="en"), 1, IPTC_TOPICS, encode, True)
    batch = collator(encode, [made], hide_title=1.0, max_windows=9)([(0, [0])])
    assert batch["salience_targets"].sum() == pytest.approx(1.0)
    assert not set(made.title) <= set(batch["token_ids"][batch["token_sentence"] == NO_SENTENCE].tolist())


def test_heavy_stances_are_drawn_more_often_instead_of_weighing_more(encode: ArticleTokenizer) -> None:
    stances = [Stance(f"target {number}", "against" if number < 4 else "neutral") for number in range(24)]
    made = make_example(Article(TEXT, lang="en", stances=tuple(stances)), 0, IPTC_TOPICS, encode, False)
    collate = collator(encode, [made], max_targets=6)  # against weighs 2, neutral 0.5
    batches = [collate([(place, [0])]) for place in range(200)]
    assert all(len(batch["stance_labels"]) == 6 for batch in batches)
    assert all(batch["stance_weights"].tolist() == pytest.approx([0.75] * 6) for batch in batches)  # 4 times 2 and 20 times 0.5: 18 in 24
    against = sum(int((batch["stance_labels"] == STANCES.index("against")).sum()) for batch in batches)
    assert 2.1 < against / 200 < 2.6  # a draw by weight without replacement; blind to weights it would be 1
    every = collator(encode, [made], max_targets=24)([(0, [0])])
    assert sorted(every["stance_weights"].tolist()) == [0.5] * 20 + [2.0] * 4


def test_titles_are_hidden_at_the_rate_asked_for(encode: ArticleTokenizer) -> None:
    collate = collator(encode, [example(encode, title="Zebra")], hide_title=0.5)
    shown = sum(len(collate([(place, [0])])["token_ids"]) > len(collate([(0, [0])])["token_ids"]) for place in range(60))
    hidden = sum(len(collate([(place, [0])])["token_ids"]) < len(collate([(0, [0])])["token_ids"]) for place in range(60))
    assert 15 < shown + hidden < 45


def test_what_is_random_depends_on_the_place_in_the_run_alone(encode: ArticleTokenizer) -> None:
    made = example(encode, title="Zebra", stances=tuple(Stance(f"claim {i}", STANCES[i % 4]) for i in range(20)), topic="arts")
    settings = {"hide_title": 0.5, "mask_tokens": 0.3, "max_targets": 5}
    first, again = (collator(encode, [made], **settings)([(4, [0])]) for _ in range(2))
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    others = [collator(encode, [made], **settings)([(place, [0])]) for place in range(8)]
    assert len({tuple(batch["target_ids"].tolist()) for batch in others}) > 4


def test_at_most_max_targets_are_drawn_with_their_own_labels(encode: ArticleTokenizer) -> None:
    made = example(encode, stances=tuple(Stance(f"claim {i}", STANCES[i % 4]) for i in range(20)))
    known = {tuple(ids): stance for ids, stance in zip(made.targets, made.stances, strict=True)}
    batch = collator(encode, [made])([(3, [0])])
    targets = [tuple(ids.tolist()) for ids in batch["target_ids"].split(batch["target_lengths"].tolist())]
    assert len(targets) == 3
    assert [known[target] for target in targets] == batch["stance_labels"].tolist()


def test_masked_tokens_are_words_of_sentences(encode: ArticleTokenizer) -> None:
    made = example(encode, title="Zebra", topic="arts")
    plainly, masked = (collator(encode, [made], mask_tokens=share, max_windows=9)([(0, [0])])["token_ids"] for share in (0.0, 0.4))
    changed = plainly != masked
    assert 0.2 < changed.float().mean() < 0.55
    assert set(masked[changed].tolist()) == {encode.tokenizer.mask_token_id}
    batch = collator(encode, [made], mask_tokens=0.4, max_windows=9)([(0, [0])])
    assert not changed[batch["token_sentence"] == NO_SENTENCE].any()


def test_salience_of_the_sentences_that_were_read_sums_to_one(encode: ArticleTokenizer) -> None:
    made = example(encode, summary="The river rose. Two schools closed. Engineers look at walls.")
    batch = collator(encode, [made], max_windows=1)([(0, [0])])
    assert 1 <= len(batch["salience_targets"]) < 3
    assert batch["salience_targets"].sum() == pytest.approx(1.0)


def test_planned_batches_know_their_place() -> None:
    batches = PlannedBatches([[3, 4], [5]])
    assert len(batches) == 2
    assert batches[1] == (1, [5])


SUMMARY = "Schools were closed in the valley. The children stayed at home until Friday."


@pytest.fixture
def codec(encode: ArticleTokenizer, make_writer: Callable[..., ArticleModel]) -> SummaryTokenizer:
    return SummaryTokenizer(encode.tokenizer, make_writer("bart", summary_tokens=64))


def written(encode: ArticleTokenizer, writing: Writing, **fields: object) -> tuple[Written, ...]:
    article = Article(**{"text": TEXT, "lang": "en", **fields})  # type: ignore[arg-type]
    return make_example(article, 0, IPTC_TOPICS, encode, False, writing=writing).written


def test_what_a_source_gives_the_decoder_to_learn(encode: ArticleTokenizer, codec: SummaryTokenizer) -> None:
    fields = {"title": "Floods close schools", "summary": SUMMARY, "lang": "sw"}
    both = written(encode, Writing(summaries=True, headlines=True, codec=codec), **fields)
    assert [encode.tokenizer.decode(text.prefix) for text in both] == ["sw summary:", "sw headline:"]
    assert [codec.decode(list(text.ids)) for text in both] == [SUMMARY, "Floods close schools"]
    assert [text.ids[-1] for text in both] == [encode.tokenizer.sep_token_id] * 2
    assert [(text.headline, text.whole) for text in both] == [(False, True), (True, True)]
    assert written(encode, Writing(summaries=True, headlines=False, codec=codec), **fields) == both[:1]
    assert written(encode, Writing(summaries=False, headlines=True, codec=codec), **fields) == both[1:]
    assert written(encode, Writing(summaries=True, headlines=True, codec=codec)) == ()  # neither a title nor a summary
    assert written(encode, Writing(summaries=True, headlines=True, codec=codec), title=" ", summary="\n") == ()


def test_a_text_without_a_language_is_written_in_the_one_that_was_found(encode: ArticleTokenizer, codec: SummaryTokenizer) -> None:
    (text,) = written(encode, Writing(summaries=True, headlines=False, codec=codec), summary=SUMMARY, lang="")
    assert encode.tokenizer.decode(text.prefix) == "en summary:"


def test_a_text_that_is_too_long_is_learned_up_to_a_sentence_end_or_not_at_all(encode: ArticleTokenizer, codec: SummaryTokenizer) -> None:
    first, both = (len(codec.encode(text)) for text in ("Schools were closed in the valley.", SUMMARY))
    for limit, expected, whole in ((both, SUMMARY, True), (both - 1, "Schools were closed in the valley.", False), (first - 1, "", False)):
        codec.config.summary_tokens = limit
        (text,) = written(encode, Writing(summaries=True, headlines=False, codec=codec), summary=SUMMARY)
        assert (codec.decode(list(text.ids)), text.whole) == (expected, whole)
        assert len(text.ids) <= limit


def test_a_batch_has_the_texts_to_write_behind_their_prefixes(encode: ArticleTokenizer) -> None:
    """Token ids are made up: 1 starts a text; prefixes carry no loss; the shorter text is padded on the right."""
    texts = (
        Written(array("i", [11, 12]), array("i", [21, 22, 23, 3]), headline=False, whole=True),
        Written(array("i", [13]), array("i", [31, 3]), headline=True, whole=True),
    )
    none = Written(array("i", [11, 12]), array("i"), headline=False, whole=False)
    first, second = example(encode), example(encode, title="Zebra")
    made = [replace(first, written=(none,)), replace(second, written=texts)]
    batch = collator(encode, made, decoder_start=1, decoder_headline_weight=0.25, hide_title=1.0)([(0, [0, 1])])
    assert batch["summary_article"].tolist() == [1, 1]
    assert batch["summary_inputs"].tolist() == [[1, 11, 12, 21, 22, 23], [1, 13, 31, 1, 1, 1]]
    assert batch["summary_labels"].tolist() == [[IGNORE, IGNORE, 21, 22, 23, 3], [IGNORE, 31, 3, IGNORE, IGNORE, IGNORE]]
    assert batch["summary_weights"].tolist() == [1.0, 0.25]


def test_a_shown_title_is_no_text_to_write(encode: ArticleTokenizer, codec: SummaryTokenizer) -> None:
    """The decoder would only learn to copy it."""
    made = make_example(
        Article(TEXT, title="Zebra", lang="en", summary=SUMMARY), 0, IPTC_TOPICS, encode, False, writing=Writing(summaries=True, headlines=True, codec=codec)
    )
    collate = collator(encode, [made], hide_title=0.5, decoder_start=codec.start, decoder_headline_weight=0.5)
    batches = [collate([(place, [0])]) for place in range(40)]
    title_shown = [set(made.title) <= set(batch["token_ids"][batch["token_sentence"] == NO_SENTENCE].tolist()) for batch in batches]
    assert 8 < sum(title_shown) < 32
    assert [batch["summary_weights"].tolist() for batch in batches] == [[1.0] if shown else [1.0, 0.5] for shown in title_shown]


def test_a_batch_without_texts_has_empty_tensors(encode: ArticleTokenizer) -> None:
    batch = collator(encode, [example(encode)])([(0, [0])])
    assert [tuple(batch[f"summary_{name}"].shape) for name in ("article", "inputs", "labels", "weights")] == [(0,), (0, 0), (0, 0), (0,)]
    assert {batch[f"summary_{name}"].dtype for name in ("article", "inputs", "labels")} == {torch.int64}


def test_texts_to_write_count_in_a_batch() -> None:
    text = Written(array("i", [1] * 10), array("i", [1] * 40), headline=False, whole=True)
    batches = plan([replace(plain(50), written=(text,)) for _ in range(10)], [1.0])
    assert max(map(len, batches)) == 400 // 100
