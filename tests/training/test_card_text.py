"""Generated parts of a Markdown file are written anew, and nothing else."""

from pathlib import Path

import pytest

from inference.errors import ConfigError
from training.card_text import fill_block, read_text, replace_keys
from training.yaml_text import parse


def test_a_block_is_filled_between_its_own_markers() -> None:
    text = "a <!-- begin:card:run -->old\n<!-- end:card:data --><!-- end:card:run --> b"
    assert fill_block(text, "run", "new\n", Path("card.md")) == "a <!-- begin:card:run -->\nnew\n<!-- end:card:run --> b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<!-- begin:card:run -->", "<!-- end:card:run --> is missing. Put the lines"),
        ("<!-- begin:card:run --><!-- end:card:run -->" * 2, "<!-- begin:card:run --> stands 2 times. Put the lines"),
        ("<!-- end:card:run --><!-- begin:card:run -->", "<!-- end:card:run --> stands above <!-- begin:card:run -->. Put it below."),
        ("<!-- begin:run --><!-- end:run -->", "<!-- begin:card:run --> is missing."),  # those of another tool
    ],
)
def test_wrong_markers_are_explained(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        fill_block(text, "run", "new\n", Path("card.md"))
    assert str(error.value).startswith(f"card.md: {message}")


def test_front_matter_that_is_missing() -> None:
    with pytest.raises(ConfigError) as error:
        replace_keys("# Model\n---\n---\n", {"language": "language: fr\n"}, Path("card.md"))
    assert str(error.value) == (
        "card.md: has no front matter. Begin the file with a line ---, then what people must say, such as 'license: apache-2.0' and 'tags: [news]', "
        "a key a line, then another line ---."
    )


@pytest.mark.parametrize(
    ("front", "message"),
    [
        ("{language: en, license: mit}\n", "language must not share a line of the front matter with other keys. Write a key a line."),
        ("- news\n", "the front matter must be a mapping, found list. Write a key a line, such as 'license: apache-2.0'."),
        ("license: mit\nlanguage: en\nlanguage: de\n", "card.md:4: language: the key stands twice, first on line 3. Keep one of them."),
        ("license: [mit\n", "card.md:3: not valid YAML"),
    ],
)
def test_front_matter_that_cannot_be_kept(front: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        replace_keys(f"---\n{front}---\n", {"language": "language: fr\n"}, Path("card.md"))
    assert message in str(error.value)
    assert str(error.value).startswith("card.md")


@pytest.mark.parametrize(
    ("front", "expected"),
    [
        ("", "language: fr\n"),
        ("a: 1\n", "a: 1\nlanguage: fr\n"),
        ("language:\n- en\n- de\n\n# of b\nb: 2\n", "language: fr\n\n# of b\nb: 2\n"),
        ("a:\n  language: de\nlanguage: >\n  en\n", "a:\n  language: de\nlanguage: fr\n"),
    ],
)
def test_only_the_lines_of_the_key_are_replaced(front: str, expected: str) -> None:
    text = replace_keys(f"---\n{front}---\nbody\n---\nlanguage: en\n", {"language": "language: fr\n"}, Path("card.md"))
    assert text == f"---\n{expected}---\nbody\n---\nlanguage: en\n"
    assert parse(expected, "card.md")[0]["language"] == "fr"


def test_text_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "card.md").write_bytes(b"caf\xe9")
    with pytest.raises(ConfigError, match=r"card\.md: a card must be UTF-8 text \(.* at byte 3\)\."):
        read_text(tmp_path / "card.md")
    with pytest.raises(ConfigError, match=r"cannot be read \(Is a directory\)\. Name a Markdown file"):
        read_text(tmp_path)
