"""What the contenders that are Keras models share: steps as `fit` does them."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import keras

from benchmarks.contenders.base import Contender
from benchmarks.contenders.device import wait_for
from benchmarks.tasks import Arrays, Task
from keras_musicvae.backends import native


class KerasContender(Contender):
    """A compiled Keras model; its train step is what `fit` calls for each batch.

    That is `model.train_function`, without the feeding and the callbacks around it; the
    batch is on the device already.
    """

    model: Any

    def __init__(self, task: Task, weights: Arrays, inputs: Arrays) -> None:
        super().__init__(task, weights, inputs)
        self.model = self.make_model()
        self.names = {v.path: self.name(v.path) for v in self.model.trainable_variables}
        for variable in self.model.trainable_variables:
            variable.assign(weights[self.names[variable.path]])
        self.backend = keras.backend.backend()
        self._batch: Any = None

    @abstractmethod
    def make_model(self) -> Any:
        """Built, and compiled for training."""

    @abstractmethod
    def name(self, path: str) -> str:
        """The name of `make_weights` for the path of a variable."""

    @abstractmethod
    def batch(self, epsilon: Any = None) -> dict[str, Any]:
        """A batch for `fit`, with given noise or without."""

    def gradients(self) -> tuple[Any, Mapping[str, Any]]:
        """By the model's own loss."""
        data = self.batch(self.inputs["epsilon"])

        def function(*arrays: Any) -> tuple[Any, list]:
            x = dict(zip(data, arrays, strict=True))
            return native.value_and_gradients(
                self.model,
                lambda: self.model.compute_loss(
                    x=x, y_pred=self.model(x, training=True)
                ),
            )

        if self.backend == "torch":  # where it would be slow uncompiled
            loss, found = function(*map(keras.ops.convert_to_tensor, data.values()))
        else:
            loss, found = native.compiled(self.model, function)(*data.values())
        names = [self.names[v.path] for v in self.model.trainable_variables]
        return loss, dict(zip(names, found, strict=True))

    def step(self) -> Any:
        """By `train_on_batch`."""
        self.model.reset_metrics()
        data = self.batch(self.inputs["epsilon"])
        return self.model.train_on_batch(data, return_dict=True)["loss"]

    def train(self, repeats: int) -> None:
        """By the compiled train function."""
        if self._batch is None:
            self._prepare()
        logs, state = None, getattr(self, "_state", None)
        for _ in range(repeats):
            if self.backend == "torch":
                logs = self.model.train_function([self._batch])
            elif self.backend == "tensorflow":
                logs = self.model.train_function(self._batches)
            else:
                logs, state = self.model.train_function(state, iter([self._batch]))
        self._state = state
        wait_for(self.backend, (logs, state))

    def _prepare(self) -> None:
        to_tensor = keras.ops.convert_to_tensor
        self._batch = keras.tree.map_structure(to_tensor, (self.batch(),))
        self.model.optimizer.build(self.model.trainable_variables)
        self.model.make_train_function()
        if self.backend == "tensorflow":
            import tensorflow as tf

            self._batches = iter(tf.data.Dataset.from_tensors(self._batch).repeat())
        elif self.backend == "jax":
            kinds = ("trainable", "non_trainable", "optimizer", "metrics")
            self._state = self.model._get_jax_state(
                **{f"{kind}_variables": True for kind in kinds},
                purge_model_variables=True,
            )
