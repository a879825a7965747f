import json
from importlib.resources import files

import pytest

from inference.article import Article
from inference.lexicon import find_phrases, is_word, tokenize


def strong(text: str, lang: str) -> set[str]:
    return {match.phrase.kind for match in find_phrases(tokenize(text), lang) if match.phrase.tier == "strong"}


def test_tokens_are_folded_alike_in_every_script() -> None:
    assert tokenize("© 2025 The Post | 사진=제공").words == ["©", "#", "the", "post", "사", "진", ":", "제", "공"]
    assert tokenize("تخطَّ إلى").words == tokenize("تخط الى").words
    assert tokenize("残り1,024文字").words == ["残", "り", "#", "文", "字"]
    assert tokenize("१४:०५ बजे").words == ["#", "बजे"]
    assert tokenize("* # ^ $5").words == ["€", "#"]


def test_breaks_are_where_words_do_not_run_on() -> None:
    assert tokenize("新闻 | 体育频道").breaks == {0, 2, 6}


@pytest.mark.parametrize(
    ("lang", "text", "kind"),
    [
        ("en", "Sign up for our newsletter", "subscribe"),
        ("de", "Lesen Sie auch: Warum die Brücke gesperrt ist", "related"),
        ("fr", "Tous droits réservés", "copyright"),
        ("ar", "اقرأ أيضًا: سبعة أسئلة", "related"),
        ("hi", "इस खबर को शेयर करें", "share"),
        ("ko", "무단 전재 및 재배포 금지", "copyright"),
        ("ko", "무단전재 및 재배포금지", "copyright"),
        ("ja", "あわせて読みたい", "related"),
        ("zh", "版权所有 不得转载", "copyright"),
        ("ru", "Читайте также", "related"),
        ("sw", "Soma pia: Daraja kufungwa", "related"),
        ("en", "댓글 쓰기", "comments"),  # menus are in other languages than the page
        ("ja", "All rights reserved.", "copyright"),
    ],
)
def test_strong_phrases(lang: str, text: str, kind: str) -> None:
    assert kind in strong(text, lang)


def test_phrases_at_an_edge_ask_for_their_place_and_language() -> None:
    assert strong("Von Anna Bell, Kiel", "de") == {"byline"}
    assert strong("Anna von Bell", "de") == set()
    assert strong("Von Anna Bell, Kiel", "it") == set()


def test_weak_phrases_of_unspaced_scripts_stand_alone() -> None:
    def weak(text: str) -> list[str]:
        return ["".join(match.phrase.tokens) for match in find_phrases(tokenize(text), "zh") if match.phrase.tier == "weak"]

    assert {"国际", "体育"} <= set(weak("国际 | 体育"))
    assert weak("国际体育组织合作论坛") == []


def test_every_phrase_of_the_data_file_can_be_found() -> None:
    entries = json.loads(files("inference").joinpath("lexicon.json").read_text(encoding="utf-8"))
    lost = []
    for kind, languages in entries.items():
        for lang, tiers in languages.items():
            for tier, phrases in tiers.items():
                assert tier in {"strong", "weak", "hint", "word"}, f"{kind}/{lang}: no such tier: {tier}"
                for phrase in phrases:
                    text = phrase.removeprefix("^").removesuffix("$").replace("#", "7").replace("*", "")
                    found = {(match.phrase.kind, match.phrase.tier) for match in find_phrases(tokenize(text), lang)}
                    if (kind, tier) not in found:
                        lost.append((kind, lang, phrase))
    assert lost == []


def test_strong_phrases_are_long_enough_to_tell() -> None:
    entries = json.loads(files("inference").joinpath("lexicon.json").read_text(encoding="utf-8"))
    strong_phrases = [phrase for languages in entries.values() for tiers in languages.values() for phrase in tiers.get("strong", ())]
    for phrase in strong_phrases:
        assert any(is_word(token) for token in tokenize(phrase).words) or "©" in phrase, phrase
        assert len(phrase) > 2 or phrase.startswith("^") or not phrase.isascii(), phrase


def test_clean_articles_hold_hardly_a_strong_phrase(sample: list[Article]) -> None:
    clean = [article for article in sample if article.boilerplate == ()]
    with_phrase = [article.id for article in clean for line in article.text.split("\n") if len(line) > 200 and strong(line, article.lang)]
    assert len(with_phrase) < 0.1 * len(clean), with_phrase
