"""Chooses the Keras backend, before Keras is imported.

Keras reads `KERAS_BACKEND` once, when it is first imported, and falls back to
TensorFlow even where TensorFlow is not installed. So whatever imports Keras calls
`choose_backend` first: the package `models`, which everything that needs Keras
imports, and the command line, for its option `--backend`.
"""

import json
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from keras_musicvae.errors import BackendError

# The order of preference where nothing names one: JAX starts and samples fastest
# (benchmarks/), TensorFlow needs the longest to import.
BACKENDS = ("jax", "torch", "tensorflow")


def installed_backends() -> tuple[str, ...]:
    """The backends whose package is installed, preferred first; imports none."""
    return tuple(name for name in BACKENDS if _is_installed(name))


def choose_backend(name: str | None = None) -> str:
    """Makes Keras use an installed backend and returns its name.

    If Keras is imported already, its backend stays. Otherwise the backend is, in this
    order: `name`; the environment variable `KERAS_BACKEND`; the one that Keras's file
    `keras.json` names, if it is installed; the first installed one of `BACKENDS`.

    Args:
        name: `"jax"`, `"torch"` or `"tensorflow"`. Defaults to None: choose as above.

    Returns:
        The name of the backend that Keras uses from now on.

    Raises:
        BackendError: The backend is unknown or not installed, none is installed, or
            Keras was already imported with another one than `name`.

    Example:
        >>> choose_backend("jax")
        'jax'
    """
    running = _running_backend()
    if running and name and name != running:
        raise BackendError(
            f"Keras already runs on {running!r}; the backend cannot change to {name!r} "
            "in the same process. Set KERAS_BACKEND before Keras is imported."
        )
    installed = installed_backends()
    name = running or name or os.environ.get("KERAS_BACKEND")
    if not name:
        configured = _configured_backend()
        candidates = (configured,) if configured in installed else installed
        if not candidates:
            raise BackendError(
                "Keras needs a backend, and none is installed. Install one of "
                + _extras(BACKENDS)
            )
        name = candidates[0]
    if name not in BACKENDS:
        raise BackendError(
            f"The backend must be one of {', '.join(BACKENDS)}. Received: {name!r}. "
            "Set KERAS_BACKEND to one of them before Keras is imported."
        )
    if name not in installed:
        raise BackendError(
            f"The backend {name!r} is not installed "
            f"(installed: {', '.join(installed) or 'none'}). Install it with "
            + _extras((name,))
        )
    os.environ["KERAS_BACKEND"] = name
    return name


def _extras(names: tuple[str, ...]) -> str:
    return ", ".join(f'`pip install "keras-musicvae[{name}]"`' for name in names)


def _is_installed(name: str) -> bool:
    spec = find_spec(name)
    # A folder without code (left behind by an uninstallation) has no origin.
    return spec is not None and spec.origin is not None


def _running_backend() -> str | None:
    """The backend of Keras, if Keras is imported."""
    if "keras" not in sys.modules:
        return None
    import keras

    return keras.backend.backend()


def _configured_backend() -> str | None:
    """The backend that `keras.json` names; read as Keras itself reads it."""
    home = Path.home() if os.access(Path.home(), os.W_OK) else Path("/tmp")
    folder = Path(os.environ.get("KERAS_HOME") or home / ".keras")
    try:
        config = json.loads((folder / "keras.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return config.get("backend") if isinstance(config, dict) else None
