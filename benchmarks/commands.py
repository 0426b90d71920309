"""What is measured: one function per command, whose result becomes JSON."""

import io
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.contenders import (
    NATIVE,
    NATIVE_COMPILED,
    OURS,
    OURS_FIT,
    STOCK,
    exists,
)
from benchmarks.race import Options, race, workers
from benchmarks.tasks import FLAT, FULL, PRECISIONS, TINY, Task
from benchmarks.worker import ROOT, Worker, WorkerError

TRAIN_BATCHES = (32, 128, 512, 2048, 4096)
# Stock Keras layers loop in Python on PyTorch: from here on that takes minutes.
LARGEST_STOCK_BATCH = 128
CALL_BATCHES = (1, 64, 512)
FULL_CALL_BATCHES = (1, 8, 64, 512, 4096)
# A precision whose matrix products are slower than this share of float32's is done in
# software: a train step would take minutes and say nothing.
EMULATED = 0.1
GROOVES, PRESET, MEMORY = 512, "groove_4bar", Path("/dev/shm")


def train(options: Options) -> dict[str, Any]:
    """Forward, backward, clipping, Adam, beside hand-written code and the limit.

    Returns:
        `rates` of the machine by precision and backend, `races`.
    """
    rates: dict[str, Any] = {}
    races = []
    for precision in PRECISIONS:
        planned = [c for c in _train_cases(options) if c[0].precision == precision]
        if not planned:
            continue
        with workers(options, precision) as processes:
            rates[precision] = {
                backend: worker.ask("rates", precision=precision)
                for backend, worker in processes.items()
            }
            able = {
                backend: worker
                for backend, worker in processes.items()
                if not is_emulated(rates, precision, backend)
            }
            for task, contenders in planned:
                print(f"  train {task.label}", file=sys.stderr)
                races.append(race(able, task, contenders, options))
    return {"rates": rates, "races": races}


def is_emulated(rates: dict[str, Any], precision: str, backend: str) -> bool:
    """Whether a backend does this precision in software on this machine."""
    usual = rates.get("float32", {}).get(backend, {}).get("matrix_flops", 0.0)
    return rates[precision][backend]["matrix_flops"] < EMULATED * usual


def _train_cases(options: Options) -> Iterator[tuple[Task, Sequence[str]]]:
    if options.tiny:
        yield Task("train", 4, TINY), (OURS, NATIVE, OURS_FIT, STOCK)
    elif not options.full:
        yield Task("train", 128, FULL), (OURS, NATIVE, STOCK)
        yield Task("train", 512, FULL), (OURS, NATIVE)
        yield Task("train", 128, FLAT), (OURS, NATIVE)
        yield Task("train", 128, FULL, "bfloat16"), (OURS, NATIVE)
    else:
        # tf32 is a mode of NVIDIA GPUs.
        for precision in PRECISIONS if options.gpu else ("float32", "bfloat16"):
            for size in (FULL, FLAT):
                for batch in TRAIN_BATCHES:
                    contenders = [OURS, NATIVE, OURS_FIT, NATIVE_COMPILED]
                    if batch <= LARGEST_STOCK_BATCH or options.gpu:
                        contenders.append(STOCK)
                    yield Task("train", batch, size, precision), contenders


def sample(options: Options) -> dict[str, Any]:
    """From latents to grooves: latency of one, grooves per second of many."""
    return _calls("sample", options)


def encode(options: Options) -> dict[str, Any]:
    """From grooves to posteriors: latency of one, grooves per second of many."""
    return _calls("encode", options)


def _calls(kind: str, options: Options) -> dict[str, Any]:
    batches = FULL_CALL_BATCHES if options.full else CALL_BATCHES
    races = []
    with workers(options) as processes:
        for batch in batches[:2] if options.tiny else batches:
            task = Task(kind, batch, TINY if options.tiny else FULL)
            print(f"  {task.kind} {task.label}", file=sys.stderr)
            races.append(race(processes, task, (OURS, NATIVE), options, each=True))
    return {"races": races}


