"""Chooses the Keras backend, before Keras is imported.

Keras reads `KERAS_BACKEND` once, when it is first imported, and falls back to
TensorFlow even where TensorFlow is absent. The command line calls `choose_backend`
first, so that one installed backend is enough and none gives a clear message.
"""

import os
import sys
from importlib.util import find_spec

from keras_musicvae.errors import BackendError

# In the order of preference where the user names none: start-up and sampling are
# fastest on JAX (benchmarks/), TensorFlow needs the longest to import.
BACKENDS = ("jax", "torch", "tensorflow")


def installed_backends() -> tuple[str, ...]:
    """The backends whose package is installed, preferred first; imports none."""
    return tuple(name for name in BACKENDS if find_spec(name) is not None)


def choose_backend(name: str | None = None) -> str:
    """Makes Keras use one backend and returns its name.

    Args:
        name: `"jax"`, `"torch"` or `"tensorflow"`. Defaults to `KERAS_BACKEND`, else
            to the first one installed.

    Returns:
        The name of the backend that Keras uses from now on.

    Raises:
        BackendError: The backend is unknown or not installed, none is installed, or
            Keras was already imported with another one.

    Example:
        >>> choose_backend("jax")
        'jax'
    """
    installed = installed_backends()
    name = name or os.environ.get("KERAS_BACKEND") or (installed or (None,))[0]
    if name is None:
        raise BackendError(
            "No Keras backend is installed; one of jax, torch, tensorflow is needed. "
            'Install one with its extra, for example: pip install "keras-musicvae[jax]"'
        )
    if name not in BACKENDS:
        raise BackendError(
            f"The backend must be one of {', '.join(BACKENDS)}. Received: {name!r}"
        )
    if name not in installed:
        raise BackendError(
            f"The backend {name!r} is not installed "
            f"(installed: {', '.join(installed) or 'none'}). "
            f'Install it with: pip install "keras-musicvae[{name}]"'
        )
    if "keras" in sys.modules:
        import keras

        if keras.backend.backend() != name:
            raise BackendError(
                f"Keras already runs on {keras.backend.backend()!r}; the backend "
                f"cannot change to {name!r} in the same process. Set KERAS_BACKEND "
                "before the first import of Keras."
            )
    os.environ["KERAS_BACKEND"] = name
    return name
