"""From Magenta's weights to Keras's arrays, and back.

TensorFlow 1's LSTM has one kernel with the rows [x; h] and the gates in the order
input, cell, forget, output, and adds 1 to the forget gate at run time. Keras has two
kernels, the order input, forget, cell, output, and nothing is added: the 1 goes into
the bias. A dense layer is the same in both.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from keras_musicvae.errors import CheckpointError
from keras_musicvae.magenta.architecture import Layer, MagentaArchitecture
from keras_musicvae.presets.schema import MAX_WEIGHT

_FORGET_BIAS = 1.0


def lstm_from_magenta(
    kernel: ArrayLike, bias: ArrayLike, *, forget_bias: float = _FORGET_BIAS
) -> tuple[NDArray, NDArray, NDArray]:
    """Converts the weights of an LSTM from TensorFlow 1's layout to Keras's.

    Args:
        kernel: (inputs + units, 4 * units), gates i, c, f, o.
        bias: (4 * units,).
        forget_bias: what TensorFlow adds at run time; 0.0 for gradients.

    Returns:
        kernel (inputs, 4 * units), recurrent_kernel (units, 4 * units) and bias
        (4 * units,), gates i, f, c, o.
    """
    kernel, bias = np.asarray(kernel), np.asarray(bias)
    units = len(bias) // 4
    kernel = _swap_middle_gates(kernel)
    bias = _swap_middle_gates(bias).copy()
    bias[units : 2 * units] += forget_bias
    return kernel[:-units], kernel[-units:], bias


def lstm_to_magenta(
    kernel: ArrayLike,
    recurrent_kernel: ArrayLike,
    bias: ArrayLike,
    *,
    forget_bias: float = _FORGET_BIAS,
) -> tuple[NDArray, NDArray]:
    """The inverse of `lstm_from_magenta`.

    Args:
        kernel: (inputs, 4 * units), gates i, f, c, o.
        recurrent_kernel: (units, 4 * units).
        bias: (4 * units,).
        forget_bias: what TensorFlow adds at run time; 0.0 for gradients.

    Returns:
        kernel (inputs + units, 4 * units) and bias (4 * units,), gates i, c, f, o.
    """
    bias = np.array(bias)
    units = len(bias) // 4
    bias[units : 2 * units] -= forget_bias
    rows = np.concatenate([np.asarray(kernel), np.asarray(recurrent_kernel)])
    return _swap_middle_gates(rows), _swap_middle_gates(bias)


def _swap_middle_gates(columns: NDArray) -> NDArray:
    """i, c, f, o <-> i, f, c, o: the permutation is its own inverse."""
    first, second, third, fourth = np.split(columns, 4, axis=-1)
    return np.concatenate([first, third, second, fourth], axis=-1)


def architecture_of(model: Any) -> MagentaArchitecture:
    """The architecture of a built `MusicVAE`, which says what Magenta calls its layers.

    Args:
        model: a `MusicVAE`.

    Returns:
        The architecture.
    """
    return MagentaArchitecture(
        encoder_units=tuple(model.encoder_units),
        hierarchical_encoder=model.hierarchical_encoder,
        latent_dim=model.latent_dim,
        decoder_units=tuple(model.decoder_units),
        conductor_units=tuple(model.conductor_units or ()),
        autoregressive_conductor=model.conductor_autoregressive,
        control_dim=model.known_path.decoder,
    )


def load_magenta_weights(model: Any, variables: Mapping[str, ArrayLike]) -> None:
    """Sets all weights of a model from Magenta's variables.

    Args:
        model: a built `MusicVAE` of the checkpoint's architecture.
        variables: arrays by Magenta's names; names beyond the model's are ignored
            (`find_architecture` has refused unknown ones before).

    Raises:
        CheckpointError: a variable is missing, of the wrong shape or not finite.
    """
    assignments: list[tuple[Any, NDArray]] = []
    for layer in architecture_of(model).layers:
        kernel, bias = _layer_arrays(layer, variables)
        target = _resolve(model, layer.path)
        if layer.kind == "lstm":
            cell = target.cell
            kernel, recurrent_kernel, bias = lstm_from_magenta(kernel, bias)
            assignments.append((cell.recurrent_kernel, recurrent_kernel))
            target = cell
        assignments += [(target.kernel, kernel), (target.bias, bias)]
    # Only now, so that a bad checkpoint leaves the model as it was.
    for variable, array in assignments:
        variable.assign(array)


def export_magenta_variables(
    model: Any, gradients: Iterable[Any] | None = None
) -> dict[str, NDArray]:
    """The weights of a model in Magenta's names and layout.

    Args:
        model: a built `MusicVAE`.
        gradients: arrays in the order of `model.trainable_variables`, which are
            exported in place of the weights (nothing is subtracted from the forget
            gate's bias then).

    Returns:
        float32 arrays by name, in the order of Magenta's graph.
    """
    forget_bias = _FORGET_BIAS if gradients is None else 0.0
    values = None
    if gradients is not None:
        pairs = zip(model.trainable_variables, gradients, strict=True)
        values = {id(variable): value for variable, value in pairs}

    def value(variable: Any) -> NDArray:
        return np.asarray(
            _to_numpy(variable if values is None else values[id(variable)])
        )

    exported: dict[str, NDArray] = {}
    for layer in architecture_of(model).layers:
        target = _resolve(model, layer.path)
        if layer.kind == "lstm":
            cell = target.cell
            kernel, bias = lstm_to_magenta(
                value(cell.kernel),
                value(cell.recurrent_kernel),
                value(cell.bias),
                forget_bias=forget_bias,
            )
        else:
            kernel, bias = value(target.kernel), value(target.bias)
        exported[f"{layer.name}/kernel"] = kernel
        exported[f"{layer.name}/bias"] = bias
    return exported


def _layer_arrays(
    layer: Layer, variables: Mapping[str, ArrayLike]
) -> tuple[NDArray, NDArray]:
    arrays = []
    for name, shape in layer.variables.items():
        if name not in variables:
            raise CheckpointError(f"The checkpoint lacks the variable {name!r}.")
        array = np.asarray(variables[name])
        if array.shape != shape:
            raise CheckpointError(
                f"{name!r} has the shape {array.shape}; the model needs {shape}."
            )
        # NaN is not smaller than anything.
        if not (np.abs(array.astype(np.float64)) <= MAX_WEIGHT).all():
            raise CheckpointError(
                f"{name!r} holds values that are not finite or beyond {MAX_WEIGHT:g}: "
                "the training diverged, or the file is damaged."
            )
        arrays.append(array.astype(np.float32, copy=False))
    return arrays[0], arrays[1]


def _resolve(model: Any, path: str) -> Any:
    """The object at an attribute path; a number is an index."""
    target = model
    for part in path.split("."):
        target = target[int(part)] if part.isdigit() else getattr(target, part)
    return target


def _to_numpy(value: Any) -> NDArray:
    """A variable or a tensor of any backend as an array in host memory."""
    from keras import ops

    return ops.convert_to_numpy(ops.convert_to_tensor(value))
