"""The functions that each backend does its own way, for the backend in use.

Every backend module defines the same names:

- `fused_lstm(sequences, h, c, kernel, recurrent_kernel, bias, reverse)`: a whole
  LSTM layer in one call, or None where Keras's own loop is the faster one.
- `use_cudnn(dtype)`: the argument of that name of `keras.layers.LSTM`.
- `check_training(model)`: raises `TrainingError` where the backend would train the
  model otherwise than it should.
- `EXPORT_FORMAT`: what `keras.Model.export` writes of our models, tried and compared.
- `run_train_step(model, step, arguments)`: runs `step(data)`, which reads and assigns
  variables, in the way in which `fit` calls a train step.
- `value_and_gradients(model, function)`: `function()` returns the loss; its value and
  the gradients with respect to the trainable variables.
- `apply_gradients(model, gradients, norm)`: one step of the optimizer; `norm` is the
  global norm of the gradients.
- `global_norm(tensors)`: the Euclidean norm of all their entries.
- `zeros_unless(sound, tensors)`: the tensors, or zeros where the scalar is False.
- `scan(step, state, inputs)`: a loop over axis 1 of the arrays in `inputs` that is
  not trained through; `step(state, frame) -> (state, output)`, gives the last state
  and the outputs stacked along axis 1.
- `add_matmul(addend, x, matrix)`: addend + x @ matrix, for one step of such a loop.
- `where_needed(needed, function, *arrays)`: `function(*arrays)`, element by element,
  where the mask `needed` is true; anything finite elsewhere.
- `lstm_step(projected, h, c, recurrent_kernel)`: one step of an LSTM whose inputs are
  multiplied by the kernel already, the bias added: (batch, 4 units), in the order i, f,
  c, o. Gives the next (h, c); may overwrite `projected`.
- `ops`: `keras.ops` for the steps of such a loop, on tensors only.
- `COMPILES`: whether `compiled` compiles anew for each set of shapes.
- `compiled(model, function)`: `function(*arrays)`, which reads the variables of the
  model, compiled once per set of shapes; gives NumPy arrays.
"""

from importlib import import_module
from typing import Any

from keras_musicvae.backends.choice import choose_backend

_backend: Any = import_module(f"keras_musicvae.backends.{choose_backend()}")

COMPILES: bool = _backend.COMPILES
EXPORT_FORMAT: str = _backend.EXPORT_FORMAT
add_matmul = _backend.add_matmul
apply_gradients = _backend.apply_gradients
check_training = _backend.check_training
compiled = _backend.compiled
fused_lstm = _backend.fused_lstm
global_norm = _backend.global_norm
lstm_step = _backend.lstm_step
ops = _backend.ops
run_train_step = _backend.run_train_step
scan = _backend.scan
use_cudnn = _backend.use_cudnn
value_and_gradients = _backend.value_and_gradients
where_needed = _backend.where_needed
zeros_unless = _backend.zeros_unless
