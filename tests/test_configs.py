from pathlib import Path

import pytest

from training.config import load_config
from training.corpus import load_corpus

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))


def test_there_are_configs() -> None:
    assert {"quickstart", "news"} <= {path.stem for path in CONFIGS}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_is_valid_and_says_how_to_run_it(path: Path) -> None:
    config = load_config(path)
    assert config.name == path.stem
    assert config.output == Path("runs") / path.stem
    header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    assert f"python -m training train configs/{path.name}" in "\n".join(header)
    assert "--set " in "\n".join(header)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_overrides_in_the_headers_work(path: Path) -> None:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#") and "--set" in line]
    assert lines, "the header shows one override"
    for line in lines:
        overrides = [word for before, word in zip(line.split(), line.split()[1:], strict=False) if before == "--set"]
        assert load_config(path, overrides) != load_config(path)


def test_every_dev_source_of_news_is_trained_on_too() -> None:
    config = load_config(ROOT / "configs" / "news.yaml")
    train = {source.name: source for source in config.data.train}
    for dev in config.data.dev:
        assert dev.name in train
        assert dev.path != train[dev.name].path
        assert (dev.columns, dev.labels, dev.neutral_covers_unrelated) == (
            train[dev.name].columns,
            train[dev.name].labels,
            train[dev.name].neutral_covers_unrelated,
        )


def test_the_sample_corpus_of_quickstart_loads_without_loss() -> None:
    corpus = load_corpus(load_config(ROOT / "configs" / "quickstart.yaml", data_root=ROOT))
    (train,), (dev,) = corpus.train, corpus.dev
    assert train.dropped == dev.dropped == {}
    assert len(train.articles) > 4 * len(dev.articles) - 20
    assert len(train.topic_labels) == len(dev.topic_labels) == 17
    assert corpus.shared_with_held_out == ()
