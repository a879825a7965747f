import time
from collections.abc import Callable

import pytest

from inference.faithfulness import ArticleText, Claim, Verdict, check_summary
from inference.sentences import split_sentences


def article(text: str, title: str = "") -> ArticleText:
    return ArticleText(text, title, split_sentences(text))


def check(summary: str, text: str, lang: str, max_words: int | None = 60) -> Verdict:
    return check_summary(summary, article(text), lang=lang, max_words=max_words)


def messages(summary: str, text: str, lang: str, max_words: int | None = 60) -> list[str]:
    return [problem.message for problem in check(summary, text, lang, max_words).problems]


def claimed(verdict: Verdict, text: str) -> list[tuple[str, str, str]]:
    return [(claim.kind, claim.text, text[claim.start : claim.end]) for claim in verdict.claims]


@pytest.mark.parametrize(
    ("lang", "summary", "text", "expected"),
    [
        (
            "en",
            "Twelve people and 1,200 sheep were saved on 3 May.",
            "On 2024-05-03 rescuers saved 12 people. They led 1.200 sheep away.",
            ["Twelve", "1,200", "3", "May"],
        ),
        ("fr", "Soixante-douze maisons et 2,5 millions d'euros sont perdus.", "Les pertes : 72 maisons, 2 500 000 euros.", ["Soixante-douze", "2,5"]),
        ("de", "Es gab einundzwanzig Tote.", "Es gab 21 Tote.", ["einundzwanzig"]),
        ("ru", "Погибли двадцать три человека.", "Погибли 23 человека.", ["двадцать три"]),
        ("ar", "قُتل ١٢ شخصًا في ٣ مايو.", "قتل اثنا عشر شخصًا يوم 3/5/2024 في المدينة.", ["١٢", "٣", "مايو"]),
        ("hi", "अट्ठाईस लोग बचाए गए।", "टीम ने 28 लोग बचाए।", ["अट्ठाईस"]),
        ("zh", "市政府拨款四百六十万元。", "市政府周一宣布拨款460万元。", ["四百六十万"]),
        ("ja", "３万5000人が集まった。", "会場には35,000人が集まった。", ["３万5000"]),
        ("ko", "주민 스물두 명이 모였다.", "주민 22명이 모였다.", ["스물두"]),
        ("sw", "Watu kumi na mbili waliokolewa.", "Watu 12 waliokolewa jana.", ["kumi na mbili"]),
        ("id", "Dua belas orang tewas.", "Sebanyak 12 orang tewas.", ["Dua belas"]),
        ("th", "มีผู้เสียชีวิต ๑๒ คน", "พบผู้เสียชีวิต 12 คนในเหตุการณ์นี้", ["๑๒"]),
    ],
)
def test_the_same_number_in_other_form_is_a_claim(lang: str, summary: str, text: str, expected: list[str]) -> None:
    verdict = check(summary, text, lang)
    assert [problem for problem in verdict.problems if problem.kind == "number"] == []
    assert [claim.text for claim in verdict.claims if claim.kind == "number"] == expected


@pytest.mark.parametrize(
    ("lang", "summary", "text", "wrong"),
    [
        ("en", "Thirteen people were saved.", "The crew saved 12 people.", "Thirteen"),
        ("en", "The plan costs 2 billion.", "The plan costs 2 million.", "2"),
        ("fr", "Il est mort le 3 juin.", "Il est mort le 3 mai 2024.", "juin"),
        ("de", "Der Preis stieg um 3,6 Prozent.", "Der Preis stieg um 3,5 Prozent.", "3,6"),
        ("ru", "Погибли 24 человека.", "Погибли двадцать три человека.", "24"),
        ("ar", "قُتل ١٣ شخصًا.", "قُتل ١٢ شخصًا.", "١٣"),
        ("hi", "टीम ने २९ लोग बचाए।", "टीम ने २८ लोग बचाए।", "२९"),
        ("zh", "滑坡造成六十四人受伤。", "滑坡造成六十三人受伤。", "六十四"),
        ("ja", "賛成8で可決した。", "反対派の議員8人が退席し、残る16人の賛成で可決した。", "8"),
        ("ko", "시민 87명이 다쳤다.", "시민 86명이 다쳤다.", "87"),
        ("sw", "Watu tisa walikufa.", "Watu wanane walikufa.", "tisa"),
        ("am", "፲፭ ሰዎች፣ 15 ቤቶች ተጎዱ።", "14 ቤቶች ተጎዱ።", "15"),
    ],
)
def test_another_number_is_a_problem(lang: str, summary: str, text: str, wrong: str) -> None:
    assert f"It says {wrong}, which the article does not." in messages(summary, text, lang)


