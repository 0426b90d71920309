"""What every contender offers, whatever it is written with."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from benchmarks.tasks import Arrays, Task


class Contender(ABC):
    """One implementation of one task.

    Args:
        task: What to do.
        weights: See `make_weights`.
        inputs: See `make_inputs`.
    """

    def __init__(self, task: Task, weights: Arrays, inputs: Arrays) -> None:
        self.task = task
        self.inputs = inputs

    @abstractmethod
    def gradients(self) -> tuple[Any, Mapping[str, Any]]:
        """Loss, and gradient of each weight before clipping, with given noise."""

    @abstractmethod
    def step(self) -> Any:
        """One optimizer step with given noise; the loss before it."""

    @abstractmethod
    def train(self, repeats: int) -> None:
        """So many steps with noise of their own; returns when the device has ended."""

    def encode(self) -> tuple[Any, Any]:
        """Mean and standard deviation of the posteriors, in NumPy; not in all."""
        raise NotImplementedError

    def sample(self, noise: Any) -> Any:
        """Grooves from z and uniform noise at temperature 1, in NumPy; not in all."""
        raise NotImplementedError

    def draw_and_sample(self) -> None:
        """As `sample`; what draws the noise is part of the time."""
        rng = np.random.default_rng(1)
        self.sample(rng.random(self.inputs["noise"].shape, np.float32))

    def outputs(self) -> Arrays:
        """What the task computes, for a comparison; changes the state in training.

        In training `loss`, one `gradient/<weight>` per weight, `later_loss` after two
        steps. Encoding: `z_mean`, `z_stddev`. Sampling: `grooves`.
        """
        if self.task.kind == "encode":
            mean, stddev = self.encode()
            return {"z_mean": mean, "z_stddev": stddev}
        if self.task.kind == "sample":
            return {"grooves": self.sample(self.inputs["noise"])}
        loss, gradients = self.gradients()
        outputs = {f"gradient/{name}": value for name, value in gradients.items()}
        outputs |= {"loss": loss, "later_loss": [self.step() for _ in range(3)][2]}
        return {n: keras.ops.convert_to_numpy(value) for n, value in outputs.items()}

    def run(self, repeats: int) -> None:
        """Does the task so many times; returns when the device has finished."""
        if self.task.kind == "train":
            self.train(repeats)
            return
        for _ in range(repeats):
            if self.task.kind == "encode":
                self.encode()
            else:
                self.draw_and_sample()
