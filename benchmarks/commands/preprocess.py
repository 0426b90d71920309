"""Preprocessing of the Groove MIDI Dataset, timed; details by `../preprocess.py`."""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.experiment import Options
from benchmarks.worker import ROOT

HELP = "preprocessing of the Groove MIDI Dataset"

_ZIP = "data/groove-v1.0.0-midionly.zip"


def measure(options: Options) -> dict[str, Any]:
    """`seconds` of `keras-musicvae preprocess`, `details` of the dataset's script."""
    archive = options.data or _shared_zip()
    if not archive.exists():
        return {"skipped": f"no dataset at {archive}; give --data ZIP"}
    seconds = []
    for _ in range(options.rounds if options.full else 2):
        with tempfile.TemporaryDirectory() as folder:
            command = [sys.executable, "-m", "keras_musicvae", "preprocess"]
            command += [str(archive), "--out", f"{folder}/windows", "--quiet"]
            start = time.perf_counter()
            subprocess.run(command, check=True, cwd=ROOT)
            seconds.append(time.perf_counter() - start)
    script = ROOT / "benchmarks" / "preprocess.py"
    result = subprocess.run(
        [sys.executable, str(script), "--groove", str(archive)],
        check=True,
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    return {"seconds": seconds, "details": result.stdout.splitlines()}


def _shared_zip() -> Path:
    folder = os.environ.get("KERAS_MUSICVAE_SHARED", ROOT.parent / "shared")
    return Path(folder) / _ZIP