@pytest.mark.parametrize(
    ("lang", "summary", "text"),
    [
        ("en", "In all 16 people died.", "In all 15,600 people died."),
        ("en", "In all 15 people died.", "In all 15,600 people died."),
        ("de", "Es gab 20 Tote.", "Es gab 19.999 Tote."),
        ("fr", "Il y a eu 15 morts.", "Il y a eu 15 600 morts."),
        ("fr", "Il y a eu 600 morts.", "Il y a eu 15\u202f600 morts."),
        ("en", "It cost 30 euros.", "It cost 30.5 million euros."),
    ],
)
def test_thousands_do_not_support_their_leading_digits(lang: str, summary: str, text: str) -> None:
    assert [problem.kind for problem in check(summary, text, lang).problems] == ["number"]


def test_a_rounded_number_is_a_claim() -> None:
    text = "The share of wood is 94.3 percent and of stone 18.75 percent, so 1.234 million euros."
    assert check("Wood is 94 percent, stone 19 percent.", text, "en").problems == ()


def test_claims_point_at_the_passage_that_is_most_like_the_summary() -> None:
    text = "MENU 12 items\nThe old bridge had 12 arches.\u200f In all, ﬁfty men and Ångström Ltd. repaired 12 boats.\nAd 99"
    spans = [(14, 43), (45, 102)]
    source = ArticleText(text, "Bridge: 40 boats by Zoë", spans)
    verdict = check_summary("Angstrom Ltd repaired 12 boats, not 99, and Zoe 40.", source, lang="en", max_words=None)
    found = {claim.text: claim for claim in verdict.claims}
    assert text[found["12"].start : found["12"].end] == "12"
    assert found["12"].start == text.rindex("12")
    assert found["40"] == Claim("number", "40", "title", 8, 10)
    assert found["Zoe"] == Claim("name", "Zoe", "title", 20, 23)
    assert found["Ltd"].start == text.index("Ltd")
    assert [problem.message for problem in verdict.problems] == ["It says 99, which the article does not."]  # it stands in boilerplate only


def test_a_name_of_several_words_is_one_claim_where_one_passage_has_them() -> None:
    text = "Mayor Angela de la Cruz Merkel spoke in Rome. Later Joe Biden left."
    verdict = check("In Rome, it was Angela Merkel who spoke to Joe Merkel.", text, "en")
    assert claimed(verdict, text) == [
        ("name", "Rome", "Rome"),
        ("name", "Angela Merkel", "Angela de la Cruz Merkel"),
        ("name", "Joe", "Joe"),
        ("name", "Merkel", "Merkel"),
    ]


