"""The search of tiny decoders with random weights, which write as long and as wild as they may; and of one that was taught something."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import product
from math import ceil
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from transformers import (
    AddedToken,
    AutoModel,
    AutoModelForSeq2SeqLM,
    ByT5Tokenizer,
    DynamicCache,
    EncoderDecoderCache,
    PreTrainedTokenizerBase,
    T5GemmaConfig,
    set_seed,
)
from transformers.modeling_outputs import BaseModelOutput

from inference import analyze, summarize
from inference import generation as module
from inference.analyzer import Analyzer
from inference.article import Article, write_articles
from inference.batch import BatchItem, collate
from inference.checkpoint import load_checkpoint, save_checkpoint
from inference.encoding import ArticleTokenizer
from inference.generation import BEAMS, Candidate, Request, SummaryTokenizer, write
from inference.labels import IPTC_TOPICS
from inference.model import ArticleModel
from inference.sentences import ends_sentence
from inference.words import count_words
from training.batches import Collator
from training.config import load_config
from training.examples import SourceLabels, Writing, make_example
from training.run import train
from training.vocabulary import train_tokenizer

MakeWriter = Callable[..., ArticleModel]
KINDS = ["t5", "bart"]


class Recorder(SummaryTokenizer):
    """Keeps the token ids of every text that the search found, up to the end token and with it."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, model: ArticleModel) -> None:
        super().__init__(tokenizer, model)
        self.found: list[list[int]] = []

    def decode(self, ids: list[int]) -> str:
        self.found.append(ids[: ids.index(self.end) + 1] if self.end in ids else ids)
        return super().decode(ids)


def short(articles: Sequence[Article]) -> list[Article]:
    """The openings of articles, without titles: a few windows each."""
    return [Article(article.text[:250], article.id, article.lang) for article in articles]


def ask(
    model: ArticleModel, encode: ArticleTokenizer, codec: SummaryTokenizer, articles: Sequence[Article], requests: Sequence[Request]
) -> list[list[Candidate]]:
    """What the decoder writes when it is asked directly, `Request.article` counting in `articles`."""
    items = []
    for article in articles:
        encoded = encode.encode(article)
        windows, held = encode.windows(encoded.title_ids, encoded.sentence_ids)
        items.append(BatchItem(windows, held, len(encoded.page.sentences), []))
    batch = collate(items)
    with torch.inference_mode():
        states = model(**batch).token_states
    return write(model, codec, states, batch["token_article"], requests)


def request(article: int, lang: str = "en", max_words: int | None = 60, max_sentences: int | None = None, tokens_per_word: float = 2.0) -> Request:
    return Request(article, lang, max_words, max_sentences, tokens_per_word)


def likely(model: ArticleModel, ids: Sequence[int], bonus: float) -> None:
    """Add `bonus` to the logits of some tokens of a BART."""
    with torch.no_grad():
        model.backbone.final_logits_bias[0, list(ids)] += bonus


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_gives_what_its_articles_give_alone_in_any_order(
    kind: str, make_writer: MakeWriter, tokenizer: PreTrainedTokenizerBase, one_a_language: list[Article]
) -> None:
    analyzer = Analyzer(make_writer(kind, summary_tokens=24), tokenizer)
    articles = short(one_a_language)
    articles.append(articles[2])  # once more: the same text twice
    together = list(analyzer.candidates(articles, max_words=9))
    backwards = list(analyzer.candidates(articles[::-1], max_words=9))[::-1]
    assert [len(found) for found in together] == [BEAMS] * 14
    assert len({found[0].text for found in together}) >= 10, "the articles must differ for this test to mean anything"
    for number, article in enumerate(articles):
        (alone,) = analyzer.candidates([article], max_words=9)
        for found in (together[number], backwards[number]):
            assert [candidate.text for candidate in found] == [candidate.text for candidate in alone], article.lang
            assert [candidate.score for candidate in found] == pytest.approx([candidate.score for candidate in alone], abs=1e-4)
    assert list(analyzer.candidates(articles, max_words=9)) == together  # bit for bit


