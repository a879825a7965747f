import pytest

from inference.errors import ConfigError
from training.yaml_text import dump, parse, parse_value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2e-5", 2e-5),
        ("2.5", 2.5),
        ("-1", -1),
        ("8_000_000", 8_000_000),
        ("010", 10),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("12:30", "12:30"),
        ("2024-05-01", "2024-05-01"),
        ("'5'", "5"),
        ("[a, 1]", ["a", 1]),
    ],
)
def test_scalars_are_read_as_yaml_1_2(text: str, value: object) -> None:
    read = parse_value(text)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize("value", ["2e-5", "no", "true", "12", "", "null", "1_000", 2e-5, True, None, "yes: no", "日本\n語"])
def test_what_is_dumped_reads_back_the_same(value: object) -> None:
    assert parse(dump({"key": value}), "x.yaml")[0] == {"key": value}


def test_every_value_has_its_line() -> None:
    _, lines, _ = parse("a: 1\nb:\n  c:\n    - x\n    - {d: 2}\n", "x.yaml")
    assert lines == {("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "c", 0): 4, ("b", "c", 1): 5, ("b", "c", 1, "d"): 5}


def test_duplicate_keys_are_named_with_both_lines() -> None:
    _, _, duplicates = parse("a:\n  b: 1\n  c: 2\n  b: 3\n", "x.yaml")
    assert duplicates == ["x.yaml:4: a.b: the key stands twice, first on line 2. Keep one of them."]


def test_an_alias_is_read_and_a_recursive_one_ends() -> None:
    value, _, duplicates = parse("a: &m {x: 1}\nb: *m\nc: &r [*r]\n", "x.yaml")
    assert value["b"] == {"x": 1}
    assert duplicates == []


@pytest.mark.parametrize("text", ["a: [1", "a:\n\t- b", "a: b: c", "a: !!python/object:os.system x"])
def test_broken_yaml_names_the_line(text: str) -> None:
    with pytest.raises(ConfigError, match=r"^x\.yaml:[12]: not valid YAML: "):
        parse(text, "x.yaml")