@pytest.mark.parametrize(
    ("lang", "summary", "text", "expected"),
    [
        ("en", "The mayor met Angela Merkel.", "The mayor of the town met Angela Weber in the hall on Monday.", "It names Merkel, which the article does not."),
        (
            "ru",
            "Мэр был в Казани вчера.",
            "Мэр города был в Москве вчера вечером, где говорил о новом мосте через реку.",
            "It names Казани, which the article does not.",
        ),
        (
            "el",
            "Ο δήμαρχος ήταν στην Πάτρα χθες.",
            "Ο δήμαρχος ήταν στην Αθήνα χθες το βράδυ για τη νέα γέφυρα της πόλης.",
            "It names Πάτρα, which the article does not.",
        ),
        (
            "de",
            "Der Hersteller Ruhland baut hier.",
            "Der Hersteller Krone baut das Werk, und die Firma will im Herbst eine Halle bauen, sagte er.",
            "It names Ruhland, which the article does not.",
        ),
        ("ja", "「長い橋の夜明け」が公開。", "映画「桜」が公開された。", "It names 長い橋の夜明け, which the article does not."),
        (
            "ar",
            "وصل الوزير إلى مدينة القلعة البيضاء صباح اليوم الأحد.",
            "وصل الوزير إلى مدينة حلب صباح اليوم الأحد مع وفد.",
            "It says القلعة البيضاء, where the article says something else.",
        ),
        (
            "hi",
            "मंत्री ने सोमवार को पुष्पा ताई में नए पुल का उद्घाटन किया।",
            "मंत्री ने सोमवार को कानपुर में नए पुल का उद्घाटन किया।",
            "It says पुष्पा ताई, where the article says something else.",
        ),
        (
            "ko",
            "시장은 어제 오후에 물마루에서 새 다리 공사를 시작했다.",
            "시장은 어제 오후에 대전에서 새 다리 공사를 시작했다.",
            "It says 물마루에서, where the article says something else.",
        ),
        ("zh", "市长昨天下午在沙洲出席新桥开工仪式。", "市长昨天下午在洛阳出席新桥开工仪式。", "It says 沙洲, where the article says something else."),
        (
            "ja",
            "市長は昨日の午後に瀬戸内で開かれた式典に出た。",
            "市長は昨日の午後に金沢で開かれた式典に出た。",
            "It says 瀬戸内, where the article says something else.",
        ),
    ],
)
def test_another_name_is_a_problem(lang: str, summary: str, text: str, expected: str) -> None:
    assert messages(summary, text, lang) == [expected]


@pytest.mark.parametrize(
    ("lang", "summary", "text", "shown"),
    [
        ("en", "The council will not raise taxes.", "The council will raise taxes.", "council will not raise taxes."),
        ("en", "The council will raise taxes on fuel.", "The council won't raise taxes on fuel.", "The council won't raise taxes"),
        ("fr", "Le maire ne démissionnera pas cette année.", "Le maire démissionnera cette année.", "Le maire ne démissionnera pas"),
        ("de", "Die Stadt baut das Bad nicht weiter aus.", "Die Stadt baut das Bad weiter aus.", "das Bad nicht weiter aus."),
        ("es", "El pleno no aprobó la nueva ley.", "El pleno aprobó la nueva ley.", "El pleno no aprobó la"),
        ("ru", "Мэр не подписал новый закон.", "Мэр подписал новый закон.", "Мэр не подписал новый"),
        ("id", "Warga tidak menerima bantuan beras.", "Warga menerima bantuan beras.", "Warga tidak menerima bantuan"),
        ("ar", "لم يوافق المجلس على الخطة.", "وافق المجلس على الخطة.", "لم يوافق المجلس"),
        ("hi", "सरकार ने कर नहीं बढ़ाया है।", "सरकार ने कर बढ़ाया है।", "ने कर नहीं बढ़ाया है।"),
        ("tr", "Belediye yeni köprüyü açmadı.", "Belediye yeni köprüyü açtı.", "yeni köprüyü açmadı."),
        ("sw", "Serikali mpya hawakubali mpango huo.", "Serikali mpya wanakubali mpango huo.", "Serikali mpya hawakubali mpango huo."),
        ("ko", "시는 새 다리를 건설하지 않았다.", "시는 새 다리를 건설했다.", "새 다리를 건설하지 않았다."),
        ("ja", "市議会は条例改正案を可決しなかった。", "市議会は条例改正案を可決した。", "市議会は条例改正案を可決しなかった。"),
        ("zh", "市政府不会提高公交票价。", "市政府会提高公交票价。", "市政府不会提高公交票价。"),
    ],
)
def test_a_negation_that_only_one_has_is_a_problem(lang: str, summary: str, text: str, shown: str) -> None:
    assert messages(summary, text, lang) == [f"It and the article differ in a negation: “{shown}”."]


@pytest.mark.parametrize(
    ("lang", "summary", "text"),
    [
        ("en", "The council did not approve the plan.", "The council refused to approve the plan."),
        ("en", "The council approved not only the plan.", "The council approved the plan."),
        ("en", "He did not sign the law.", "He signed the budget. He didn't sign the law."),
        ("zh", "公司不断提高公交票价。", "公司提高公交票价。"),
        ("xx", "The council will not raise taxes.", "The council will raise taxes."),
    ],
)
def test_no_flip(lang: str, summary: str, text: str) -> None:
    assert [problem for problem in check(summary, text, lang).problems if problem.kind == "negation"] == []


