"""The functions that each backend does its own way, for the backend in use.

Every backend module defines the same names:

- `fused_lstm(sequences, h, c, kernel, recurrent_kernel, bias, reverse)`: a whole
  LSTM layer in one call, or None where Keras's own loop is the faster one.
- `run_train_step(model, step, arguments)`: runs `step(data)`, which reads and assigns
  variables, in the way in which `fit` calls a train step.
- `value_and_gradients(model, function)`: `function()` returns the loss; its value and
  the gradients with respect to the trainable variables.
- `apply_gradients(model, gradients)`: one step of the optimizer.
- `scan(step, state, inputs)`: a loop over axis 1 of `inputs` that is not trained
  through; `step(state, frame) -> (state, output)`.
- `add_matmul(addend, x, matrix)`: addend + x @ matrix, for one step of such a loop.
- `lstm_gates(gates, c)`: what an LSTM does after its matrix products; the next (h, c).
- `ops`: `keras.ops` for the steps of such a loop, on tensors only.
- `COMPILES`: whether `compiled` compiles anew for each set of shapes.
- `compiled(model, function)`: `function(*arrays)`, which reads the variables of the
  model, compiled once per set of shapes; gives NumPy arrays.
"""

import keras

if keras.backend.backend() == "jax":
    from keras_musicvae.backends.jax import (
        COMPILES,
        add_matmul,
        apply_gradients,
        compiled,
        fused_lstm,
        lstm_gates,
        ops,
        run_train_step,
        scan,
        value_and_gradients,
    )
elif keras.backend.backend() == "torch":
    from keras_musicvae.backends.torch import (
        COMPILES,
        add_matmul,
        apply_gradients,
        compiled,
        fused_lstm,
        lstm_gates,
        ops,
        run_train_step,
        scan,
        value_and_gradients,
    )
elif keras.backend.backend() == "tensorflow":
    from keras_musicvae.backends.tensorflow import (
        COMPILES,
        add_matmul,
        apply_gradients,
        compiled,
        fused_lstm,
        lstm_gates,
        ops,
        run_train_step,
        scan,
        value_and_gradients,
    )
else:
    from keras_musicvae.errors import BackendError

    raise BackendError(
        "keras-musicvae runs on the backends jax, torch and tensorflow. Received: "
        f"{keras.backend.backend()!r}. Set KERAS_BACKEND to one of them."
    )

__all__ = [
    "COMPILES",
    "add_matmul",
    "apply_gradients",
    "compiled",
    "fused_lstm",
    "lstm_gates",
    "ops",
    "run_train_step",
    "scan",
    "value_and_gradients",
]
