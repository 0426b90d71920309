"""What every contender offers, whatever it is written with."""

from abc import ABC, abstractmethod

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

    @abstractmethod
    def outputs(self) -> Arrays:
        """What the task computes, for a comparison; changes the state in training.

        In training, with the given `epsilon` and without dropout: `loss`, one
        `gradient/<weight>` per weight before clipping, `later_loss` after two
        optimizer steps. Encoding: `z_mean`, `z_stddev`. Sampling: `grooves` from `z`
        and `noise` at temperature 1.
        """

    @abstractmethod
    def run(self, repeats: int) -> None:
        """Does the task so many times, in training with noise of its own.

        Returns when the device has finished.
        """