ENGLISH = "The council voted on Monday to rebuild the old bridge over the river after years of debate about its cost."


def test_language_of_the_article() -> None:
    french = "Le conseil municipal a voté lundi la reconstruction du vieux pont après des années de débat sur son coût."
    assert "Its language seems to be 'fr', and the article's is 'en'." in messages(french, ENGLISH, "en")
    assert "It is written in Cyrillic letters, which the article does not use." in messages("Мост.", ENGLISH, "en")
    assert messages("Мост.", ENGLISH, "") == ["It is written in Cyrillic letters, which the article does not use."]
    assert messages("The council voted to rebuild the bridge.", ENGLISH, "en-US") == []


def test_length_of_a_summary() -> None:
    nothing = check_summary("  … ", article(ENGLISH), lang="en", max_words=60)
    assert [problem.message for problem in nothing.problems] == ["It says nothing."]
    assert (nothing.claims, nothing.support, nothing.problems[0].kind) == ((), 0.0, "length")
    assert messages("The council voted on Monday.", ENGLISH, "en", 4) == ["It is 5 words long, and at most 4 were asked for."]
    assert messages("The council voted on", ENGLISH, "en") == ["It breaks off before the end of a sentence."]
    assert messages("市議会は橋を", "市議会は橋を直す。", "ja") == ["It breaks off before the end of a sentence."]
    assert messages("สภาเมืองลงมติซ่อมสะพานเก่า", "สภาเมืองลงมติซ่อมสะพานเก่า ในวันจันทร์", "th") == []  # which has no full stops
    assert messages("ምክር ቤቱ ድልድዩን አደሰ።", "ምክር ቤቱ ድልድዩን አደሰ። ሰዎች ተደሰቱ።", "am") == []


@pytest.mark.parametrize(
    ("lang", "text", "ending"),
    [
        ("am", "ምክር ቤቱ ድልድዩን አደሰ", "፡፡"),
        ("am", "ምክር ቤቱ ድልድዩን አደሰ", "::"),
        ("bo", "བཀྲ་ཤིས", "།"),
        ("he", "המועצה אישרה את הגשר", ".״"),
        ("en", ENGLISH[:-1], ".[1][2]"),
    ],
)
def test_ends_of_other_scripts_and_footnotes_are_ends(lang: str, text: str, ending: str) -> None:
    assert messages(f"{text}{ending}", f"{text}{ending}", lang, None) == []
    assert messages(text, f"{text}{ending}", lang, None) == ["It breaks off before the end of a sentence."]


def test_nothing_that_arises_between_two_passages_is_a_claim() -> None:
    source = ArticleText("他看山川\n大海很美。", "", [(0, 4), (5, 10)])
    assert check_summary("他看「山川 大海」。", source, lang="zh", max_words=None).claims == ()
    together = ArticleText("他看山川 大海很美。", "", [(0, 10)])
    assert check_summary("他看「山川 大海」。", together, lang="zh", max_words=None).claims == (Claim("name", "山川 大海", "text", 2, 7),)


def test_messages_stay_short() -> None:
    long = "Merkel" * 40
    text = f"The mayor met nobody. {'ab' * 300} {'cd' * 300} {'ef' * 300}."
    spoken = f"The mayor met {long} and 9{'8' * 5000}. {'ab' * 300} {'cd' * 300} {'ef' * 300}, {'ab' * 300} {'cd' * 300} {'ef' * 300}."
    found = messages(spoken, text, "en", None)
    assert len(found) >= 3
    assert all(len(message) <= 120 for message in found)
    assert f"It names {long[:59]}…, which the article does not." in found


@pytest.mark.parametrize("digits", ["9" * 5000 + ".5", "1," + "9" * 5000])
def test_numbers_of_thousands_of_digits(digits: str) -> None:
    source = ArticleText(f"It is {digits} in all.", "", [(0, len(digits) + 14)])
    assert check_summary(f"It is {digits}.", source, lang="en", max_words=None).problems == ()
    assert [problem.kind for problem in check_summary("It is 44.", source, lang="en", max_words=None).problems] == ["number"]


