"""The floor under a train step: what has to be computed and moved, counted.

Two floors that no implementation goes below, and one that a given backend cannot:

- operations over the machine's measured matrix rate;
- bytes over its measured copy rate: every weight, gradient and moment of Adam read and
  written once, every activation that the backward pass needs written and read once;
- the serial chain: LSTM steps that have to wait for each other, times the latency of
  one at batch 1.
"""

from collections.abc import Mapping

from benchmarks.tasks import STEPS_PER_BAR, ModelSize, Task, layers

# A backward pass multiplies twice where the forward pass does once.
BACKWARD = 2


def train_operations(size: ModelSize) -> int:
    """Multiplications and additions of a train step, per window."""
    return (1 + BACKWARD) * sum(layer.operations for layer in layers(size))


def train_bytes(task: Task) -> int:
    """Bytes that a train step moves at least."""
    item = 2 if task.precision == "bfloat16" else 4
    weights = sum(layer.weights for layer in layers(task.size))
    # Weights forward and backward, in the precision of the arithmetic; then float32:
    # gradients written and read, weights and both moments read and written by Adam.
    parameters = weights * (2 * item + 4 * (2 + 6))
    kept = sum(layer.activations for layer in layers(task.size))
    return parameters + task.batch * kept * 2 * item


def serial_steps(size: ModelSize) -> dict[int, int]:
    """Steps that wait for each other in a train step, by their units.

    The encoder's directions do not wait for each other, nor do bars that are decoded
    side by side; a layer above starts one step after the layer below.
    """
    steps = {size.encoder_units: size.num_steps}
    chains = [(size.decoder_units, size.num_steps)]
    if size.hierarchical:
        chains = [
            (size.conductor_units, size.num_bars),
            (size.decoder_units, STEPS_PER_BAR),
        ]
    for units, length in chains:
        steps[units[0]] = steps.get(units[0], 0) + length + len(units) - 1
    return {units: (1 + BACKWARD) * count for units, count in steps.items()}


def floors(task: Task, rates: Mapping[str, float]) -> dict[str, float]:
    """Seconds below which a train step cannot come, each floor on its own.

    Args:
        task: Training.
        rates: What `rates.measure` gave.

    Returns:
        `operations`, `bytes`, and `chain` where the latency of the width is known.
    """
    found = {
        "operations": train_operations(task.size) * task.batch / rates["matrix_flops"],
        "bytes": train_bytes(task) / rates["copy_bytes"],
    }
    chain = serial_steps(task.size)
    if all(f"step_seconds_{units}" in rates for units in chain):
        found["chain"] = sum(
            count * rates[f"step_seconds_{units}"] for units, count in chain.items()
        )
    return found
