"""One system of benchmarks/contenders.py in a process of its own: trained, or asked about articles, with the time and the memory that it takes.

In: articles as JSON Lines, a model folder. Out: a JSON file with what the system says about each article and what that took.
Does not know: scores, the other systems.

    python -m benchmarks.contender_process train SYSTEM ARTICLES MODEL OUTPUT    # MODEL is an empty folder
    python -m benchmarks.contender_process ask SYSTEM ARTICLES MODEL OUTPUT
"""

import argparse
import importlib.util
import json
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.contenders import BROADSHEET, CONTENDERS

if TYPE_CHECKING:
    from inference.article import Article

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "BLIS_NUM_THREADS")
ENVIRONMENT = dict.fromkeys(THREADS, "1") | {"TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": ""}
"""What such a process is to be started with: one thread of a CPU."""

BATCH_ARTICLES = 256  # asked about at a time, as many as the Analyzer sorts by length
WARM_UP_ARTICLES = 8  # asked about before the clock runs


def train(system: str, articles: Sequence["Article"], folder: Path) -> dict[str, Any]:
    """Train a system into `folder`, and say what that took."""
    fit = CONTENDERS[system].train
    if fit is None:
        raise ValueError(f"{system} is not trained here")
    seconds, processor = time.perf_counter(), time.process_time()
    fit(articles, folder)
    return {"seconds": time.perf_counter() - seconds, "processor_seconds": time.process_time() - processor, "peak_bytes": peak_bytes()}


def ask(system: str, articles: Sequence["Article"], folder: Path) -> dict[str, Any]:
    """Load a system and ask it about the articles. Loading and the first few articles are not in the seconds of the answers."""
    start = time.perf_counter()
    answer = CONTENDERS[system].load(folder)
    load_seconds = time.perf_counter() - start
    answer(articles[:WARM_UP_ARTICLES])
    seconds, processor = time.perf_counter(), time.process_time()
    answers = [row for first in range(0, len(articles), BATCH_ARTICLES) for row in answer(articles[first : first + BATCH_ARTICLES])]
    return {
        "seconds": time.perf_counter() - seconds,
        "processor_seconds": time.process_time() - processor,
        "load_seconds": load_seconds,
        "peak_bytes": peak_bytes(),
        "answers": answers,
    }


def peak_bytes() -> int:
    """The largest resident memory of this process. On Linux `ru_maxrss` would have the memory of the parent as its floor."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in bytes on macOS
    (line,) = (line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def without_torch() -> None:
    """Let modules of `inference` be imported one by one: the package is found, but its `__init__`, which loads torch, is not run."""
    spec = importlib.util.find_spec("inference")
    if spec is None:
        raise ModuleNotFoundError("inference is not installed: run from the root of the repository, or install the package")
    sys.modules["inference"] = importlib.util.module_from_spec(spec)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contender_process", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("action", choices=("train", "ask"))
    parser.add_argument("system", choices=CONTENDERS)
    for name in ("articles", "model", "output"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args(arguments)
    if options.system != BROADSHEET:
        without_torch()
    articles = list(importlib.import_module("inference.article").read_articles(options.articles))
    result = (train if options.action == "train" else ask)(options.system, articles, options.model)
    options.output.write_text(json.dumps(result, ensure_ascii=False), encoding="utf-8")


if __name__ == "__main__":
    main()