def test_candidates_are_different_texts_the_most_probable_first(
    make_writer: MakeWriter, tokenizer: PreTrainedTokenizerBase, one_a_language: list[Article]
) -> None:
    for found in Analyzer(make_writer("bart"), tokenizer).candidates(short(one_a_language[:4])):
        scores = [candidate.score for candidate in found]
        assert scores == sorted(scores, reverse=True)
        assert all(score < 0 for score in scores)
        assert len({candidate.text for candidate in found}) == BEAMS


def test_a_score_is_the_mean_log_probability_of_the_tokens(
    make_writer: MakeWriter, encode: ArticleTokenizer, tokenizer: PreTrainedTokenizerBase, one_a_language: list[Article]
) -> None:
    """The stock decoder reads each text again, prefix in front; some end by themselves, others met their budget."""
    model = make_writer("bart", summary_tokens=20)
    codec = Recorder(tokenizer, model)
    likely(model, [codec.end], 5.0)
    articles = short(one_a_language[:3])
    found = ask(model, encode, codec, articles, [request(number, max_words=None) for number in range(3)])
    prompt = [codec.start, *codec.prefix("en")]
    for number, article in enumerate(articles):
        encoded = encode.encode(article)
        windows, _ = encode.windows(encoded.title_ids, encoded.sentence_ids)
        expected = []
        for ids in codec.found[number * BEAMS : (number + 1) * BEAMS]:
            with torch.no_grad():
                states = torch.cat([model.backbone.get_encoder()(input_ids=torch.tensor([window.ids])).last_hidden_state for window in windows], 1)
                logits = model.backbone(encoder_outputs=(states,), decoder_input_ids=torch.tensor([[*prompt, *ids[:-1]]])).logits[0, len(prompt) - 1 :]
            expected.append(logits.log_softmax(-1)[torch.arange(len(ids)), ids].mean().item())
        assert [candidate.score for candidate in found[number]] == pytest.approx(sorted(expected, reverse=True), abs=1e-4)
    assert len({len(ids) for ids in codec.found}) > 3


@pytest.mark.parametrize(
    ("max_words", "tokens_per_word", "budget"),
    [(5, 2.0, 14), (10, 2.5, 34), (3, 1.0, 8), (None, 2.0, 40), (60, 3.0, 40)],  # 1.3 times, rounded up, and the end token; 8 at least; 40 at most
)
def test_a_text_ends_within_the_tokens_of_its_words(
    max_words: int | None,
    tokens_per_word: float,
    budget: int,
    make_writer: MakeWriter,
    encode: ArticleTokenizer,
    tokenizer: PreTrainedTokenizerBase,
    one_a_language: list[Article],
) -> None:
    model = make_writer("bart", summary_tokens=40)
    codec = Recorder(tokenizer, model)
    likely(model, [codec.end], -50.0)  # it would never end by itself
    long = request(1, max_words=None)
    ask(model, encode, codec, short(one_a_language[:2]), [request(0, max_words=max_words, tokens_per_word=tokens_per_word), long])
    assert [len(ids) for ids in codec.found] == [budget] * BEAMS + [40] * BEAMS
    assert all(ids[-1] == codec.end for ids in codec.found)


def test_a_text_is_never_empty(make_writer: MakeWriter, encode: ArticleTokenizer, tokenizer: PreTrainedTokenizerBase, one_a_language: list[Article]) -> None:
    model = make_writer("bart")
    codec = Recorder(tokenizer, model)
    likely(model, [codec.end], 50.0)
    ask(model, encode, codec, short(one_a_language[:1]), [request(0)])
    assert all(len(ids) >= 2 and ids.index(codec.end) >= 1 for ids in codec.found)


def recurring(ids: Sequence[int], size: int) -> bool:
    grams = [tuple(ids[place : place + size]) for place in range(len(ids) - size + 1)]
    return len(set(grams)) < len(grams)


