"""The verbs as users call them: from MIDI files to latents, from z to MIDI files."""

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.experiment import Options, workers

HELP = "sample to MIDI files, and encode MIDI files, with a packaged preset"

NUMBER = 512
MEMORY = Path("/dev/shm")
PRESET = "groove_4bar"


def measure(options: Options) -> dict[str, Any]:
    """`seconds`: backend -> `sample`, `encode`, `files` -> one time per round.

    `files` is what the same files take when their bytes are written and nothing else.
    They lie in memory where the system has such a folder: ext4 takes up to twenty times
    as long to create files while many were deleted in the minutes before, more than
    everything that is measured here.
    """
    number = 8 if options.tiny else NUMBER
    preset = "groove_debug" if options.tiny else PRESET
    memory = MEMORY if MEMORY.is_dir() else None
    with (
        tempfile.TemporaryDirectory(dir=memory) as folder,
        workers(options) as processes,
    ):
        seconds = {
            backend: worker.ask(
                "music",
                preset=preset,
                number=number,
                rounds=options.rounds,
                folder=folder,
            )
            for backend, worker in processes.items()
        }
    return {
        "preset": preset,
        "number": number,
        "in_memory": memory is not None,
        "seconds": seconds,
    }
