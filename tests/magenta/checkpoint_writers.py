"""Writes checkpoints for the tests: TensorFlow's format from scratch, and TF.js's.

The bundle writer shares nothing with the reader but the checksum, which has its own
tests, so that files can be made that TensorFlow would never write.
"""

import json
import math
from pathlib import Path

import numpy as np

from keras_musicvae.magenta.architecture import MagentaArchitecture
from keras_musicvae.magenta.sstable import masked_crc32c

MAGIC = 0xDB4775248B80FB57
DTYPES = {"float32": 1, "float64": 2, "int32": 3, "int64": 9, "float16": 19}

SMALL = MagentaArchitecture(
    encoder_units=(6,),
    hierarchical_encoder=False,
    latent_dim=4,
    decoder_units=(5, 3),
)
TWO_LAYERS = MagentaArchitecture(
    encoder_units=(6, 5),
    hierarchical_encoder=False,
    latent_dim=4,
    decoder_units=(5, 3),
    conductor_units=(7, 4),
)
AUTOREGRESSIVE = MagentaArchitecture(
    encoder_units=(6,),
    hierarchical_encoder=False,
    latent_dim=4,
    decoder_units=(5, 3),
    conductor_units=(7, 4),
    autoregressive_conductor=True,
)
HIERARCHICAL_ENCODER = MagentaArchitecture(
    encoder_units=(6, 5),
    hierarchical_encoder=True,
    latent_dim=4,
    decoder_units=(5,),
    conductor_units=(7,),
)
HITS_CONTROL = MagentaArchitecture(
    encoder_units=(6,),
    hierarchical_encoder=False,
    latent_dim=4,
    decoder_units=(5, 3),
    control_dim=9,
)
FULL_SIZE = MagentaArchitecture(
    encoder_units=(512,),
    hierarchical_encoder=False,
    latent_dim=256,
    decoder_units=(256, 256),
)
ARCHITECTURES = {
    "small": SMALL,
    "two_layers": TWO_LAYERS,
    "autoregressive": AUTOREGRESSIVE,
    "hierarchical_encoder": HIERARCHICAL_ENCODER,
    "hits_control": HITS_CONTROL,
}


def random_weights(architecture: MagentaArchitecture, seed: int = 0) -> dict:
    rng = np.random.default_rng(seed)
    return {
        name: rng.normal(0, 0.3, shape).astype(np.float32)
        for name, shape in architecture.variables.items()
    }


def with_training_state(weights: dict, step: int = 7) -> dict:
    """Weights plus what Magenta's training leaves in a checkpoint."""
    state = {
        "global_step": np.array(step, np.int64),
        "beta1_power": np.array(0.9**step, np.float32),
        "beta2_power": np.array(0.999**step, np.float32),
    }
    for name, array in weights.items():
        state[f"{name}/Adam"] = array * np.float32(0.1)
        state[f"{name}/Adam_1"] = array**2
    return {**weights, **state}


# --- TensorFlow's checkpoints -------------------------------------------------


def varint(number: int) -> bytes:
    groups = []
    while number >= 0x80:
        groups.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*groups, number])


def field(number: int, value: int | bytes) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    return varint(number << 3 | 2) + varint(len(value)) + value


def entry_record(
    dtype: int, shape: tuple, shard: int, offset: int, size: int, crc: int
) -> bytes:
    dims = b"".join(field(2, field(1, int(length))) for length in shape)
    return (
        field(1, dtype)
        + field(2, dims)
        + field(3, shard)
        + field(4, offset)
        + field(5, size)
        + varint(6 << 3 | 5)
        + crc.to_bytes(4, "little")
    )


