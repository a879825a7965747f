import random
import time
from itertools import pairwise

import pytest

from inference.article import Article
from inference.cleaning import REMOVE_THRESHOLD, Page, read_page
from inference.errors import DataError

LEAD = "The council voted on Monday to rebuild the bridge over the river Tarn, which a flood had carried away in the spring of last year."
SECOND = "Work will begin in May and last two years, the mayor said."

WIRE_PAGE = f"""본문 바로가기
bar_progress

Text Size

Close

"Council Votes 'To Rebuild the Old Bridge' After Flood"

"Council Votes 'To Rebuild the Old Bridge' After Flood" Mayor Anna Bell (left) and engineer Carl Dorn in the town hall
[Image source=AB Photo News]


[Valley Daily Reporter Dora Eng] {LEAD}


{SECOND}


© The Valley Daily(www.example.com). All rights reserved.

Special Coverage


Join us on social!

Top"""

APPEAL_PAGE = f"""Council votes to rebuild the old bridge after flood
The council has voted to rebuild the bridge that a flood carried away last spring
Your support helps us to report from the valley
From school closures to flood defences, we are there when the story breaks. From the price of bread to our series on the ferries, we know what matters.
At such a moment we need reporters in the council chamber. Your donation allows us to keep sending them there.
Unlike many papers we choose not to lock our reporting behind a paywall. We believe quality journalism should be free, paid for by those who can afford it.
Your support makes all the difference.{LEAD}
{SECOND}"""


def kept(page: Page) -> list[str]:
    return [page.text[sentence.start : sentence.end] for sentence in page.sentences]


def removed(page: Page) -> dict[str, str]:
    return {page.text[part.start : part.end]: part.kind for part in page.removed}


