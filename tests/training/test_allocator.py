"""Tests of training/allocator.py, in a process of its own: the setting stays for good."""

import platform
import subprocess
import sys

from training.allocator import keep_freed_memory

SCRIPT = """
import resource, torch
from training.allocator import keep_freed_memory

def faults(keep):
    if keep:
        assert keep_freed_memory()
    torch.ones(2**22).sum()  # 16 MiB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(2**22).sum()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

print(faults(False), faults(True))
"""


def test_freed_memory_is_used_again_without_page_faults() -> None:
    if platform.libc_ver()[0] != "glibc":
        assert not keep_freed_memory()
        return
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    default, kept = map(int, done.stdout.split())
    assert kept < 50 < default