def test_nothing_is_said_twice(
    make_writer: MakeWriter, encode: ArticleTokenizer, tokenizer: PreTrainedTokenizerBase, one_a_language: list[Article], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three words are 3 tokens in one request and 8 in the other."""
    model = make_writer("t5", summary_tokens=40)
    requests = [request(0, max_words=None, tokens_per_word=1.0), request(0, max_words=None, tokens_per_word=2.5)]

    def found() -> list[list[int]]:
        codec = Recorder(tokenizer, model)
        likely_words(model)
        ask(model, encode, codec, short(one_a_language[:1]), requests)
        return codec.found

    texts = found()
    assert not any(recurring(ids, 3) for ids in texts[:BEAMS])
    assert not any(recurring(ids, 8) for ids in texts[BEAMS:])
    assert any(recurring(ids, 3) for ids in texts[BEAMS:]), "the longer limit must leave room for this test to mean anything"
    monkeypatch.setattr(module, "REPEAT_WORDS", 100)
    assert any(recurring(ids, 8) for ids in found())


def likely_words(model: ArticleModel) -> None:
    """Make a T5 say the same few tokens: the others have no weight in its output."""
    with torch.no_grad():
        model.backbone.lm_head.weight = torch.nn.Parameter(model.backbone.lm_head.weight.clone())  # apart from the input's
        model.backbone.lm_head.weight[60:] = 0.0
        model.backbone.lm_head.weight[:60] *= 8.0


def test_control_tokens_and_ids_without_a_token_never_come_out(make_writer: MakeWriter, one_a_language: list[Article]) -> None:
    """A byte tokenizer has 3 special tokens, 256 bytes and 125 sentinels; the model knows 16 ids more, as mT5 does."""
    byte_tokenizer = ByT5Tokenizer()
    model = make_writer("bart", vocabulary=byte_tokenizer)
    model.backbone.resize_token_embeddings(400)
    encode = ArticleTokenizer(byte_tokenizer, window_tokens=64, max_windows=16, target_tokens=16)
    codec = Recorder(byte_tokenizer, model)
    wild = [0, 2, *range(259, 400)]
    assert codec.forbidden == wild
    likely(model, wild, 90.0)
    (found,) = ask(model, encode, codec, short(one_a_language[:1]), [request(0, max_words=None)])
    assert {token for ids in codec.found for token in ids} <= {1, *range(3, 259)}
    assert not any("<" in candidate.text and "extra_id" in candidate.text for candidate in found)


def test_what_is_written_is_told_by_the_prefix(make_writer: MakeWriter, tokenizer: PreTrainedTokenizerBase) -> None:
    codec = SummaryTokenizer(tokenizer, make_writer("t5", summary_prefix="write {lang}, in {lang}:", headline_prefix="title:"))
    assert tokenizer.decode(codec.prefix("sw")) == "write sw, in sw:"
    assert tokenizer.decode(codec.prefix("sw", headline=True)) == "title:"
    assert tokenizer.decode(codec.prefix("")) == "write , in :"
    assert not {*codec.prefix("sw"), *codec.prefix("sw", headline=True)} & {*tokenizer.all_special_ids}


@pytest.mark.parametrize("kind", KINDS)
def test_requests_of_one_call_may_have_prefixes_of_different_length(
    kind: str,
    make_writer: MakeWriter,
    encode: ArticleTokenizer,
    tokenizer: PreTrainedTokenizerBase,
    one_a_language: list[Article],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = make_writer(kind, summary_tokens=16)
    codec = SummaryTokenizer(tokenizer, model)
    articles = short(one_a_language[:3])
    requests = [request(2, "qqx"), request(0, "en"), request(1, "qqx"), request(1, "en")]
    lengths = [len(codec.prefix(one.lang)) for one in requests]
    assert len(set(lengths)) == 2, "the prefixes must differ in length for this test to mean anything"
    given: list[list[int]] = []
    generate = model.backbone.generate

    def watched(**options: Any) -> Any:
        given.extend(options["decoder_input_ids"].tolist())
        return generate(**options)

    monkeypatch.setattr(model.backbone, "generate", watched)
    together = ask(model, encode, codec, articles, requests)
    assert sorted(given) == sorted([codec.start, *codec.prefix(one.lang)] for one in requests)
    for one, found in zip(requests, together, strict=True):
        (alone,) = ask(model, encode, codec, articles, [one])
        assert [candidate.text for candidate in found] == [candidate.text for candidate in alone]
        assert [candidate.score for candidate in found] == pytest.approx([candidate.score for candidate in alone], abs=1e-4)
    assert together[2] != together[3]  # of one article, told apart by the language


def cut(text: str, lang: str, max_words: int | None = None, max_sentences: int | None = None, *, finished: bool = True) -> str:
    return module._cut(text, request(0, lang, max_words, max_sentences), finished=finished)


@pytest.mark.parametrize(
    ("lang", "text", "max_words", "kept"),
    [
        ("en", "Rain fell. The river rose by two metres. Nobody was hurt.", 8, "Rain fell. The river rose by two metres."),
        ("en", "Rain fell. The river rose by two metres. Nobody was hurt.", 7, "Rain fell."),
        ("en", "Dr. Weber met him at 3.5 metres. He left.", 7, "Dr. Weber met him at 3.5 metres."),
        ("ru", "Пошёл дождь. Река поднялась на два метра.", 6, "Пошёл дождь."),
        ("el", "Πού πήγε; Κανείς δεν ξέρει.", 3, "Πού πήγε;"),
        ("hy", "Անձրև եկավ։ Գետը բարձրացավ երկու մետր։", 3, "Անձրև եկավ։"),
        ("ar", "هطل المطر. هل ارتفع النهر؟", 3, "هطل المطر."),
        ("ur", "بارش ہوئی۔ دریا دو میٹر بڑھ گیا۔", 3, "بارش ہوئی۔"),
        ("hi", "बारिश हुई। नदी दो मीटर बढ़ी।", 4, "बारिश हुई।"),
        ("am", "ዝናብ ዘነበ። ወንዙ ሁለት ሜትር ከፍ አለ።", 3, "ዝናብ ዘነበ።"),
        ("zh", "下雨了。河水上涨两米。无人受伤。", 5, "下雨了。河水上涨两米。"),  # 9 characters are 5 words
        ("zh", "下雨了。河水上涨两米。无人受伤。", 4, "下雨了。"),
        ("ja", "雨が降った。川の水位が上がった。", 5, "雨が降った。"),
        ("ko", "비가 왔다. 강물이 2미터 불었다.", 3, "비가 왔다."),
        ("my", "မိုးရွာသည်။ မြစ်ရေတက်သည်။", 3, "မိုးရွာသည်။"),
        ("km", "ភ្លៀងធ្លាក់។ ទន្លេឡើងពីរម៉ែត្រ។", 4, "ភ្លៀងធ្លាក់។"),
        ("de", "Er sagte: „Es regnet.“ Dann ging er.", 4, "Er sagte: „Es regnet.“"),
        ("fr", "Il a dit « non ! ». Puis il est parti.", 5, "Il a dit « non ! »."),
    ],
)
def test_a_text_keeps_whole_sentences_within_its_words(lang: str, text: str, max_words: int, kept: str) -> None:
    assert cut(text, lang, max_words) == kept
    assert count_words(kept) <= max_words
    assert cut(text, lang, 100) == text


def test_a_text_whose_first_sentence_is_too_long_is_left_to_the_check() -> None:
    assert cut("The river rose by two metres.", "en", 5) == "The river rose by two metres."


def test_a_text_keeps_as_many_sentences_as_are_asked_for() -> None:
    assert cut("One. Two. Three.", "en", max_sentences=2) == "One. Two."
    assert cut("下雨了。河水上涨两米。", "zh", max_sentences=1) == "下雨了。"


@pytest.mark.parametrize(
    ("lang", "text", "kept"),
    [
        ("en", "Rain fell. The river rose by two", "Rain fell."),
        ("en", "Rain fell. The river rose to 3.", "Rain fell."),  # "3.5 metres", cut by the budget
        ("zh", "下雨了。河水上涨", "下雨了。"),
        ("hi", "बारिश हुई। नदी दो", "बारिश हुई।"),
        ("en", "The river rose by two", "The river rose by two –"),  # the check refuses it
        ("th", "ฝนตกหนักในวันจันทร์แล", "ฝนตกหนักในวันจันทร์แล –"),  # cut inside และ
    ],
)
def test_a_text_that_met_its_budget_loses_its_last_sentence(lang: str, text: str, kept: str) -> None:
    assert cut(text, lang, 100, finished=False) == kept


def test_a_cached_step_reads_all_of_the_article() -> None:
    """The layers of T5Gemma attend to a few tokens around their own, but to all of the article."""
    half = {"vocab_size": 100, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 2, "head_dim": 8}
    half |= {"num_key_value_heads": 1, "sliding_window": 8}
    set_seed(0)
    backbone = AutoModelForSeq2SeqLM.from_config(T5GemmaConfig(encoder=half, decoder=half, vocab_size=100)).eval()
    memory = BaseModelOutput(torch.randn(1, 60, 16))
    ids = torch.tensor([[5, 6, 7]])
    cache = EncoderDecoderCache(DynamicCache(config=backbone.config.get_text_config(decoder=True)), module._MemoryCache())
    with torch.no_grad():
        whole = backbone(encoder_outputs=memory, decoder_input_ids=ids, use_cache=False).logits[0, -1]
        backbone(encoder_outputs=memory, decoder_input_ids=ids[:, :2], past_key_values=cache, use_cache=True)
        step = backbone(encoder_outputs=memory, decoder_input_ids=ids[:, 2:], past_key_values=cache, use_cache=True).logits[0, -1]
    torch.testing.assert_close(step, whole, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("lang", "code"), [("fr", "fr"), ("en-US", "en"), ("PT", "pt"), ("", ""), ("</s>", ""), ("x" * 300, "")])
def test_a_prefix_has_a_language_code_or_none(lang: str, code: str, make_writer: MakeWriter, tokenizer: PreTrainedTokenizerBase) -> None:
    codec = SummaryTokenizer(tokenizer, make_writer("bart"))
    assert codec.prefix(lang) == tokenizer(f"{code} summary:", add_special_tokens=False)["input_ids"]


def test_every_special_token_is_forbidden(make_writer: MakeWriter) -> None:
    vocabulary = train_tokenizer([("en", "rain fell on the plain " * 50)], "bpe", 400, seed=1)
    vocabulary.add_special_tokens({"additional_special_tokens": ["<2fr>"]})
    vocabulary.add_tokens([AddedToken("[CTRL]", special=True)], special_tokens=True)
    forbidden = SummaryTokenizer(vocabulary, make_writer("bart", vocabulary=vocabulary)).forbidden
    assert set(vocabulary.convert_tokens_to_ids(["<2fr>", "[CTRL]", "[PAD]", "[MASK]"])) <= set(forbidden)
    assert vocabulary.sep_token_id not in forbidden


def test_a_large_vocabulary_is_searched_in_parts(
    make_writer: MakeWriter, tokenizer: PreTrainedTokenizerBase, one_a_language: list[Article], monkeypatch: pytest.MonkeyPatch
) -> None:
    analyzer = Analyzer(make_writer("bart", summary_tokens=12), tokenizer)
    articles = short(one_a_language[:5])
    together = [[candidate.text for candidate in found] for found in analyzer.candidates(articles)]
    monkeypatch.setattr(module, "SEARCH_CELLS", 2 * BEAMS * len(tokenizer))
    sizes: list[int] = []
    search = module._search
    monkeypatch.setattr(module, "_search", lambda *given: sizes.append(len(given[4])) or search(*given))
    assert [[candidate.text for candidate in found] for found in analyzer.candidates(articles)] == together
    assert max(sizes) == 2


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("It rained.", True),
        ("“It rained.”", True),
        ("It rained (a lot!)", True),
        ("雨が降った。", True),
        ("「雨だ。」", True),
        ("هل هطل المطر؟", True),
        ("बारिश हुई।", True),
        ("ዝናብ ዘነበ።", True),
        ("ฝนตกหนัก", True),
        ("ปิดโรงเรียน 12", True),
        ("ភ្លៀងធ្លាក់។", True),
        ("Πού πήγε;", True),
        ("Er sagte: „Es regnet.“", True),
        ("It rained;", False),
        ("It rose to 12", False),
        ("It rained and", False),
        ("It rained,", False),
        ("雨が降", False),
        ("", False),
    ],
)
def test_where_a_text_ends_a_sentence(text: str, ends: bool) -> None:
    assert ends_sentence(text) == ends


def test_a_text_to_learn_is_cut_at_a_sentence_end(make_writer: MakeWriter, tokenizer: PreTrainedTokenizerBase) -> None:
    codec = SummaryTokenizer(tokenizer, make_writer("t5"))
    first, both = codec.encode("The river rose."), codec.encode("The river rose. Nobody in the town was hurt.")
    assert first[-1] == codec.end == tokenizer.sep_token_id
    assert codec.decode(both) == "The river rose. Nobody in the town was hurt."
    text = "The river rose. Nobody in the town was hurt."
    assert codec.encode_whole_sentences(text, "en", len(both)) == both
    assert codec.encode_whole_sentences(text, "en", len(both) - 1) == first
    assert codec.encode_whole_sentences(text, "en", len(first) - 1) == []


def test_special_tokens_in_a_text_to_learn_are_read_as_text(make_writer: MakeWriter, tokenizer: PreTrainedTokenizerBase) -> None:
    codec = SummaryTokenizer(tokenizer, make_writer("t5"))
    ids = codec.encode("It says [SEP] here [PAD].")
    assert ids.count(codec.end) == 1
    assert codec.decode(ids) == "It says [SEP] here [PAD]."


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_writes_the_same_bits(
    kind: str, make_writer: MakeWriter, tokenizer: PreTrainedTokenizerBase, one_a_language: list[Article], tmp_path: Path
) -> None:
    """The output layer shares its weights with the embeddings: saved once, and one again when loaded."""
    model = make_writer(kind, seed=3)
    articles = short(one_a_language[:3])
    before = list(Analyzer(model, tokenizer).candidates(articles, max_words=9))
    folder = save_checkpoint(tmp_path / "checkpoint", model, tokenizer, {"name": "saved"})
    loaded = load_checkpoint(folder).model
    automatic = AutoModel.from_pretrained(folder)
    for again in (loaded, automatic):
        assert isinstance(again, ArticleModel)
        assert again.backbone.get_output_embeddings().weight is again.get_input_embeddings().weight
        assert again.state_dict().keys() == model.state_dict().keys()
        assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in model.state_dict().items())
        assert (again.config.summary_tokens, again.config.summary_prefix, again.config.summary_method) == (32, "{lang} summary:", "extractive")
        assert list(Analyzer(again, tokenizer).candidates(articles, max_words=9)) == before


WORDS = ["Falcon", "Meadow", "Copper", "Violin", "Harbor", "Lantern"]
FACT = "Today the guards at the eastern gate of the town were told that the word is {}."


def coded(old: str, new: str) -> Article:
    """An article of three sentences, each a window of its own: the first has last week's word, the third today's."""
    first = f"Last week the guards at the western gate of the town were told that the word was {old}."
    second = "In between nothing of note was said at the gates, and the market was open as in every other week."
    return Article(f"{first} {second} {FACT.format(new)}", lang="en", summary=f"The word is {new}.")


def test_the_decoder_reads_a_fact_in_the_third_window(make_writer: MakeWriter) -> None:
    """Which of two words is right stands in the last window alone; the pairs that are asked were never seen in training."""
    pairs = [(old, new) for old, new in product(WORDS, WORDS) if old != new]
    held_out = [(WORDS[number], WORDS[(number + 2) % len(WORDS)]) for number in range(len(WORDS))]
    seen = [coded(*pair) for pair in pairs if pair not in held_out]
    tokenizer = train_tokenizer([("en", f"{article.text} {article.summary}") for article in seen], "bpe", 600, seed=1)
    encode = ArticleTokenizer(tokenizer, window_tokens=28, max_windows=16, target_tokens=16)
    model = make_writer("bart", vocabulary=tokenizer, width=48, window_tokens=28, summary_tokens=16)
    encoded = encode.encode(seen[0])
    windows, _ = encode.windows(encoded.title_ids, encoded.sentence_ids)
    assert [tokenizer.decode(window.ids, skip_special_tokens=True).split()[0] for window in windows] == ["Last", "In", "Today"]

    train_writer(model, encode, SummaryTokenizer(tokenizer, model), seen, steps=80, learning_rate=5e-3)
    found = [candidates[0].text for candidates in Analyzer(model, tokenizer).candidates([coded(*pair) for pair in held_out])]
    assert found == [f"The word is {new}." for _, new in held_out]


def train_writer(model: ArticleModel, encode: ArticleTokenizer, codec: SummaryTokenizer, articles: Sequence[Article], steps: int, learning_rate: float) -> None:
    """All articles in each step, the summary loss alone."""
    writing = Writing(summaries=True, headlines=False, codec=codec)
    examples = [replace(make_example(article, 0, IPTC_TOPICS, encode, False, writing=writing), salience=None) for article in articles]
    labels = SourceLabels((), (1.0,) * 4, False)
    collator = Collator(examples, [labels], len(IPTC_TOPICS), encode, 16, 1, 0.0, 0.0, 0.0, seed=1, decoder_start=codec.start)
    batch: dict[str, Tensor] = collator([(0, list(range(len(examples))))])
    model.loss_weights = {**model.loss_weights, "boilerplate": 0.0}
    optimizer = torch.optim.AdamW(model.parameters(), lr=learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 15) * (1 - step / steps))
    model.train()
    for _ in range(steps):
        model(**batch).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        schedule.step()
    model.eval()


def test_the_budget_of_an_article_follows_its_own_tokens(make_writer: MakeWriter, tokenizer: PreTrainedTokenizerBase, one_a_language: list[Article]) -> None:
    """A language that the tokenizer spells in more tokens a word gets more of them."""
    model = make_writer("bart", summary_tokens=128)
    likely(model, [tokenizer.sep_token_id], -50.0)
    analyzer = Analyzer(model, tokenizer)
    analyzer.summaries = codec = Recorder(tokenizer, model)
    words = "Rain fell on the old town near the river and the mayor was there."
    list(analyzer.candidates([Article(words, lang="en"), Article("ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ.", lang="en")], max_words=6))
    latin, cherokee = (len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in (words, "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ."))
    expected = [ceil(6 * 1.3 * tokens / count) + 1 for tokens, count in ((latin, 14), (cherokee, 6))]
    assert expected[1] > 2 * expected[0]
    assert sorted({len(ids) for ids in codec.found}) == sorted(expected)


EIGHT = [
    (
        "en",
        "The Port Amity agreement was initialled in Singapore on 19 February. Ministers point to 18 million dollars a year and a new hospital wing.",
        "The Port Amity agreement brings 18 million dollars a year.",
    ),
    (
        "ru",
        "В Москву в ночь на вторник придёт атлантический циклон. К четвергу столбики термометров опустятся до −12, на севере области — до −16.",
        "Во вторник в Москву придёт циклон. На севере области до −16.",
    ),
    (
        "ar",
        "أجرى مركز «ميزان» مسحًا على ٢٢٠٠ مستخدم في الرياض والدمام. دفع ٤٣٪ منهم رسوم تأخير مرة على الأقل خلال عام.",
        "دفع ٤٣٪ منهم في الرياض والدمام رسوم تأخير.",
    ),
    ("hi", "पिछले साल निगम की बैठक कुल ग्यारह दिन हुई। प्रश्नकाल में 64 सवाल उठे।", "निगम की बैठक ग्यारह दिन हुई। प्रश्नकाल में 64 सवाल उठे।"),
    ("zh", "怡保医院外的静坐已进入第八天。新承包商拒绝承认旧年资，又把夜班津贴从每晚18令吉减到10令吉。", "静坐进入第八天。新承包商把夜班津贴减到10令吉。"),
    (
        "ja",
        "瀬波市議会は22日の本会議で、市役所を駅前に移す条例改正案を賛成16、反対8で可決した。市は新庁舎の総事業費を94億円と見込む。",
        "瀬波市議会は市役所を駅前に移す案を賛成16で可決した。",
    ),
    (
        "ko",
        "가온시의회가 18일 본회의를 열고 조례 개정안 처리를 다음 회기로 미뤘다. 의원 14명이 심사 보류에 찬성했다.",
        "가온시의회가 조례 개정안 처리를 미뤘다. 의원 14명이 찬성했다.",
    ),
    ("th", "ฝนตกหนักในจังหวัดเชียงใหม่ตั้งแต่คืนวันจันทร์จนแม่ปิงเอ่อท่วมถนนหลายสาย\nทางการสั่งปิดโรงเรียน 12 แห่งและอพยพประชาชนไปยังวัด", "ทางการในจังหวัดเชียงใหม่สั่งปิดโรงเรียน 12 แห่ง"),
]
"""Language, text and summary: articles of data/sample/train.jsonl, shortened, and one in Thai, which has no full stops."""

EIGHT_CONFIG = """
name: eight
seed: 7
output: {root}/run
data:
  root: {root}
  train: [{{name: eight, path: train.jsonl}}]
  dev: [{{name: dev, path: dev.jsonl}}]
model:
  backbone:
    architecture: {{type: t5, layers: 1, decoder_layers: 1, width: 64, heads: 2, feed_forward: 128}}
  tokenizer: {{type: bpe, vocabulary_size: 900}}
  decoder: {{tokens: 96}}
  window_tokens: 128
  max_windows: 2
losses: {{salience: 0.0, boilerplate: 0.0, summary_label_smoothing: 0.0}}
training:
  tokens: 96_000
  batch_tokens: 640
  learning_rate: 7e-3
  evaluate_every: 0.5
  select: [generated_rouge1]
"""


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkpoint of a run that learned the eight summaries by heart."""
    root = tmp_path_factory.mktemp("eight")
    write_articles(root / "train.jsonl", [Article(text, id=lang, lang=lang, summary=summary) for lang, text, summary in EIGHT])
    dev = Article("The harbor council rejected the ferry plan. Engineers had warned that the pier would not hold.", lang="en", summary="The plan was rejected.")
    write_articles(root / "dev.jsonl", [dev])
    (root / "run.yaml").write_text(EIGHT_CONFIG.format(root=root), encoding="utf-8")
    return train(load_config(root / "run.yaml")).checkpoint


@pytest.mark.parametrize(("lang", "text", "summary"), EIGHT, ids=[lang for lang, *_ in EIGHT])
def test_eight_articles_are_learned_by_heart_and_their_summaries_come_back(overfitted: Path, lang: str, text: str, summary: str) -> None:
    assert summarize(text, method="abstractive", checkpoint=overfitted) == summary
    analysis = analyze(text, method="abstractive", checkpoint=overfitted)
    assert (analysis.lang, analysis.summary.method, analysis.summary.warnings) == (lang, "abstractive", ())
    for claim in analysis.summary.claims:
        assert claim.text in summary
        assert (text if claim.place == "text" else analysis.title)[claim.start : claim.end]


def test_words_are_counted_in_every_script(overfitted: Path) -> None:
    """A limit that one sentence fits gives one sentence; the check never lets a longer one through."""
    asked = {lang: (text, summary) for lang, text, summary in EIGHT}
    for lang, first in (
        ("ru", "Во вторник в Москву придёт циклон."),
        ("zh", "静坐进入第八天。"),
        ("hi", "निगम की बैठक ग्यारह दिन हुई।"),
        ("ko", "가온시의회가 조례 개정안 처리를 미뤘다."),
    ):
        text, summary = asked[lang]
        assert summary.startswith(first)
        assert summarize(text, max_words=count_words(first), method="abstractive", checkpoint=overfitted) == first
        assert summarize(text, max_sentences=1, method="abstractive", checkpoint=overfitted) == first
    for text, _ in asked.values():
        for max_words in (3, 6, 9):
            assert count_words(summarize(text, max_words=max_words, method="abstractive", checkpoint=overfitted)) <= max_words
