"""How several devices train one model, for the backend in use.

Every device has the whole model and a part of each batch; the gradients are averaged
before each step of the optimizer, so that N devices take the course of one. Every
backend has a module `<name>_distributed.py` with the same names:

- `joined(processes, batch_size)`: a context in which this process is one of
  `processes`; models made in it are trained by all of them. With None nothing changes:
  what the caller has set up by the backend's own means is used.
- `rank()`: which of the processes this is; 0 writes the files.
- `device_kind()`: `"cpu"`, or a name for what else this process trains on.
- `replicas()`: the number of devices that share a batch.
- `share(examples, training)`: the part of a batch of so many examples that this process
  gives to `fit`, a slice.
- `first_example(examples)`: the position in the whole batch of the first example that
  this device sees, where each sees `examples` of them. Called inside of a step.
- `mean_gradients(gradients)`: their means over the devices. Called inside of a step.
- `all_metrics(model, result)`: `result()` with the metrics of all devices, whose totals
  and counts add up.
- `gathered(number)`: the integers that the processes give, by rank; all wait for it.
- `LOST`: what the backend raises where another process is gone.
"""

from importlib import import_module
from typing import Any

from keras_musicvae.backends.choice import choose_backend

_backend: Any = import_module(f"keras_musicvae.backends.{choose_backend()}_distributed")

LOST: tuple[type[Exception], ...] = _backend.LOST
device_kind = _backend.device_kind
all_metrics = _backend.all_metrics
first_example = _backend.first_example
gathered = _backend.gathered
joined = _backend.joined
mean_gradients = _backend.mean_gradients
rank = _backend.rank
replicas = _backend.replicas
share = _backend.share
