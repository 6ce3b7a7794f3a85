"""What stands beside every benchmark's numbers: the machine and the revision."""

import os
import platform
import re
import subprocess
from pathlib import Path

import torch


def machine() -> dict:
    """Name of the GPU, or of the CPU where there is none, with cores, threads used, memory and versions."""
    return {
        "machine": torch.cuda.get_device_name() if torch.cuda.is_available() else _cpu_name(),
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "revision": revision(),
    }


def peak_mb() -> int:
    """Most memory that this process has held. `ru_maxrss` would count the process that started it, too."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return round(int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024)


def revision() -> str:
    """The measured commit, with `-dirty` where tracked files differ from it; outside git what REVISION says."""
    try:
        text = subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parent,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("REVISION", "unknown")
    return text.strip()


def _cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
