"""The LSTM that encoder, conductor and decoder are made of, on its fastest path.

Weights have Keras's layout: `kernel` (inputs, 4 units), `recurrent_kernel`
(units, 4 units), `bias` (4 units), gates in the order input, forget, cell, output.
"""

from typing import Any

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
        # cuDNN on JAX cannot be lowered in bfloat16 (jaxlib's `gpu_rnn`).
        policy = keras.dtype_policies.get(kwargs.get("dtype"))
        if keras.backend.backend() == "jax" and policy.compute_dtype != "float32":
            kwargs.setdefault("use_cudnn", False)
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

    def step(self, inputs: Any, state: tuple[Any, Any]) -> tuple[Any, Any]:
        """One step, for sampling.

        Args:
            inputs: (batch, inputs).
            state: (h, c), each (batch, units).

        Returns:
            The next (h, c).
        """
        kernel = ops.cast(self.cell.kernel, self.compute_dtype)
        bias = ops.cast(self.cell.bias, self.compute_dtype)
        return self.recur(ops.matmul(inputs, kernel) + bias, state)

    def recur(self, projected: Any, state: tuple[Any, Any]) -> tuple[Any, Any]:
        """One step whose inputs are already multiplied by the kernel, bias added."""
        h, c = state
        kernel = ops.cast(self.cell.recurrent_kernel, self.compute_dtype)
        gates = projected + ops.matmul(h, kernel)
        i, f, g, o = ops.split(gates, 4, axis=-1)
        c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
        return ops.sigmoid(o) * ops.tanh(c), c
