"""How the C library keeps memory in a process.

In and out: nothing; a setting of this process. Does not know: tensors, devices, configs.
"""

import ctypes
import platform

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4  # malloc.h of glibc

KEPT_BYTES = 2**31 - 1
"""The most that mallopt takes. What is freed stays with the process until this much lies free at the end of its memory."""

PADDED_BYTES = 2**28
"""Memory is asked of the system in pieces of this size."""


def keep_freed_memory() -> bool:
    """Let the process keep what it frees, where the C library is glibc; returns whether it was told to.

    A step of pretraining allocates and frees the same large tensors, scores of every piece for every masked token among them. By default glibc gives
    each back to the system, and each new one costs a page fault and a page of zeros for every 4 KiB (`python -m benchmarks.step_time`).
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all(mallopt(option, value) == 1 for option, value in ((M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, KEPT_BYTES), (M_TOP_PAD, PADDED_BYTES)))