def write_table(pairs: list[tuple[bytes, bytes]], *, compression: int = 0) -> bytes:
    """A table with two data blocks, keys prefix-compressed."""
    data = bytearray()

    def add(block: bytes) -> bytes:
        offset = len(data)
        content = block + bytes([compression])
        data.extend(content + masked_crc32c(content).to_bytes(4, "little"))
        return varint(offset) + varint(len(block))

    half = math.ceil(len(pairs) / 2)
    index = []
    for part in (pairs[:half], pairs[half:]):
        if part:
            index.append((part[-1][0], add(block_of(part))))
    metaindex_handle = add(block_of([]))
    footer = metaindex_handle + add(block_of(index))
    return bytes(data) + footer.ljust(40, b"\0") + MAGIC.to_bytes(8, "little")


def block_of(pairs: list[tuple[bytes, bytes]]) -> bytes:
    block = b""
    previous = b""
    for key, value in pairs:
        shared = 0
        while shared < min(len(key), len(previous)) and key[shared] == previous[shared]:
            shared += 1
        rest = key[shared:]
        block += varint(shared) + varint(len(rest)) + varint(len(value)) + rest + value
        previous = key
    return block + (0).to_bytes(4, "little") + (1).to_bytes(4, "little")


def write_bundle(prefix: Path, variables: dict, num_shards: int = 1) -> None:
    """A checkpoint as `tf.compat.v1.train.Saver` lays it out."""
    shards = [bytearray() for _ in range(num_shards)]
    pairs = [(b"", field(1, num_shards) + field(3, field(1, 1)))]
    for index, name in enumerate(sorted(variables)):
        array = np.asarray(variables[name])
        content = array.tobytes()
        shard = index % num_shards
        record = entry_record(
            DTYPES[array.dtype.name],
            array.shape,
            shard,
            len(shards[shard]),
            len(content),
            masked_crc32c(content),
        )
        shards[shard].extend(content)
        pairs.append((name.encode(), record))
    prefix.parent.mkdir(parents=True, exist_ok=True)
    index_file(prefix).write_bytes(write_table(pairs))
    for shard, data in enumerate(shards):
        data_file(prefix, shard, num_shards).write_bytes(data)


def index_file(prefix: Path) -> Path:
    return prefix.with_name(prefix.name + ".index")


def data_file(prefix: Path, shard: int = 0, num_shards: int = 1) -> Path:
    return prefix.with_name(f"{prefix.name}.data-{shard:05d}-of-{num_shards:05d}")


# --- TensorFlow.js ------------------------------------------------------------


def write_tfjs(
    folder: Path,
    variables: dict,
    *,
    quantise: str | None = None,
    shard_bytes: int = 1 << 12,
    converter: dict | None = None,
) -> None:
    """A Magenta.js folder, with weights as `tensorflowjs.write_weights` stores them."""
    folder.mkdir(parents=True, exist_ok=True)
    weights, data = [], b""
    for name, array in variables.items():
        entry = {"name": name, "shape": list(array.shape), "dtype": array.dtype.name}
        if quantise and array.dtype == np.float32:
            array, entry["quantization"] = quantised(array, quantise)
        weights.append(entry)
        data += array.tobytes()
    count = max(1, math.ceil(len(data) / shard_bytes))
    paths = [f"group1-shard{i + 1}of{count}" for i in range(count)]
    for index, path in enumerate(paths):
        start = index * shard_bytes
        (folder / path).write_bytes(data[start : start + shard_bytes])
    manifest = [{"paths": paths, "weights": weights}]
    (folder / "weights_manifest.json").write_text(json.dumps(manifest))
    config = {
        "type": "MusicVAE",
        "dataConverter": {
            "type": "GrooveConverter",
            "args": {"numSteps": 64} if converter is None else converter,
        },
    }
    (folder / "config.json").write_text(json.dumps(config))


def quantised(array: np.ndarray, dtype: str) -> tuple[np.ndarray, dict]:
    if dtype == "float16":
        return array.astype(np.float16), {"dtype": dtype, "original_dtype": "float32"}
    low, high = float(array.min()), float(array.max())
    scale = (high - low) / np.iinfo(dtype).max or 1.0
    levels = np.round((array.astype(np.float64) - low) / scale).astype(dtype)
    return levels, {"dtype": dtype, "scale": scale, "min": low}
