"""What is timed: a task on a model of some size, on data and weights all share."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]

FRAME_DIM = 27
STEPS_PER_BAR = 16
FREE_BITS = 48.0
BETA = 0.2
LEARNING_RATE = 1e-3
CLIP_NORM = 1.0

PRECISIONS = ("float32", "tf32", "bfloat16")


@dataclass(frozen=True)
class ModelSize:
    """A model with one bidirectional encoder layer; the defaults are the full size.

    Attributes:
        num_bars: Bars of a window.
        encoder_units: Units of each direction of the encoder.
        latent_dim: Dimensions of z.
        conductor_units: Units of the conductor's layers, equal; empty: flat decoder.
        decoder_units: Units of the note decoder's layers, equal.
    """

    num_bars: int = 4
    encoder_units: int = 512
    latent_dim: int = 256
    conductor_units: tuple[int, ...] = (256, 256)
    decoder_units: tuple[int, ...] = (256, 256)

    @property
    def num_steps(self) -> int:
        """Steps of a window."""
        return self.num_bars * STEPS_PER_BAR

    @property
    def hierarchical(self) -> bool:
        """Whether there is a conductor."""
        return bool(self.conductor_units)


FULL = ModelSize()
FLAT = ModelSize(conductor_units=())
TINY = ModelSize(2, 16, 8, (12, 12), (12, 12))


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
        return sum(math.prod(shape) for shape in self.shapes.values())

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The weights by name: `NAME/kernel` and so on."""
        gates = 4 * self.units if self.recurrent else self.units
        shapes = {"kernel": (self.inputs, gates)}
        if self.recurrent:
            shapes["recurrent_kernel"] = (self.units, gates)
        shapes |= {"bias": (gates,)}
        return {f"{self.name}/{kind}": shape for kind, shape in shapes.items()}

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
        name = f"encoder/{direction}"
        yield Layer(name, FRAME_DIM, size.encoder_units, size.num_steps)
    for name in ("mean", "stddev"):
        yield Layer(name, 2 * size.encoder_units, size.latent_dim, 1, recurrent=False)
    embedding, steps, rows = size.latent_dim, size.num_steps, 1
    if size.hierarchical:
        yield _start("conductor/start", embedding, size.conductor_units, 1)
        yield from _stack("conductor", 1, size.conductor_units, size.num_bars, 1)
        embedding = size.conductor_units[-1]
        steps, rows = STEPS_PER_BAR, size.num_bars
    yield _start("notes/start", embedding, size.decoder_units, rows)
    yield from _stack("notes", FRAME_DIM + embedding, size.decoder_units, steps, rows)
    yield Layer(
        "output", size.decoder_units[-1], FRAME_DIM, steps, rows, recurrent=False
    )


@dataclass(frozen=True)
class Task:
    """What a contender does.

    Attributes:
        kind: `"train"` (forward, backward, optimizer step), `"sample"` or `"encode"`.
        batch: Windows at once.
        size: The model.
        precision: One of `PRECISIONS`; how the floating-point work is done.
    """

    kind: str
    batch: int
    size: ModelSize = field(default_factory=ModelSize)
    precision: str = "float32"

    @property
    def label(self) -> str:
        """A line for a table."""
        decoder = "hierarchical" if self.size.hierarchical else "flat"
        bars, batch = self.size.num_bars, self.batch
        return f"{decoder}, {bars} bars, batch {batch}, {self.precision}"

    @property
    def keras_dtype(self) -> str:
        """The policy of a Keras model."""
        return "mixed_bfloat16" if self.precision == "bfloat16" else "float32"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Task":
        """What `as_dict` gave, also after a way through JSON."""
        size = dict(values["size"])
        for name in ("conductor_units", "decoder_units"):
            size[name] = tuple(size[name])
        return cls(**{**values, "size": ModelSize(**size)})


def make_inputs(task: Task, seed: int = 0) -> Arrays:
    """Random grooves, latents and noise, of the density that drummers play.

    Returns:
        `grooves` (batch, steps, 27), `epsilon` (batch, latent_dim) standard normal,
        `z` likewise, `noise` (batch, steps, 9) uniform in (0, 1).
    """
    rng = np.random.default_rng(seed)
    shape = (task.batch, task.size.num_steps, FRAME_DIM // 3)
    hits = rng.random(shape) < 0.13
    velocities = hits * rng.beta(2.0, 2.0, shape)
    offsets = hits * np.clip(rng.normal(0.0, 0.2, shape), -1.0, 1.0)
    arrays = {
        "grooves": np.concatenate([hits, velocities, offsets], axis=-1),
        "epsilon": rng.standard_normal((task.batch, task.size.latent_dim)),
        "z": rng.standard_normal((task.batch, task.size.latent_dim)),
        "noise": rng.uniform(1e-6, 1.0 - 1e-6, shape),
    }
    return {name: array.astype("float32") for name, array in arrays.items()}


def make_weights(size: ModelSize, seed: int = 0) -> Arrays:
    """Random weights, in the layout and under the names that all contenders read.

    Kernels are (inputs, outputs), those of an LSTM hold the gates in the order input,
    forget, cell, output. No weight is zero, so that a bias or a gate in the wrong
    place changes the result, and the KL exceeds the free bits, so that its gradient
    is compared too.
    """
    rng = np.random.default_rng(seed)
    return {
        name: _draw(rng, name, shape)
        for layer in layers(size)
        for name, shape in layer.shapes.items()
    }


def _draw(rng: np.random.Generator, name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    scale = 0.1 if len(shape) == 1 else np.sqrt(1.0 / sum(shape))
    if name == "mean/bias":  # 50 nats of KL, where 33 are free
        scale = np.sqrt(100.0 / shape[0])
    return rng.normal(0.0, scale, shape).astype("float32")


def _start(name: str, inputs: int, units: tuple[int, ...], rows: int) -> Layer:
    return Layer(name, inputs, 2 * sum(units), 1, rows, recurrent=False)


def _stack(
    name: str, inputs: int, units: tuple[int, ...], steps: int, rows: int
) -> Iterator[Layer]:
    for number, width in enumerate(units):
        yield Layer(f"{name}/{number}", inputs, width, steps, rows)
        inputs = width
