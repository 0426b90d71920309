"""Set-up of the whole suite: what runs once and what on each backend; quick backends.

Files, MIDI, pictures and sound are the same on every backend. `WITHOUT_BACKEND` lists
the modules that test them: `make test` runs these once, with `KERAS_BACKEND=none`, with
which Keras cannot be imported. All other tests get the mark `backend` and run on each
backend. `pytest` without options runs everything on one.
"""

import atexit
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS))
pytest_plugins = ["desk"]

# Folders and modules that need no backend. What needs one fails in the run without.
WITHOUT_BACKEND = (
    "benchmarks/test_benchmark_report",
    "benchmarks/test_limits",
    "benchmarks/test_timing",
    "datasets",
    "evaluation/test_bootstrap",
    "evaluation/test_distributions",
    "evaluation/test_features",
    "evaluation/test_neighbours",
    "grooves",
    "magenta/test_bombs",
    "magenta/test_magenta_architecture",
    "magenta/test_magenta_checkpoint",
    "magenta/test_magenta_web",
    "magenta/test_tf_checkpoint",
    "magenta/test_tfjs",
    "test_audio",
    "test_cli_preprocess",
    "test_download",
    "test_files",
    "test_html",
    "test_imports",
    "test_packaging",
    "test_plots",
    "test_progress",
)


def needs_backend(path: Path) -> bool:
    """Whether the tests of a module run on each backend."""
    place = path.relative_to(TESTS).with_suffix("").as_posix()
    return not any(f"{place}/".startswith(f"{one}/") for one in WITHOUT_BACKEND)


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Without a backend, what needs one is not even imported."""
    if os.environ.get("KERAS_BACKEND") != "none" or collection_path == TESTS:
        return None
    place = collection_path.relative_to(TESTS).as_posix()
    inside = any(one.startswith(f"{place}/") for one in WITHOUT_BACKEND)
    return (needs_backend(collection_path) and not inside) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks the tests that need a backend."""
    for item in items:
        if needs_backend(item.path):
            item.add_marker("backend")


os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A process in the background of a shell ignores Ctrl-C, and so would the commands that
# tests start and interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Most of the time of the suite on JAX is compilation, and most of what is compiled
# was compiled before by another test, or by a command that a test runs.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    folder = tempfile.mkdtemp(prefix="keras-musicvae-jax-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = folder
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