def music(options: Options) -> dict[str, Any]:
    """The verbs as users call them: sample to MIDI files, and encode MIDI files.

    The files lie in memory where the system has such a folder: ext4 takes up to twenty
    times as long to create files while many were deleted in the minutes before, more
    than everything that is measured here.

    Returns:
        `seconds`: backend -> `sample`, `encode`, `files` -> one time per round; `files`
        is what it takes to write the bytes of the same files and nothing else.
    """
    about = {"preset": PRESET, "number": GROOVES}
    if options.tiny:
        about = {"preset": "groove_debug", "number": 8}
    memory = MEMORY if MEMORY.is_dir() else None
    with (
        tempfile.TemporaryDirectory(dir=memory) as folder,
        workers(options) as processes,
    ):
        seconds = {
            backend: worker.ask("music", rounds=options.rounds, folder=folder, **about)
            for backend, worker in processes.items()
        }
    return {**about, "in_memory": memory is not None, "seconds": seconds}


def memory(options: Options) -> dict[str, Any]:
    """Peak memory of host and device, each contender in a process of its own.

    Returns:
        `peaks`: per task and contender `host_before`, `host`, `device`, in bytes.
    """
    tasks = [Task("train", 4, TINY)] if options.tiny else [Task("train", 128, FULL)]
    if options.full:
        tasks += [Task("train", 512, FULL), Task("sample", 512, FULL)]
    peaks = []
    for task in tasks:
        for backend in options.backends:
            for name in (OURS, NATIVE):
                if not exists(name, backend):
                    continue
                print(f"  memory {task.kind} {backend}: {name}", file=sys.stderr)
                entry = {"task": task.as_dict(), "backend": backend, "name": name}
                try:
                    with Worker(backend, task.precision) as worker:
                        entry |= worker.ask(
                            "memory", contender=name, task=entry["task"]
                        )
                except WorkerError as error:
                    entry["failed"] = str(error)
                peaks.append(entry)
    return {"peaks": peaks}


def preprocess(options: Options) -> dict[str, Any]:
    """Reading the Groove MIDI Dataset.

    Returns:
        `seconds` of `keras-musicvae preprocess`, whole processes; `readers`: seconds of
        processor time for all files, by what is done with them.
    """
    import miditoolkit

    from keras_musicvae.datasets import groove_midi
    from keras_musicvae.grooves.midi import read_midi
    from keras_musicvae.grooves.midi_check import check_midi

    archive = options.data or groove_midi.download()
    with zipfile.ZipFile(archive) as source:
        names = [name for name in source.namelist() if name.endswith(".mid")]
        files = [source.read(name) for name in names[: 20 if options.tiny else None]]
    readers: dict[str, Callable[[bytes], Any]] = {
        "miditoolkit alone": lambda data: miditoolkit.MidiFile(file=io.BytesIO(data)),
        "check_midi": check_midi,
        "read_midi": read_midi,
    }
    seconds: dict[str, float] = {}
    for name, read in readers.items():
        start = time.process_time()
        for data in files:
            read(data)
        seconds[name] = time.process_time() - start
    whole = [_preprocess_once(archive) for _ in range(1 if options.tiny else 3)]
    return {"files": len(files), "seconds": whole, "readers": seconds}


def _preprocess_once(archive: Path) -> float:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "keras_musicvae", "preprocess", str(archive)]
        start = time.perf_counter()
        out = ["--out", f"{folder}/windows", "--quiet"]
        subprocess.run([*command, *out], check=True, cwd=ROOT)
        return time.perf_counter() - start


COMMANDS: dict[str, Callable[[Options], dict[str, Any]]] = {
    "music": music,
    "sample": sample,
    "encode": encode,
    "train": train,
    "memory": memory,
    "preprocess": preprocess,
}
