from benchmarks.common import ROOT, SAMPLE
from training.config import load_config
from training.corpus import load_corpus


def test_the_sample_stands_in_for_all_data_of_a_config() -> None:
    """A benchmark that asks for speed only needs none of the public sets."""
    corpus = load_corpus(load_config(ROOT / "configs" / "news.yaml", SAMPLE))
    assert [loaded.source.name for loaded in (*corpus.train, *corpus.dev, *corpus.held_out)] == ["sample", "sample"]
