import subprocess
import sys

import pytest

from inference.article import Article
from inference.language import CONFIDENCE_FLOOR, identify


def test_every_sample_language_is_identified(sample: list[Article]) -> None:
    found = {article.lang: identify(article.text[-600:]) for article in reversed(sample) if not article.boilerplate}
    assert len(found) == 13
    assert {lang: code for lang, (code, _) in found.items()} == {lang: lang for lang in found}
    assert all(confidence > 0.9 for _, confidence in found.values())


def test_tigrinya_is_told_from_amharic() -> None:
    assert identify("ፕረዚደንት ኣብ ኣስመራ ምስ ኣባላት ባይቶ ዘተ ኣካይዱ። እዚ ኣኼባ ኣዝዩ ኣገዳሲ እዩ።")[0] == "ti"
    assert identify("ፕሬዚዳንቱ በአዲስ አበባ ከምክር ቤት አባላት ጋር ተወያዩ። ስብሰባው በጣም አስፈላጊ ነው።")[0] == "am"


@pytest.mark.parametrize("text", ["", " \n", "12:34", "😀", "\0\ud800", "Hello", "Biden"])
def test_no_guess_without_evidence(text: str) -> None:
    code, confidence = identify(text)
    assert code == ""
    assert 0 <= confidence < CONFIDENCE_FLOOR


def test_lone_surrogates_and_null_bytes_are_passed_over() -> None:
    assert identify("Der Stadtrat\ud800 hat die\0 neue Brücke beschlossen.")[0] == "de"


def test_only_the_beginning_is_read() -> None:
    german = "Der Stadtrat hat am Dienstagabend die neue Brücke beschlossen. " * 40
    assert identify(german + "The council has approved the bridge. " * 10_000) == identify(german)


def test_the_identifier_is_loaded_when_asked() -> None:
    code = "import sys, inference.language as l; print('py3langid' in sys.modules); l.identify('hallo du'); print('py3langid' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert run.stdout.split() == ["False", "True"]
