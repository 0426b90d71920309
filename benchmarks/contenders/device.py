"""The device of this process: precision, waiting, memory, for the backend in use.

The GPU's side follows the documentation of each library and was not yet run on one.
"""

import os
import resource
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("keras", "numpy", "torch", "jax", "jaxlib", "tensorflow", "tensorflow-cpu")


def set_precision(backend: str, precision: str) -> None:
    """Lets float32 work be done in float32, or in tf32 where the precision says so.

    Without this the backends differ: by default cuDNN uses tf32 for recurrent layers,
    PyTorch's matrix products do not, TensorFlow's do.
    """
    tf32 = precision == "tf32"
    if backend == "torch":
        import torch

        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
    elif backend == "jax":
        import jax

        jax.config.update(
            "jax_default_matmul_precision", "tensorfloat32" if tf32 else "float32"
        )
    else:
        import tensorflow as tf

        tf.config.experimental.enable_tensor_float_32_execution(tf32)


def wait_for(backend: str, values: Any) -> None:
    """Returns when `values` are computed, and with them all that was asked before."""
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            torch.cuda.synchronize()
    elif backend == "jax":
        import jax

        jax.block_until_ready(values)
    else:
        import tensorflow as tf

        tf.test.experimental.sync_devices()


def describe(backend: str) -> dict[str, Any]:
    """Versions, threads and devices of this process."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    cores = len(os.sched_getaffinity(0))
    found: dict[str, Any] = {"backend": backend, "versions": versions, "cores": cores}
    if backend == "torch":
        import torch

        gpu = torch.cuda.is_available()
        found["threads"] = torch.get_num_threads()
        found["devices"] = [torch.cuda.get_device_name(0)] if gpu else ["cpu"]
        if gpu:
            found["cudnn"] = torch.backends.cudnn.version()
    elif backend == "jax":
        import jax

        found["threads"] = cores  # XLA on a CPU: one per core that it may use
        found["devices"] = [str(device) for device in jax.devices()]
    else:
        import tensorflow as tf

        found["threads"] = tf.config.threading.get_intra_op_parallelism_threads()
        gpus = tf.config.list_physical_devices("GPU")
        found["devices"] = [device.name for device in gpus] or ["cpu"]
    return found


def peak_memory(backend: str) -> dict[str, int]:
    """Highest use so far, in bytes: `host`, and `device` if there is a GPU."""
    found = {"host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    if backend == "torch":
        import torch

        if torch.cuda.is_available():
            found["device"] = torch.cuda.max_memory_allocated()
    elif backend == "jax":
        import jax

        statistics = jax.devices()[0].memory_stats()
        if statistics and jax.default_backend() == "gpu":
            found["device"] = statistics["peak_bytes_in_use"]
    else:
        import tensorflow as tf

        if tf.config.list_physical_devices("GPU"):
            found["device"] = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return found


def resident_memory() -> int:
    """Bytes of memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
