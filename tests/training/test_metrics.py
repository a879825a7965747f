"""Scores worked out by hand."""

import pytest
from rouge_score.rouge_scorer import RougeScorer

from training.metrics import best_label, characters, chrf, label_scores, merge_neutral, precision_recall, rouge, stance_scores

TWENTY_SCRIPTS = {
    "Latin": "Der Rat lehnte die Fähre ab.",
    "Cyrillic": "Совет отклонил паром.",
    "Greek": "Το συμβούλιο απέρριψε το πλοίο.",
    "Arabic": "رفض المجلس العبّارة الجديدة.",
    "Hebrew": "המועצה דחתה את המעבורת.",
    "Devanagari": "परिषद ने नौका को अस्वीकार किया।",
    "Bengali": "পরিষদ ফেরি প্রত্যাখ্যান করেছে।",
    "Gurmukhi": "ਕੌਂਸਲ ਨੇ ਕਿਸ਼ਤੀ ਰੱਦ ਕੀਤੀ।",
    "Gujarati": "પરિષદે ફેરી નકારી કાઢી.",
    "Tamil": "மன்றம் படகை நிராகரித்தது.",
    "Telugu": "మండలి పడవను తిరస్కరించింది.",
    "Kannada": "ಮಂಡಳಿ ದೋಣಿಯನ್ನು ತಿರಸ್ಕರಿಸಿತು.",
    "Malayalam": "കൗൺസിൽ കടത്തുവള്ളം നിരസിച്ചു.",
    "Sinhala": "සභාව පාරුව ප්‍රතික්ෂේප කළේය.",
    "Thai": "สภาปฏิเสธเรือข้ามฟาก",
    "Lao": "ສະພາປະຕິເສດເຮືອ",
    "Khmer": "ក្រុមប្រឹក្សាបានបដិសេធ",
    "Myanmar": "ကောင်စီက ငြင်းပယ်ခဲ့သည်။",
    "Ethiopic": "ምክር ቤቱ ጀልባውን ውድቅ አደረገ።",
    "Georgian": "საბჭომ ბორანი უარყო.",
    "Armenian": "Խորհուրդը մերժեց լաստանավը։",
    "Hangul": "의회는 여객선을 거부했다.",
    "Han": "議會否決了渡輪計劃。",
    "Kana": "ぎかいはフェリーをきょひした。",
}


def test_label_scores_by_hand() -> None:
    # a: precision 1/2, recall 1/2 -> 1/2; b: precision 1, recall 1/2 -> 2/3; c is only predicted
    scores = label_scores(["a", "a", "b", "b"], ["a", "c", "b", "a"])
    assert scores == {"accuracy": 0.5, "macro_f1": pytest.approx((1 / 2 + 2 / 3) / 2), "weighted_f1": pytest.approx((1 / 2 + 2 / 3) / 2)}


def test_weighted_f1_counts_gold_items() -> None:
    scores = label_scores(["a", "a", "a", "b"], ["a", "a", "a", "a"])
    assert scores == {"accuracy": 0.75, "macro_f1": pytest.approx(3 / 7), "weighted_f1": pytest.approx(3 / 4 * 6 / 7)}


def test_stance_scores_leave_out_classes_without_gold() -> None:
    scores = stance_scores(["favor", "favor", "against"], ["favor", "neutral", "against"])
    assert scores == {"macro_f1": pytest.approx((2 / 3 + 1) / 2), "f1_against": 1.0, "f1_favor": pytest.approx(2 / 3)}


def test_nothing_to_score_is_no_score() -> None:
    assert label_scores([], []) is None
    assert stance_scores([], []) is None
    assert chrf([], []) is None
    assert precision_recall(0, 0, 0) == {}


def test_a_label_that_is_never_found_scores_zero() -> None:
    assert stance_scores(["against"], ["favor"]) == {"macro_f1": 0.0, "f1_against": 0.0}
    assert precision_recall(hits=0, predicted=0, gold=5) == {"recall": 0.0, "f1": 0.0}
    assert precision_recall(hits=0, predicted=4, gold=0) == {"precision": 0.0, "f1": 0.0}


def test_best_label_among_the_labels_of_a_source() -> None:
    scores = {"sport": 0.6, "health": 0.3, "arts": 0.1}
    assert best_label(scores) == "sport"
    assert best_label(scores, among={"arts", "health"}) == "health"
    with pytest.raises(ValueError, match="empty"):
        best_label(scores, among={"weather"})


def test_merging_can_change_the_best_stance() -> None:
    scores = {"favor": 0.4, "against": 0.1, "neutral": 0.25, "unrelated": 0.25}
    assert best_label(scores) == "favor"
    assert best_label(merge_neutral(scores)) == "neutral_or_unrelated"


def test_rouge_by_hand() -> None:
    # 3 of 4 words shared; 1 of 3 bigrams; longest common subsequence "the cat slept"
    scores = rouge("the cat slept today", "the grey cat slept")
    assert scores == {"rouge1": pytest.approx(75.0), "rouge2": pytest.approx(100 / 3), "rougeL": pytest.approx(75.0)}


@pytest.mark.parametrize("script", TWENTY_SCRIPTS)
def test_identical_texts_score_full_marks_in_every_script(script: str) -> None:
    text = TWENTY_SCRIPTS[script]
    assert rouge(text, text) == {"rouge1": 100.0, "rouge2": 100.0, "rougeL": 100.0}
    assert chrf([text], [text]) == pytest.approx(100.0)


@pytest.mark.parametrize("script", TWENTY_SCRIPTS)
def test_scripts_do_not_match_each_other(script: str) -> None:
    other = "Rate 42" if script != "Latin" else "Совет"
    assert rouge(TWENTY_SCRIPTS[script], other) == {"rouge1": 0.0, "rouge2": 0.0, "rougeL": 0.0}


def test_rouge_equals_the_reference_library_on_english() -> None:
    reference = 'The council rejected the ferry, 19 votes to 16; the mayor called it "a costly toy" in Friday\'s session.'
    summary = "Council members rejected a new ferry on Friday. The mayor's party had 16 votes - too few."
    library = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False).score(reference, summary)
    assert rouge(summary, reference) == {name: pytest.approx(100 * score.fmeasure) for name, score in library.items()}
    assert 0 < rouge(summary, reference)["rouge2"] < 50


def test_chrf_is_one_score_for_the_corpus() -> None:
    short, long = "Rain.", "The river rose by two metres overnight."
    both = chrf([short, "x"], [short, long])
    assert both is not None
    assert both < 50  # the mean of the sentence scores would be 50


def test_characters_leave_out_white_space() -> None:
    assert characters("ab cd\nef", [(0, 4), (3, 6)]) == {0, 1, 3, 4}
