"""A wheel built from the source tree: it carries every file of the packages and the released checkpoint, which works with the network cut."""

import json
import os
import shutil
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path

import pytest

from inference import summarize
from inference.checkpoint import verify
from inference.export import export_checkpoint

ROOT = Path(__file__).parents[1]
PACKAGES = ("inference", "training")
TEXT = (
    "Menu | Sport | Weather\n"
    "The harbor council of Porthaven rejected the ferry plan on Monday by nineteen votes to four. "
    "Engineers had warned that the old pier would not carry the new ships. "
    "The mayor said that a smaller plan would follow in spring."
)
FIRST_CALL = """
import json, socket, sys, urllib.request

asked = []

def cut(*arguments, **options):
    asked.append(repr(arguments[-1]))
    raise OSError("the network is cut")

for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, cut)
socket.getaddrinfo = socket.create_connection = cut
try:
    urllib.request.urlopen("https://huggingface.co")
except OSError:
    assert asked, "the network is not cut"
asked.clear()

import inference

print(json.dumps({"summary": inference.summarize(sys.argv[1]), "asked": asked, "package": inference.__file__}))
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory, saved_checkpoint: Path) -> Path:
    """What setuptools reads of the source tree, with an export of a tiny checkpoint as the released one."""
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copyfile(ROOT / name, tree / name)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tree / package, ignore=shutil.ignore_patterns("__pycache__", "released"))
    export_checkpoint(saved_checkpoint, tree / "inference" / "released", license="CC0-1.0")
    return tree


@pytest.fixture(scope="module")
def installed(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder into which the wheel was unpacked."""
    folder = tmp_path_factory.mktemp("installed")
    code = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
    run = subprocess.run([sys.executable, "-c", code, str(folder)], cwd=tree, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    (wheel,) = folder.glob("broadsheet-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def test_a_wheel_carries_every_file_of_the_packages(tree: Path, installed: Path) -> None:
    files = {path.relative_to(tree).as_posix() for package in PACKAGES for path in (tree / package).rglob("*") if path.is_file()}
    assert files >= {"inference/api.py", "inference/lexicon.json", "inference/released/model.safetensors", "inference/released/README.md"}
    assert files - {path.relative_to(installed).as_posix() for path in installed.rglob("*")} == set()
    assert verify(installed / "inference" / "released")["run"]["license"] == "CC0-1.0"


def test_the_first_call_of_an_installed_package_asks_nobody(installed: Path, tmp_path: Path) -> None:
    """A fresh process, no network, nothing set, an empty home: `summarize(text)` gives what the same checkpoint gives here."""
    set_elsewhere = ("HF_", "HUGGINGFACE", "TRANSFORMERS_", "BROADSHEET_", "XDG_", "PYTHON")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(set_elsewhere)}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(installed)}
    run = subprocess.run(
        [sys.executable, "-c", FIRST_CALL, TEXT], cwd=tmp_path, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False
    )
    assert (run.returncode, run.stderr) == (0, "")
    released = installed / "inference" / "released"
    expected = {"summary": summarize(TEXT, checkpoint=released), "asked": [], "package": str(installed / "inference" / "__init__.py")}
    assert json.loads(run.stdout) == expected
    assert expected["summary"]
    assert list(tmp_path.iterdir()) == []


def test_git_does_not_ignore_a_released_checkpoint(tree: Path) -> None:
    patterns = [line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    for path in (tree / "inference" / "released").iterdir():
        hidden = [pattern for pattern in patterns for part in ("inference", "released", path.name) if fnmatch(part, pattern)]
        assert hidden == [], path.name
