"""A process for each device of this machine, started and watched by `train`."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import IO

from keras_musicvae.errors import ConfigError, TrainingError

PATIENCE = 5.0
"""Seconds in which the first process may say by itself that another one is lost."""

ADDED = 6
"""How many arguments `launch` adds to a command."""


def launch(arguments: Sequence[str], devices: int) -> int:
    """Runs a command once for each device, as processes that train together.

    The first one has the terminal; what the others print is shown if they fail.

    Args:
        arguments: Those of the command. `--processes`, `--coordinator` and `--rank`
            are added.
        devices: How many. A process sees the GPU of its rank, if there are any.

    Returns:
        The exit code.

    Raises:
        ConfigError: `CUDA_VISIBLE_DEVICES` names fewer GPUs.
        TrainingError: A process failed; the others were stopped.
    """
    coordinator = ",".join(f"127.0.0.1:{port}" for port in _free_ports(devices))
    together = [*arguments, "--processes", str(devices), "--coordinator", coordinator]
    with contextlib.ExitStack() as stack:
        logs: list[IO[bytes] | None] = [None]
        for _ in range(1, devices):
            logs.append(stack.enter_context(tempfile.TemporaryFile()))
        processes: list[subprocess.Popen] = []
        stack.callback(_kill, processes)
        for rank, environment in enumerate(_environments(devices)):
            command = [sys.executable, "-m", "keras_musicvae", *together]
            processes.append(
                subprocess.Popen(
                    [*command, "--rank", str(rank)],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=logs[rank],
                    stderr=logs[rank],
                )
            )
        failed = _first_failure(processes)
        if failed is None:
            return 0
        with contextlib.suppress(subprocess.TimeoutExpired):
            if (code := processes[0].wait(PATIENCE)) > 0:
                return code  # it has said why
        reason = _reason(processes[failed].returncode, logs[failed])
        raise TrainingError(
            f"Process {failed} of {devices} {reason}; the others were stopped. The "
            "last checkpoint is kept: the same command goes on from it, with another "
            "number of devices too."
        )


def _first_failure(processes: Sequence[subprocess.Popen]) -> int | None:
    """The rank of the first process that fails; None once all have ended well."""
    while True:
        codes = [process.poll() for process in processes]
        for rank, code in enumerate(codes):
            if code:
                return rank
        if None not in codes:
            return None
        time.sleep(0.1)


def _reason(code: int, log: IO[bytes] | None) -> str:
    if code < 0:
        return f"was killed ({signal.Signals(-code).name})"
    lines = [""]
    if log is not None:
        log.seek(0)
        lines = log.read().decode(errors="replace").strip().splitlines() or lines
    return (
        f"ended with code {code}: {lines[-1].removeprefix('keras-musicvae: error: ')}"
    )


def _kill(processes: Sequence[subprocess.Popen]) -> None:
    for process in processes:
        process.kill()
        process.wait()


def _environments(devices: int) -> list[dict[str, str]]:
    """Each process sees one GPU, or has its share of the processor's cores."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    gpus = list(map(str, range(devices))) if visible is None else visible.split(",")
    if not visible and visible is not None:
        gpus = [""] * devices  # to train on the processor
    if len(gpus) < devices:
        raise ConfigError(
            f"CUDA_VISIBLE_DEVICES names {len(gpus)} GPUs. Received: devices={devices}"
        )
    threads = str(max((os.cpu_count() or 1) // devices, 1))
    shared = {"OMP_NUM_THREADS": threads, **os.environ}
    return [{**shared, "CUDA_VISIBLE_DEVICES": gpu} for gpu in gpus[:devices]]


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
