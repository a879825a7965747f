"""The arrows of the packages: a module imports only what stands above it, and inference never imports training."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

ORDER = {
    "inference": [
        "errors",
        "labels",
        "article",
        "words",
        "language",
        "sentences",
        "lexicon",
        "lines",
        "cleaning",
        "encoding",
        "batch",
        "ngrams",
        "segments",
        "salience",
        "overlap",
        "heads",
        "losses",
        "model",
        "checkpoint",
        "export",
        "selection",
        "generation",
        "numerals",
        "number_words",
        "negation",
        "background",
        "support",
        "substance",
        "unfamiliar",
        "substitution",
        "faithfulness",
        "analysis",
        "summaries",
        "analyzer",
        "view",
        "stream",
        "api",
        "__init__",
        "__main__",
    ],
    "training": [
        "allocator",
        "yaml_text",
        "config_problems",
        "config_types",
        "config_file",
        "config_model",
        "config",
        "config_pretrain",
        "rows",
        "sources",
        "duplicates",
        "leakage",
        "corpus",
        "corpus_view",
        "vocabulary",
        "oracle",
        "examples",
        "ngram_models",
        "batches",
        "metrics",
        "bootstrap",
        "baselines",
        "results",
        "pair_features",
        "linear",
        "costly_baselines",
        "calibration",
        "groups",
        "judgment",
        "score_rows",
        "scoring",
        "probes",
        "gold",
        "evaluation",
        "salience_model",
        "held_out",
        "comparison",
        "report_svg",
        "report_rows",
        "report_plots",
        "report_scores",
        "report_comparison",
        "report_sections",
        "report_page",
        "report",
        "floors",
        "card_text",
        "card",
        "decoder",
        "dev",
        "optimizer",
        "trainer",
        "adapters",
        "build",
        "run_folder",
        "arguments",
        "run_description",
        "run",
        "texts",
        "packing",
        "cooccurrence",
        "pretrain",
        "__init__",
        "__main__",
    ],
}
"""Bottom to top; a name that has no file yet holds a place."""

METRICS = [
    "__init__",
    "sums",
    "labels",
    "summaries",
    "spans",
    "confidence",
    "multilingual_rouge",
    "chrf",
    "topic_f1",
    "stance_f1",
    "expected_calibration_error",
    "fnc1_score",
]
"""The only folder inside a package, training/metrics, bottom to top; to the rest of training it is one module, metrics."""

TRAINING_ONLY = {
    *("accelerate", "datasets", "evaluate", "peft", "pydantic", "yaml", "rouge_score", "sacrebleu", "scipy", "sklearn", "sumy", "tensorboard"),
    "training",
}

FILES = [path for package in ORDER for path in sorted((ROOT / package).rglob("*.py"))]


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Dotted names that a file imports, anywhere in it, with their lines; `from inference import x` counts as inference.x."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: a relative import; write the whole name"
            assert node.module is not None
            for alias in node.names:
                yield (f"{node.module}.{alias.name}" if node.module in ORDER else node.module), node.lineno


def place(module: str) -> int:
    package, _, name = module.partition(".")
    names = ORDER[package]
    first = name.split(".")[0]
    return names.index(first) if first in names else names.index("__init__")  # a public name of the package itself


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_a_module_imports_only_what_stands_above_it(path: Path) -> None:
    package = path.relative_to(ROOT).parts[0]
    order, module = ORDER[package], path.stem
    if path.is_relative_to(ROOT / "training" / "metrics"):
        order, module = METRICS, path.relative_to(ROOT / "training" / "metrics").parts[0].removesuffix(".py")
    else:
        assert path.parent == ROOT / package, f"{path}: packages are flat; a folder inside needs a place in {__file__}, as training/metrics has"
    assert module in order, f"{path}: this file has no place yet. Add {module!r} to its order in {__file__}, below what imports it."
    own = order.index(module)
    for name, line in imports(path):
        other = name.split(".")[0]
        where = f"{path}:{line}: imports {name}"
        if package == "inference":
            assert other not in TRAINING_ONLY, f"{where}, which only training may"
        if order is METRICS and name.startswith("training.metrics."):
            assert METRICS.index(name.split(".")[2]) < own, f"{where}, which stands below it. The order is: {' '.join(METRICS)}"
        elif other == package:
            limit = ORDER[package].index("metrics") if order is METRICS else own
            assert place(name) < limit, f"{where}, which stands below it. The order is: {' '.join(ORDER[package])}"


def test_the_order_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("import inference.model\nfrom inference import api, Article\nfrom inference.words import words\nfrom os import path\n")
    assert [name for name, _ in imports(path)] == ["inference.model", "inference.api", "inference.Article", "inference.words", "os"]
    assert place("inference.model") > place("inference.words")
    assert place("inference.Article") == ORDER["inference"].index("__init__")


@pytest.mark.parametrize("package", ORDER)
def test_no_name_stands_twice(package: str) -> None:
    assert len(ORDER[package]) == len(set(ORDER[package]))


def test_import_inference_loads_nothing_of_training() -> None:
    code = "import inference, inference.analyzer, sys; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    loaded = set(run.stdout.split())
    assert "transformers" in loaded
    assert not loaded & {"datasets", "evaluate", "training", "rouge_score", "sacrebleu"}  # transformers loads the others where they are installed
