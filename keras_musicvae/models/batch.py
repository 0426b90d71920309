"""The batch that a model takes, checked before any backend sees it.

PyTorch's LSTM, for one, checks no width: what is wrong here would be memory that does
not belong to the model.
"""

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_musicvae.errors import GrooveError
from keras_musicvae.grooves.frames import NUM_FEATURES
from keras_musicvae.grooves.tasks import KNOWN_DIM
from keras_musicvae.models.config import Architecture
from keras_musicvae.models.known import KNOWN_PATHS

INTEGERS = ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
FLOATS = ("bool", *INTEGERS, "bfloat16", "float16", "float32", "float64")


def check_batch(x: Any, architecture: Architecture) -> dict[str, Any]:
    """A batch as a dictionary, complete and of the right shapes and dtypes.

    Args:
        x: Grooves (batch, num_steps, 27), or a dictionary with `grooves` and, where
            the model reads them, `known` (batch, num_steps, 54) and `condition` (batch,
            condition_dim); besides, as one likes, `lengths` (batch,), the
            valid steps, of a model with a hierarchical encoder also bar by bar (batch,
            num_bars), and `noise` (batch, latent_dim), standard normal, in place of the
            model's own. Booleans, integers and floats of any width; NumPy arrays or
            tensors.
        architecture: That of the model.

    Returns:
        The same arrays: NumPy's as float32, `lengths` as int32; tensors as they are.

    Raises:
        GrooveError: A key is missing or unknown, or an array of another shape, of
            another number of examples, or of no numbers.
    """
    batch = dict(x) if isinstance(x, Mapping) else {"grooves": x}
    needed = needed_shapes(architecture)
    allowed: dict[str, list[tuple[int, ...]]] = {
        **{name: [shape] for name, shape in needed.items()},
        "lengths": [()],
        "noise": [(architecture.latent_dim,)],
    }
    if architecture.hierarchical_encoder:
        allowed["lengths"].append((architecture.num_bars,))
    for name in batch:
        if name not in allowed:
            raise GrooveError(
                f"A batch of this model may have {', '.join(allowed)}. "
                f"Received: the key {name!r}"
            )
    for name, shape in needed.items():
        if batch.get(name) is None:
            raise GrooveError(
                f"A batch of this model needs `{name}`, of the shape {_text(shape)}. "
                "`model.to_batch(...)` makes one. "
                f"Received: {', '.join(batch)}"
            )
    checked = {
        name: _checked(name, value, allowed[name])
        for name, value in batch.items()
        if value is not None
    }
    counts = {name: value.shape[0] for name, value in checked.items()}
    known = {count for count in counts.values() if count is not None}
    if len(known) > 1:
        raise GrooveError(
            f"The arrays of a batch must have as many examples. Received: {counts}"
        )
    return checked


def check_weights(weights: Any, examples: int | None = None) -> None:
    """Checks that there is one weight for each example.

    Weights of another shape would be multiplied with every example of the batch.

    Args:
        weights: An array or tensor, whose first axis may be symbolic.
        examples: How many there must be; None: any number.

    Raises:
        GrooveError: Another shape.
    """
    shape = tuple(weights.shape)
    if not _fits(shape, (examples,)):
        number = "number" if examples is None else examples
        raise GrooveError(
            f"`sample_weight` must have the shape ({number},), one weight for each "
            f"groove. Received: the shape {shape}"
        )


def as_floats(batch: dict[str, Any], dtype: str) -> dict[str, Any]:
    """The tensors of a checked batch in the dtype of a model's floats."""
    dtypes = {"lengths": "int32", "noise": "float32"}
    return {
        name: ops.cast(value, dtypes.get(name, dtype)) for name, value in batch.items()
    }


def needed_shapes(architecture: Architecture) -> dict[str, tuple[int, ...]]:
    """What every batch of a model has, and its shapes without the first axis."""
    a = architecture
    shapes: dict[str, tuple[int, ...]] = {"grooves": (a.num_steps, NUM_FEATURES)}
    if KNOWN_PATHS[a.known].is_read:
        shapes["known"] = (a.num_steps, KNOWN_DIM)
    if a.condition_dim:
        shapes["condition"] = (a.condition_dim,)
    return shapes


def _checked(name: str, value: Any, shapes: list[tuple[int, ...]]) -> Any:
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        try:
            value = np.asarray(value)
        except ValueError:
            value = np.empty((), object)
    try:
        dtype = keras.backend.standardize_dtype(value.dtype)
    except ValueError:
        dtype = str(value.dtype)
    allowed = INTEGERS if name == "lengths" else FLOATS
    if dtype not in allowed:
        kind = "integers" if name == "lengths" else "numbers"
        raise GrooveError(f"`{name}` must hold {kind}. Received: the dtype {dtype}")
    shape = tuple(value.shape)
    if not any(_fits(shape, (None, *rest)) for rest in shapes):
        expected = " or ".join(map(_text, shapes))
        raise GrooveError(
            f"`{name}` must have the shape {expected}. Received: the shape {shape}"
        )
    if isinstance(value, np.ndarray):
        return value.astype("int32" if name == "lengths" else "float32", copy=False)
    return value


def _fits(shape: tuple, expected: tuple) -> bool:
    """Whether a shape, which may be symbolic, can be the expected one."""
    return len(shape) == len(expected) and all(
        a is None or b is None or a == b for a, b in zip(shape, expected, strict=True)
    )


def _text(shape: tuple[int, ...]) -> str:
    return f"(batch, {', '.join(map(str, shape))})" if shape else "(batch,)"
