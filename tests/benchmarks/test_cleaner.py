from benchmarks.cleaner import Span, by_model, by_rules, recall_on_unseen_lines, score_cleaner, summaries_with_boilerplate
from inference.analyzer import Analyzer
from inference.article import Article

ARTICLE = Article("Menu\nabcdef.\nShare", lang="en", boilerplate=("Menu", "Share"))


def test_scores_by_hand() -> None:
    def cleaner(article: Article) -> list[Span]:
        return [(0, 4), (5, 8)]  # "Menu" and three of the article's seven characters

    scores = score_cleaner([ARTICLE, Article("x", lang="de")], cleaner)
    assert list(scores) == ["en", "all"]  # the second is not annotated
    score = scores["en"]
    assert (score.articles, score.boilerplate_lines) == (1, 2)
    assert (score.line_precision, score.line_recall) == (1.0, 0.5)
    assert (score.character_precision, score.character_recall) == (0.5714, 0.4444)
    assert score.article_lost == 0.4286


def test_unseen_lines_are_put_into_clean_articles_of_their_language() -> None:
    host = Article("The council voted to rebuild the bridge over the river Tarn on Monday evening, after a debate of two hours.", lang="en", boilerplate=())
    rows = [
        {"lang": "en", "kind": "copyright", "line": "© 2025 All rights reserved."},
        {"lang": "en", "kind": "caption", "line": "Nobody was hurt in the fire."},
    ]
    assert recall_on_unseen_lines([host], rows, by_rules) == {"caption": (0, 1), "copyright": (1, 1)}


def test_a_boilerplate_line_in_a_summary_is_found(analyzer: Analyzer) -> None:
    kept, notice = "Nobody was hurt in the fire that broke out on Monday.", "© 2025 All rights reserved."
    leaking = Article(f"{kept}\n{notice}", id="a", lang="en", boilerplate=(kept,))
    clean = Article(f"{kept}\n{notice}", id="b", lang="en", boilerplate=(notice,))
    assert summaries_with_boilerplate(analyzer, [leaking, clean]) == ["a"]
    assert (len(kept) + 1, len(kept) + 1 + len(notice)) in by_model(analyzer)(clean)
