"""The folder of a run: who may write to it, what stands in it before the first step, and where a stopped run goes on.

In: the config and the corpus of a run. Out: config.yaml, data.json and left_out.json in its folder, or an error where another run is at home
there. Does not know: models, training, what a checkpoint holds.
"""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict
from difflib import unified_diff
from pathlib import Path

from inference.article import open_whole
from inference.errors import ConfigError, DataError
from training.config import RunConfig
from training.corpus import SHARED_WITH_HELD_OUT, Corpus

CONFIG_FILE = "config.yaml"
DATA_FILE = "data.json"
LEFT_OUT_FILE = "left_out.json"


def claim_output(output: Path, text: str, resume: bool) -> None:
    """A new run wants a folder of its own; a resumed one the config that it began with, whose YAML is `text`."""
    stored = output / CONFIG_FILE
    if resume:
        if not stored.is_file():
            raise ConfigError(f"output: {output} holds no run to resume. Leave out --resume to start one.")
        before = stored.read_text(encoding="utf-8")
        if before != text:
            lines = list(unified_diff(before.splitlines(), text.splitlines(), n=0))[2:]  # without the names of the files
            changed = [f"{line[0]} {line[1:].strip()}" for line in lines if line[0] in "+-"]
            raise ConfigError(
                f"{stored}: the run began with another config; changed now: {'; '.join(changed[:8])}. "
                "Resume with the old one, and with the version that began the run, or name a new output."
            )
    elif int(os.environ.get("RANK", "0")) == 0:
        if (output / "checkpoint").exists() or last_complete_state(output):
            raise ConfigError(f"output: {output} already holds a run. Resume it with --resume, remove the folder, or name another: --set output=runs/NAME.")
        for pattern in ("tokenizer", ".tokenizer.*", "checkpoint-*"):  # of a run that died before its first save
            for unfinished in output.glob(pattern):
                shutil.rmtree(unfinished, ignore_errors=True)
        with open_whole(stored) as file:
            file.write(text)


def claim_data(output: Path, digests: dict[str, str], resume: bool) -> None:
    """A resumed run wants the data that it began with: another text would make another plan of batches. `digests` are by source, or by language."""
    stored = output / DATA_FILE
    if not resume:
        if int(os.environ.get("RANK", "0")) == 0:
            with open_whole(stored) as file:
                json.dump(digests, file, indent=2)
        return
    before = json.loads(stored.read_text(encoding="utf-8")) if stored.is_file() else {}
    changed = [name for name in {**before, **digests} if before.get(name) != digests.get(name)]
    if changed:
        raise DataError(f"{stored}: the texts of {', '.join(changed)} are not those that the run began with. Restore them, or name a new output.")


def list_left_out(config: RunConfig, corpus: Corpus, write: Callable[[str], None]) -> None:
    """Say how many training articles were left out since they overlap dev or held-out ones, and list all of them in a file of the run."""
    counts = {loaded.source.name: loaded.dropped[SHARED_WITH_HELD_OUT] for loaded in corpus.train if SHARED_WITH_HELD_OUT in loaded.dropped}
    stored = config.output / LEFT_OUT_FILE
    if int(os.environ.get("RANK", "0")) == 0:
        with open_whole(stored) as file:
            overlaps = [asdict(overlap) for overlap in corpus.shared_with_held_out]
            json.dump({"reason": SHARED_WITH_HELD_OUT, "articles": counts, "overlaps": overlaps}, file, indent=1)
    if counts:
        named = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        write(f"left out {sum(counts.values()):,} training articles that overlap a dev or held-out article ({named}); {stored} lists them")


def last_complete_state(output: Path) -> str | None:
    """The newest state that was saved whole: the Trainer writes trainer_state.json last."""
    states = [path.parent for path in output.glob("checkpoint-*/trainer_state.json")]
    return str(max(states, key=lambda path: int(path.name.rpartition("-")[2]))) if states else None
