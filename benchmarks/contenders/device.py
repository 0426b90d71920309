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


def gpus(backend: str) -> list[str]:
    """The names of the GPUs that the backend sees."""
    if backend == "torch":
        import torch

        return list(map(torch.cuda.get_device_name, range(torch.cuda.device_count())))
    if backend == "jax":
        import jax

        return [str(device) for device in jax.devices() if device.platform == "gpu"]
    import tensorflow as tf

    return [device.name for device in tf.config.list_physical_devices("GPU")]


def describe(backend: str) -> dict[str, Any]:
    """Versions, threads and devices of this process."""
    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            continue
    threads = cores = len(os.sched_getaffinity(0))  # as XLA takes them on a CPU
    if backend == "torch":
        import torch

        threads = torch.get_num_threads()
        if gpus(backend):
            versions["cudnn"] = str(torch.backends.cudnn.version())
    elif backend == "tensorflow":
        import tensorflow as tf

        threads = tf.config.threading.get_intra_op_parallelism_threads()
    return {
        "backend": backend,
        "versions": versions,
        "cores": cores,
        "threads": threads,
        "devices": gpus(backend) or ["cpu"],
    }


def peak_memory(backend: str) -> dict[str, int]:
    """Highest use so far, in bytes: `host`, and `device` if there is a GPU."""
    found = {"host": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
    if not gpus(backend):
        return found
    if backend == "torch":
        import torch

        device = torch.cuda.max_memory_allocated()
    elif backend == "jax":
        import jax

        device = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)
    else:
        import tensorflow as tf

        device = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return {**found, "device": device}


def resident_memory() -> int:
    """Bytes of memory that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
