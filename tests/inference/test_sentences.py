import time

import pytest

from inference.article import Article
from inference.sentences import LONGEST_SENTENCE, split_sentences


def split(text: str, lang: str = "") -> list[str]:
    return [text[start:end] for start, end in split_sentences(text, lang)]


@pytest.mark.parametrize(
    ("lang", "text", "expected"),
    [
        ("en", "Dr. Ito met U.S. President Joe Biden. They talked.", ["Dr. Ito met U.S. President Joe Biden.", "They talked."]),
        ("en", 'He said "I go. Now." Then he left.', ['He said "I go. Now."', "Then he left."]),
        ("en", '"Really?" she asked. Yes.', ['"Really?" she asked.', "Yes."]),
        ("en", "He called it “strong. It failed. Nobody knew why.", ["He called it “strong.", "It failed.", "Nobody knew why."]),
        ("de", "Am 3. Mai kam Dr. Meier. Es endete 22:31. Danach ging er.", ["Am 3. Mai kam Dr. Meier.", "Es endete 22:31.", "Danach ging er."]),
        ("fr", "M. Dupont arrive. Il dit : « Oui. » Puis il part.", ["M. Dupont arrive.", "Il dit : « Oui. »", "Puis il part."]),
        ("sw", "Alisema Dkt. Ali. Kisha akaenda.", ["Alisema Dkt. Ali.", "Kisha akaenda."]),
        ("ru", "А. С. Пушкин родился в 1799 г. в Москве. Потом уехал.", ["А. С. Пушкин родился в 1799 г. в Москве.", "Потом уехал."]),
        ("ja", "「そうです。行きます。」と彼は言った。次の文。", ["「そうです。行きます。」と彼は言った。", "次の文。"]),
        ("zh", "“我来了。”他说。“你呢？”走了。", ["“我来了。”他说。", "“你呢？”", "走了。"]),
        ("ko", '그는 "간다."라고 말했다.다음 날 왔다.', ['그는 "간다."라고 말했다.', "다음 날 왔다."]),
        ("hi", "डॉ. शर्मा आए।वे बोले।", ["डॉ. शर्मा आए।", "वे बोले।"]),
        ("ar", "ماذا حدث؟ وصل الوفد. غادر.", ["ماذا حدث؟", "وصل الوفد.", "غادر."]),
        ("ur", "یہ خبر ہے۔ وہ آئے۔", ["یہ خبر ہے۔", "وہ آئے۔"]),
        ("am", "ሰላም ነው። መጣ። ሄደ፡፡ ተመለሰ", ["ሰላም ነው።", "መጣ።", "ሄደ፡፡", "ተመለሰ"]),
        ("hy", "Բարև։ Ինչպես: Լավ։", ["Բարև։", "Ինչպես:", "Լավ։"]),
        ("km", "នេះជាព័ត៌មាន។ គាត់មក។", ["នេះជាព័ត៌មាន។", "គាត់មក។"]),
        ("lo", "ນີ້ແມ່ນຂ່າວ. ລາວມາ.", ["ນີ້ແມ່ນຂ່າວ.", "ລາວມາ."]),
        ("my", "ဒါသတင်း။ သူလာ။", ["ဒါသတင်း။", "သူလာ။"]),
        ("bo", "བཀྲ་ཤིས། བདེ་ལེགས།", ["བཀྲ་ཤིས།", "བདེ་ལེགས།"]),
        ("el", "Τι έγινε; Ήρθε.", ["Τι έγινε;", "Ήρθε."]),
        ("", "है यह।他来了。你好。", ["है यह।", "他来了。", "你好。"]),
    ],
)
def test_sentences(lang: str, text: str, expected: list[str]) -> None:
    assert split(text, lang) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The talks ended.President Joe Biden left.", ["The talks ended.", "President Joe Biden left."]),
        ("The talks ended.”The White House agreed.", ["The talks ended.”", "The White House agreed."]),
        ("It rained.U.S. troops left.", ["It rained.", "U.S. troops left."]),
        ("See Node.js, example.com and Booking.Com for more.", ["See Node.js, example.com and Booking.Com for more."]),
        ("The U.S.President wrote to tips@Example.Com today.", ["The U.S.President wrote to tips@Example.Com today."]),
        ("He flew to St.Petersburg with v2.Final in hand.", ["He flew to St.Petersburg with v2.Final in hand."]),
    ],
)
def test_sentences_that_lost_their_space(text: str, expected: list[str]) -> None:
    assert split(text, "en") == expected


def test_a_line_break_always_splits() -> None:
    assert split("No full stop\nanother\r\nthird\u2028fourth\x85fifth\n\n\n") == ["No full stop", "another", "third", "fourth", "fifth"]


def test_thai_without_punctuation_is_split_at_spaces() -> None:
    text = "ประธานาธิบดีเดินทางถึงกรุงเทพ " * 20
    found = split(text, "th")
    assert 4 < len(found) < 12
    assert all(sentence.endswith("กรุงเทพ") for sentence in found)


def test_no_sentence_is_endless() -> None:
    for text in ("word " * 2_000, "x" * 10_000, "a" + "\u0301" * 10_000, "、".join("語" * 9_000), '"' * 5_000):
        assert max(end - start for start, end in split_sentences(text)) <= LONGEST_SENTENCE


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\t\r\n \u3000"])
def test_blank_text_has_no_sentences(text: str) -> None:
    assert split_sentences(text) == []


def test_nothing_but_white_space_is_lost(sample: list[Article]) -> None:
    hostile = ["a\0b. C\ud800. D\u202e e.\u200b F", "😀 one. Two 😀.", ". . . ! ?", "(((He came. He", "「「「", "«a. B» c. D"]
    for text in [*(article.text for article in sample), *hostile]:
        spans = split_sentences(text)
        assert all(start < end for start, end in spans)
        assert all(text[start:end] == text[start:end].strip() for start, end in spans)
        inside = "".join(text[start:end] for start, end in spans)
        assert "".join(inside.split()) == "".join(text.split())
        assert [start for start, _ in spans] == sorted(start for start, _ in spans)


@pytest.mark.parametrize("unit", ["「はい。」と", "a. ", "ended.Pre", '."“', "A.B.", "(", "“He came. ", "기자 = "])
def test_hostile_lines_take_linear_time(unit: str) -> None:
    def seconds(length: int) -> float:
        text = unit * (length // len(unit))
        start = time.perf_counter()
        split_sentences(text, "ja")
        return time.perf_counter() - start

    seconds(1_000)
    assert seconds(160_000) < 40 * max(seconds(16_000), 0.005)  # quadratic would be 100 times