def assert_whole(page: Page) -> None:
    """Every character that is not white space is in exactly one sentence, removed part or the title."""
    spans = [(sentence.start, sentence.end) for sentence in page.sentences] + [(part.start, part.end) for part in page.removed]
    spans = sorted(spans + ([page.title_span] if page.title_span else []))
    assert all(start < end for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    assert "".join("".join(page.text[start:end].split()) for start, end in spans) == "".join(page.text.split())


def test_a_wire_page_with_menu_caption_and_bracketed_byline() -> None:
    page = read_page(WIRE_PAGE)
    assert page.title == "\"Council Votes 'To Rebuild the Old Bridge' After Flood\""
    assert page.text[slice(*page.title_span or (0, 0))] == page.title
    assert kept(page) == [LEAD, SECOND]
    assert [sentence.boilerplate for sentence in page.sentences] == [0.0, 0.0]
    kinds = removed(page)
    assert kinds["[Valley Daily Reporter Dora Eng]"] == "dateline"
    assert kinds["Mayor Anna Bell (left) and engineer Carl Dorn in the town hall"] == "caption"
    assert kinds["[Image source=AB Photo News]"] == "caption"
    assert kinds["본문 바로가기"] == kinds["bar_progress"] == kinds["Top"] == "navigation"
    assert_whole(page)


def test_an_appeal_that_runs_into_the_lead() -> None:
    page = read_page(APPEAL_PAGE)
    assert page.title == "Council votes to rebuild the old bridge after flood"
    assert kept(page) == ["The council has voted to rebuild the bridge that a flood carried away last spring", LEAD, SECOND]
    assert max(sentence.boilerplate for sentence in page.sentences) < 0.5
    assert removed(page)["Your support makes all the difference."] == "donation"
    assert_whole(page)


@pytest.mark.parametrize(
    ("lang", "above", "title", "body", "below"),
    [
        (
            "de",
            ["Menü Startseite Sport Kultur Anmelden", "Artikel anhören"],
            "Stadtrat beschließt neue Brücke über die Tarn",
            "Der Stadtrat hat am Montagabend beschlossen, die vom Hochwasser zerstörte Brücke über die Tarn für neun Millionen Euro neu zu bauen.",
            ["Lesen Sie auch: Fähre fällt aus", "Jetzt Newsletter abonnieren", "© 2025 Talblatt Verlag. Alle Rechte vorbehalten."],
        ),
        (
            "fr",
            ["Accueil | Politique | Sports", "Par Anne Bel, correspondante à Albi"],
            "La ville vote la reconstruction du pont",
            "Le conseil municipal a voté lundi soir la reconstruction du pont emporté par la crue du printemps, pour un coût de neuf millions d'euros.",
            ["À lire aussi : Le bac en panne", "Soutenez-nous : faites un don", "Tous droits réservés"],
        ),
        (
            "ja",
            ["ホーム > 社会", "シェアする"],
            "流された橋の再建を市議会が可決",
            "市議会は月曜日の夜、昨年春の洪水で流された橋を九億円かけて再建する案を賛成多数で可決した。工事は五月に始まる見通しで、二年かかるという。",
            ["あわせて読みたい", "コメント(12件)を見る", "無断転載を禁じます"],
        ),
        (
            "ar",
            ["الرئيسية | أخبار | رياضة", "حجم الخط"],
            "مجلس المدينة يقر إعادة بناء الجسر",
            "أقر مجلس المدينة مساء الاثنين إعادة بناء الجسر الذي جرفته فيضانات الربيع الماضي بكلفة تسعة ملايين يورو، على أن تبدأ الأعمال في مايو.",
            ["اقرأ أيضًا: تعطل العبّارة", "تابعونا على فيسبوك", "جميع الحقوق محفوظة"],
        ),
        (
            "hi",
            ["होम | देश | खेल", "इस खबर को शेयर करें"],
            "नगर परिषद ने पुल दोबारा बनाने को मंजूरी दी",
            "नगर परिषद ने सोमवार शाम पिछले वसंत की बाढ़ में बह गए पुल को नौ करोड़ रुपये की लागत से दोबारा बनाने की मंजूरी दे दी और काम मई में शुरू होगा।",
            ["यह भी पढ़ें: नौका सेवा बंद", "हमारे न्यूजलेटर की सदस्यता लें", "सर्वाधिकार सुरक्षित"],
        ),
    ],
)
def test_pages_in_several_languages(lang: str, above: list[str], title: str, body: str, below: list[str]) -> None:
    page = read_page("\n".join([*above, title, body, *below]))
    assert page.lang == lang
    assert page.title == title
    assert "".join(kept(page)).replace(" ", "") == body.replace(" ", "")
    assert [page.text[part.start : part.end] for part in page.removed] == [*above, *below]


@pytest.mark.parametrize(
    ("opening", "rest"),
    [
        ("[Valley Daily Reporter Dora Eng] ", LEAD),
        ("OSLO, May 3 (Reuters) - ", LEAD),
        ("ASHERN FLATS, Man. — ", LEAD),
        ("(서울=연합뉴스) 홍길동 기자 = ", "시의회는 월요일 저녁 홍수로 떠내려간 다리를 다시 짓기로 했다고 밝혔다."),
        ("【オスロ=山田太郎】", "市議会は月曜日の夜、洪水で流された橋を再建する案を賛成多数で可決した。"),
        ("新华社北京4月5日电（记者 王明）", "市议会星期一晚上投票决定重建去年春天被洪水冲走的大桥。"),
        ("واد الزيتونة (وكالة الأطلس) – ", "رفض مجلس المدينة مساء الخميس مشروع اتفاقية جمع النفايات."),
    ],
)
def test_datelines_are_cut_off_the_lead(opening: str, rest: str) -> None:
    page = read_page(f"{opening}{rest}\n{SECOND}", title="T")
    assert kept(page)[0] == rest
    assert opening.strip().replace(" ", "") == "".join(removed(page)).replace(" ", "")
    assert set(removed(page).values()) == {"dateline"}
    assert_whole(page)


@pytest.mark.parametrize(
    "lead", ["[The bill] would let the council rebuild the bridge next year.", "President Anna Bell (left) – who voted against – left the room at once."]
)
def test_what_only_looks_like_a_dateline_stays(lead: str) -> None:
    assert kept(read_page(f"{lead}\n{SECOND}", title="T"))[0] == lead


def test_a_given_title_is_not_body() -> None:
    title = "Council votes to rebuild the old bridge"
    page = read_page(f"COUNCIL VOTES  to rebuild the “old bridge”\n{LEAD}\n{title}\n{SECOND}", title)
    assert page.title == title
    assert page.title_span == (0, 42)
    assert kept(page) == [LEAD, SECOND]
    assert removed(page) == {title: "title"}


def test_a_title_that_opens_the_lead_line_is_cut_off_it() -> None:
    title = "Council votes to rebuild the old bridge"
    assert kept(read_page(f"{title}: {LEAD}\n{SECOND}", title)) == [LEAD, SECOND]
    going_on = f"{title} over the river Tarn, which a flood had carried away."
    assert kept(read_page(f"{going_on}\n{SECOND}", title)) == [going_on, SECOND]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        (f"Bridge to be rebuilt\n{LEAD}", "Bridge to be rebuilt"),
        (f"Will the bridge be rebuilt?\n{LEAD}", "Will the bridge be rebuilt?"),
        (f"{LEAD}\n{SECOND}", ""),
        (LEAD, ""),
        ("Bridge to be rebuilt", ""),
    ],
)
def test_title_detection(text: str, title: str) -> None:
    page = read_page(text)
    assert page.title == title
    assert page.sentences
    assert_whole(page)


