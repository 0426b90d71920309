"""The contenders of each backend. Only the modules of the one in use are imported."""

from importlib import import_module
from typing import TYPE_CHECKING

from keras_musicvae.backends.choice import BACKENDS

if TYPE_CHECKING:
    from benchmarks.contenders.base import Contender

OURS = "keras-musicvae"
OURS_FIT = "keras-musicvae, fit()"
NATIVE = "hand-written"
NATIVE_COMPILED = "hand-written, compiled"
STOCK = "stock Keras layers"

_MODULES = {
    NATIVE: {
        "torch": "torch_native:TorchNative",
        "jax": "jax_native:JaxNative",
        "tensorflow": "tensorflow_native:TensorFlowNative",
    },
    # JAX has no other way than to compile.
    NATIVE_COMPILED: {
        "torch": "torch_native:TorchCompiled",
        "tensorflow": "tensorflow_native:TensorFlowXla",
    },
    OURS: dict.fromkeys(BACKENDS, "ours:Ours"),
    OURS_FIT: dict.fromkeys(BACKENDS, "ours:OursFit"),
    STOCK: dict.fromkeys(BACKENDS, "stock_keras:StockKeras"),
}


def contender_class(name: str, backend: str) -> "type[Contender]":
    """The class of a contender; imports the backend."""
    module, _, attribute = _MODULES[name][backend].partition(":")
    return getattr(import_module(f"benchmarks.contenders.{module}"), attribute)


def exists(name: str, backend: str) -> bool:
    """Whether this backend has such a contender."""
    return backend in _MODULES[name]
