"""What machine this is, as far as it says; stored beside every number."""

import os
import platform
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

# What decides how fast a CPU multiplies matrices.
_FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_tile", "amx_bf16")
_GPU_QUERY = (
    "name,driver_version,memory.total,clocks.sm,clocks.mem,clocks.max.sm,power.limit"
)


def describe_machine() -> dict[str, Any]:
    """CPU and its features, memory, GPU and its clocks, system."""
    cpu = _read("/proc/cpuinfo")
    flags = set((re.search(r"^flags\s*:(.*)$", cpu, re.M) or [""])[0].split())
    name = re.search(r"^model name\s*: (.*)$", cpu, re.M)
    memory = re.search(r"MemTotal:\s+(\d+)", _read("/proc/meminfo"))
    return {
        "cpu": name[1].strip() if name else platform.processor() or "unknown",
        "cores": os.cpu_count(),
        "cpu_features": {flag: flag in flags for flag in _FLAGS},
        "memory_gib": round(int(memory[1]) / 2**20, 1) if memory else None,
        "gpu": _gpu(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def machine_name(machine: dict[str, Any]) -> str:
    """A name for a folder, such as `amd-epyc-2-cores` or `nvidia-h200`."""
    name = machine["gpu"]["name"] if machine["gpu"] else machine["cpu"]
    if not machine["gpu"]:
        name += f" {machine['cores']} cores"
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


class Disturbance:
    """How much other programs ran while something was measured.

    Example:
        >>> disturbance = Disturbance()
        >>> report = disturbance.report()
    """

    def __init__(self) -> None:
        self.busy, self.total = _processor_time()
        self.own = _own_time()

    def report(self) -> dict[str, float]:
        """The share of all cores that other programs used.

        Own work counts once the processes that did it have ended.
        """
        busy, total = _processor_time()
        others = (busy - self.busy) - (_own_time() - self.own)
        share = max(others, 0.0) / max(total - self.total, 1e-9)
        return {"cores_used_by_others": round(share, 3)}


def _processor_time() -> tuple[float, float]:
    """Seconds of all cores since the start: busy, and in all."""
    line = _read("/proc/stat").partition("\n")[0].split()[1:9]
    ticks = [float(number) for number in line] or [0.0] * 8
    idle = ticks[3] + ticks[4]
    hertz = os.sysconf("SC_CLK_TCK")
    return (sum(ticks) - idle) / hertz, sum(ticks) / hertz


def _own_time() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _gpu() -> dict[str, str] | None:
    if shutil.which("nvidia-smi") is None:
        return None
    query = ["nvidia-smi", f"--query-gpu={_GPU_QUERY}", "--format=csv,noheader"]
    result = subprocess.run(query, capture_output=True, text=True, check=False)
    if result.returncode:
        return None
    values = result.stdout.splitlines()[0].split(", ")
    return dict(zip(_GPU_QUERY.split(","), values, strict=True))


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""
