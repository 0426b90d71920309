"""TensorFlow: `tf.distribute`, a model made in the scope of a strategy.

`MirroredStrategy`, the devices of one process, works in `fit` as everywhere in Keras;
`joined` uses `MultiWorkerMirroredStrategy`. Both divide the batches by themselves.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_musicvae.backends.processes import Processes
from keras_musicvae.errors import ConfigError

LOST = (tf.errors.OpError,)


@contextlib.contextmanager
def joined(processes: Processes | None, batch_size: int) -> Iterator[None]:
    """`MultiWorkerMirroredStrategy`, which reads its cluster from the environment."""
    if processes is None:
        yield
        return
    if len(processes.addresses) < processes.number:
        raise ConfigError(
            "TensorFlow needs the address of each process as the coordinator, by rank, "
            f"with commas between them. Received: {processes.coordinator!r}"
        )
    task = {"type": "worker", "index": processes.rank}
    cluster = {"worker": processes.addresses}
    os.environ["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    with tf.distribute.MultiWorkerMirroredStrategy().scope():
        yield


def rank() -> int:
    """That of the cluster, if there is one."""
    resolver = tf.distribute.get_strategy().cluster_resolver
    return resolver.task_id if resolver else 0


def device_kind() -> str:
    """That of the default device."""
    return "gpu" if tf.config.list_physical_devices("GPU") else "cpu"


def replicas() -> int:
    """Those of the strategy."""
    return tf.distribute.get_strategy().num_replicas_in_sync


def share(examples: int, training: bool) -> slice:
    """All of it: the strategy divides what `fit` is given."""
    return slice(None)


def first_example(examples: Any) -> Any:
    """After those of the replicas before; 0 outside of a step."""
    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group * examples if context else 0


def mean_gradients(gradients: list) -> list:
    """Over the replicas; where there is one, they stay what they are."""
    if replicas() == 1:
        return gradients
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)


def all_metrics(model: keras.Model, result: Callable[[], dict]) -> dict:
    """The strategy adds the metrics of its replicas up where they are read."""
    metrics = result()
    if are_workers() and tf.distribute.get_replica_context():
        # Keras takes their mean along an axis, which scalars have not.
        return {name: tf.reshape(value, (1,)) for name, value in metrics.items()}
    return metrics


def are_workers() -> bool:
    """Whether several processes share a batch, which Keras is hardly prepared for."""
    strategy = tf.distribute.get_strategy()
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def gathered(number: int) -> list[int]:
    """By the collectives of the strategy."""
    strategy = tf.distribute.get_strategy()

    def gather() -> Any:
        own = tf.constant([number], tf.int64)
        return tf.distribute.get_replica_context().all_gather(own, axis=0)

    return strategy.experimental_local_results(strategy.run(gather))[0].numpy().tolist()