def test_sample_titles_are_found(sample: list[Article]) -> None:
    clean = [article for article in sample if article.boilerplate == ()]
    found = sum(read_page(f"{article.title}\n{article.text}", lang=article.lang).title == article.title for article in clean)
    assert found >= 0.98 * len(clean)


def test_boilerplate_of_the_sample_goes_and_articles_stay(sample: list[Article]) -> None:
    boilerplate = lost = 0
    for article in sample:
        page = read_page(article.text, article.title, article.lang)
        assert_whole(page)
        text = {page.text[part.start : part.end] for part in page.removed}
        boilerplate += len(set(article.boilerplate or ()) - text)
        lost += len([part for part in page.removed if part.kind != "dateline"]) - len(set(article.boilerplate or ()) & text)
    assert boilerplate <= 0.05 * sum(len(article.boilerplate or ()) for article in sample)
    assert lost <= 8  # of over 1,000 article lines


def test_nothing_is_removed_above_one() -> None:
    page = read_page(APPEAL_PAGE, remove_at=1.1)
    assert page.removed == ()
    scores = {page.text[sentence.start : sentence.end]: sentence.boilerplate for sentence in page.sentences}
    assert REMOVE_THRESHOLD <= scores["Your support helps us to report from the valley"] < 1
    assert scores[SECOND] == 0


@pytest.mark.parametrize("text", ["Home", "Share\nLog in\nHome | World", "Subscribe to our newsletter!"])
def test_a_page_is_never_left_empty(text: str) -> None:
    page = read_page(text)
    assert page.sentences
    assert all(0.5 < sentence.boilerplate < 1 for sentence in page.sentences)
    assert_whole(page)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "it is empty"),
        (" \n\t", "it is blank"),
        ("123 — 45%!", "it has no letters, only '123 — 45%!'"),
        ("😀\ud800\0", "it has no letters, only '😀\\ud800\\x00'"),
    ],
)
def test_text_without_words_is_an_error(text: str, found: str) -> None:
    with pytest.raises(DataError) as caught:
        read_page(text)
    assert str(caught.value) == f"the text holds no article: {found}. Pass the words of an article."


def test_hostile_characters_keep_every_offset() -> None:
    random_source = random.Random(0)
    alphabet = "ab A.!?\n\r\"'()[]【】|=:/@©–-0123 \u200b\u202e\ud800\0\x1cगัก日か가አ،。😀"
    read = 0
    for _ in range(500):
        text = "".join(random_source.choice(alphabet) for _ in range(random_source.randint(1, 80)))
        if any(character.isalpha() for character in text):
            page = read_page(text)
            assert page.text is text
            assert_whole(page)
            read += 1
    assert read > 400


@pytest.mark.parametrize(
    "text",
    [f"{WIRE_PAGE}\n" * 600, f"{LEAD} {SECOND} " * 1_000, "x" * 200_000, "a\n" * 20_000, "ABC " * 50_000, "기자 =" * 40_000, "(" * 100_000 + "a"],
    ids=["many lines", "one line", "one word", "short lines", "capitals", "datelines", "brackets"],
)
def test_huge_input_takes_bounded_time(text: str) -> None:
    start = time.perf_counter()
    page = read_page(text)
    assert time.perf_counter() - start < 20
    assert page.sentences