def test_a_new_name_that_opens_a_summary() -> None:
    assert messages("Putin said that soldiers will go to Mali.", "Macron said on Monday that soldiers will go to Mali.", "en") == [
        "It names Putin, which the article does not."
    ]


def test_half_a_character_is_no_text() -> None:
    assert messages("The council vot\ufffd on Monday.", ENGLISH, "en") == ["It has characters that nobody can read."]


def test_a_conjunction_between_two_sentences_replaces_nothing() -> None:
    said = "निगम की बैठक ग्यारह दिन हुई। बैठक में कुल 64 सवाल उठे, सब हल हुए।"
    hindi = check_summary("निगम की बैठक ग्यारह दिन हुई और 64 सवाल उठे।", ArticleText(said, "", [(0, 28), (29, len(said))]), lang="hi", max_words=60)
    assert hindi.problems == ()


def test_repetition_beside_elisions_and_of_one_word() -> None:
    french = "L'ancien président de la France a été retrouvé mardi soir à Paris."
    assert messages("L'ancien président de l'ancien président de la France a été retrouvé.", french, "fr") == ["It repeats “l ancien président”."]
    assert messages("L'ancien président a été retrouvé mardi mardi mardi soir.", french, "fr") == ["It says “mardi” 3 times in a row."]
    assert messages("Anak-anak bermain di jembatan lama.", "Banyak anak-anak bermain di jembatan lama di kota.", "id") == []


def test_repetition() -> None:
    assert messages("The old bridge and the old bridge and the river.", ENGLISH, "en") == ["It repeats “the old bridge”."]
    twice = f"{ENGLISH} The old bridge stood there. The old bridge fell."
    assert messages("The old bridge fell over the old bridge.", twice, "en") == []
    three = "The old bridge fell, the old bridge, and the old bridge."
    assert messages(three, f"{twice} They loved the old bridge.", "en") == ["It repeats “the old bridge”."]
    said = "The United Nations said aid will come. The United Nations said it is late. The United Nations said more."
    assert messages("The United Nations said aid will come, and the United Nations said it is late.", said, "en") == ["It repeats “the united nations said”."]
    assert "It says “bridge” 5 times in 8 words." in messages("Bridge, bridge, the bridge, bridge of river, bridge.", ENGLISH, "en")
    assert "It repeats “市議会は橋を直す”." in messages("市議会は橋を直す、市議会は橋を直すと言う。", "市議会は橋を直すと言う。", "ja")


def test_support_is_the_share_of_word_pairs_that_the_article_has() -> None:
    assert check("The river rose again.", "On Monday the river rose.", "en").support == pytest.approx(2 / 3)
    assert check("River.", "The river rose.", "en").support == 0.0


def test_an_article_of_nothing_supports_nothing() -> None:
    source = ArticleText("", "", [])
    verdict = check_summary("The mayor met Merkel 5 times.", source, lang="en", max_words=9)
    assert {problem.kind for problem in verdict.problems} == {"number", "name", "language"}
    assert verdict.claims == ()


HOSTILE: list[Callable[[int], str]] = [
    lambda n: "9" * n,
    lambda n: "1 234 " * (n // 6),
    lambda n: "not " * (n // 4),
    lambda n: "不" * n,
    lambda n: "twelve-" * (n // 7),
    lambda n: "Abc " * (n // 4),
    lambda n: "\ud800\u200f12\u202e" * (n // 5),
    lambda n: "「" * n,
    lambda n: "a\u0301" * (n // 2),
    lambda n: "حلب دمشق " * (n // 9),
    lambda n: "한하지 않" * (n // 5),
]


@pytest.mark.parametrize("make", HOSTILE)
@pytest.mark.parametrize("lang", ["en", "ja", "ar", ""])
def test_hostile_text_takes_linear_time(make: Callable[[int], str], lang: str) -> None:
    def seconds(length: int) -> float:
        text = make(length)
        start = time.process_time()
        check_summary(text[:2000], ArticleText(text, text[:200], [(0, length // 2), (length // 2, len(text))]), lang=lang, max_words=60)
        return time.process_time() - start

    seconds(2000)  # loads the word lists
    assert seconds(40_000) < 2
