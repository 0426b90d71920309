"""The floor under a train step: what has to be computed and moved, counted.

Two floors that no implementation goes below, and one that a given backend cannot:

- operations over the machine's measured matrix rate;
- bytes over its measured copy rate: every weight, gradient and moment of Adam read and
  written once, every activation that the backward pass needs written and read once;
- the serial chain: LSTM steps that have to wait for each other, times the latency of
  one at batch 1.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from benchmarks.tasks import FRAME_DIM, STEPS_PER_BAR, ModelSize, Task

# A backward pass multiplies twice where the forward pass does once.
BACKWARD = 2


@dataclass(frozen=True)
class Layer:
    """A layer as arithmetic sees it.

    Attributes:
        name: What it is.
        inputs: Width of its inputs.
        units: Width of its outputs.
        steps: Steps, one after the other if it is recurrent.
        rows: Sequences per window that run side by side.
        recurrent: An LSTM, otherwise dense.
    """

    name: str
    inputs: int
    units: int
    steps: int
    rows: int = 1
    recurrent: bool = True

    @property
    def weights(self) -> int:
        """Number of weights, the biases with them."""
        if not self.recurrent:
            return (self.inputs + 1) * self.units
        return 4 * self.units * (self.inputs + self.units + 1)

    @property
    def operations(self) -> int:
        """Multiplications and additions of a window's forward pass."""
        width = self.inputs
        if self.recurrent:
            width, outputs = self.inputs + self.units, 4 * self.units
        else:
            outputs = self.units
        return 2 * width * outputs * self.steps * self.rows

    @property
    def activations(self) -> int:
        """Numbers per window kept for the backward pass: inputs, gates, cells."""
        kept = self.inputs + (6 * self.units if self.recurrent else self.units)
        return kept * self.steps * self.rows


def layers(size: ModelSize) -> Iterator[Layer]:
    """The layers of the model."""
    for direction in ("forward", "backward"):
        name = f"encoder {direction}"
        yield Layer(name, FRAME_DIM, size.encoder_units, size.num_steps)
    for name in ("mean", "stddev"):
        yield Layer(name, 2 * size.encoder_units, size.latent_dim, 1, recurrent=False)
    embedding, steps, rows = size.latent_dim, size.num_steps, 1
    if size.hierarchical:
        yield _start("conductor start", embedding, size.conductor_units, 1)
        yield from _stack("conductor", 1, size.conductor_units, size.num_bars, 1)
        embedding = size.conductor_units[-1]
        steps, rows = STEPS_PER_BAR, size.num_bars
    yield _start("notes start", embedding, size.decoder_units, rows)
    yield from _stack("notes", FRAME_DIM + embedding, size.decoder_units, steps, rows)
    yield Layer(
        "output", size.decoder_units[-1], FRAME_DIM, steps, rows, recurrent=False
    )


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


def _start(name: str, inputs: int, units: tuple[int, ...], rows: int) -> Layer:
    return Layer(name, inputs, 2 * sum(units), 1, rows, recurrent=False)


def _stack(
    name: str, inputs: int, units: tuple[int, ...], steps: int, rows: int
) -> Iterator[Layer]:
    for number, width in enumerate(units):
        yield Layer(f"{name} {number}", inputs, width, steps, rows)
        inputs = width
