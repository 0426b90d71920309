"""The verbs as users call them: from MIDI files to latents, from z to MIDI files."""

from typing import Any

from benchmarks.experiment import Options, workers

HELP = "sample to MIDI files, and encode MIDI files, with a packaged preset"

NUMBER = 512
PRESET = "groove_4bar"


def measure(options: Options) -> dict[str, Any]:
    """`seconds`: backend -> `sample` and `encode` -> one time per round."""
    number = 8 if options.tiny else NUMBER
    preset = "groove_debug" if options.tiny else PRESET
    with workers(options) as processes:
        seconds = {
            backend: worker.ask(
                "music", preset=preset, number=number, rounds=options.rounds
            )
            for backend, worker in processes.items()
        }
    return {"preset": preset, "number": number, "seconds": seconds}
