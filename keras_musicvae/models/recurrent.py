"""The LSTM that encoder, conductor and decoder are made of, on its fastest path.

Weights have Keras's layout: `kernel` (inputs, 4 units), `recurrent_kernel`
(units, 4 units), `bias` (4 units), gates in the order input, forget, cell, output.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
from keras import ops

from keras_musicvae.backends import native
from keras_musicvae.models.initial_weights import forget_gate_ones, zeros


@keras.saving.register_keras_serializable(package="keras_musicvae")
class LSTM(keras.layers.LSTM):
    """A `keras.layers.LSTM` that runs as one native call where that is faster.

    The same function, arguments and weights as Keras's layer. `backends/` decides per
    backend; Keras's loop remains for masks and while `torch.compile` traces.
    """

    def __init__(self, units: int, **kwargs: Any) -> None:
        policy = keras.dtype_policies.get(kwargs.get("dtype"))
        kwargs.setdefault("use_cudnn", native.use_cudnn(policy.compute_dtype))
        # `assign_initial_weights` draws the kernels.
        kwargs.setdefault("kernel_initializer", zeros)
        kwargs.setdefault("recurrent_initializer", zeros)
        kwargs.setdefault("bias_initializer", forget_gate_ones)
        kwargs.setdefault("unit_forget_bias", False)
        super().__init__(units, **kwargs)

    def inner_loop(
        self, sequences: Any, initial_state: Any, mask: Any, training: bool = False
    ) -> tuple:
        """Overrides the loop over the steps; Keras calls it with the state ready."""
        if mask is None and not isinstance(sequences, keras.KerasTensor):
            result = native.fused_lstm(
                sequences,
                *initial_state,
                ops.cast(self.cell.kernel, self.compute_dtype),
                ops.cast(self.cell.recurrent_kernel, self.compute_dtype),
                ops.cast(self.cell.bias, self.compute_dtype),
                self.go_backwards,
            )
            if result is not None:
                return result
        return super().inner_loop(sequences, initial_state, mask, training=training)

    def step_weights(self) -> "LSTMWeights":
        """The weights in the layer's compute dtype, for `LSTMWeights.step`."""
        cell = self.cell
        return LSTMWeights(
            *(
                in_dtype(weight, self.compute_dtype)
                for weight in (cell.kernel, cell.recurrent_kernel, cell.bias)
            )
        )


class LSTMWeights(NamedTuple):
    """The weights of a layer outside of it, for a loop that goes step by step.

    A layer's call costs more than the arithmetic of a step, so a loop takes the
    weights once and goes on without the layer.
    """

    kernel: Any
    recurrent_kernel: Any
    bias: Any

    def step(self, inputs: Any, state: tuple[Any, Any]) -> tuple[Any, Any]:
        """One step.

        Args:
            inputs: (batch, inputs).
            state: (h, c), each (batch, units).

        Returns:
            The next (h, c).
        """
        projected = native.add_matmul(self.bias, inputs, self.kernel)
        return native.lstm_step(projected, *state, self.recurrent_kernel)


def step_layers(
    layers: Sequence[LSTMWeights], inputs: Any, states: Sequence[tuple[Any, Any]]
) -> list[tuple[Any, Any]]:
    """One step of stacked layers; the new (h, c) of each, the last one's on top."""
    following = []
    for layer, state in zip(layers, states, strict=True):
        following.append(layer.step(inputs, state))
        inputs = following[-1][0]
    return following


def in_dtype(weight: keras.Variable, dtype: str) -> Any:
    """The value of a variable; cast only where that does something."""
    return weight.value if weight.dtype == dtype else ops.cast(weight.value, dtype)
