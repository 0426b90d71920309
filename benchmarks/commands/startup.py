"""Start-up: what a user waits for before anything happens."""

import os
import subprocess
import sys
import time
from typing import Any

from benchmarks.experiment import Options
from benchmarks.timing import alternate

HELP = "import, --help, and the first groove of a fresh process"

_FIRST_GROOVE = (
    "from keras_musicvae import MusicVAE; "
    "MusicVAE.from_preset('groove_debug').sample(1, seed=1)"
)


def measure(options: Options) -> dict[str, Any]:
    """`starts`: wall seconds of whole processes that take turns.

    Beside ours stand Python alone, and for the first groove the import of Keras with
    the backend, which no program on it can avoid.
    """
    python = [sys.executable, "-c"]
    commands: dict[str, tuple[list[str], str | None]] = {
        "python -c pass": ([*python, "pass"], None),
        "import keras_musicvae": ([*python, "import keras_musicvae"], None),
        "keras-musicvae --help": (
            [sys.executable, "-m", "keras_musicvae", "--help"],
            None,
        ),
    }
    for backend in options.backends:
        commands[f"import keras ({backend})"] = ([*python, "import keras"], backend)
        commands[f"first groove ({backend})"] = ([*python, _FIRST_GROOVE], backend)
    turns = {name: _turn(*command) for name, command in commands.items()}
    for turn in turns.values():
        turn(1)  # the files come into the system's cache
    found = alternate(turns, rounds=options.rounds)
    return {"starts": {name: [t[0] for t in value] for name, value in found.items()}}


def _turn(command: list[str], backend: str | None) -> Any:
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    if backend:
        environment["KERAS_BACKEND"] = backend

    def turn(repeats: int) -> list[float]:
        start = time.perf_counter()
        for _ in range(repeats):
            subprocess.run(command, env=environment, check=True, capture_output=True)
        return [(time.perf_counter() - start) / repeats]

    return turn
