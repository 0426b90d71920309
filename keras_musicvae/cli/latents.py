"""Files of latents: NumPy's .npz, written by `encode`, read by `decode`.

Such a file may come from a stranger: type, shape and size of an array are checked
before its numbers are read, and nothing is unpickled.
"""

import re
import sys
import warnings
import zlib
from math import prod
from pathlib import Path, PurePath
from typing import IO, TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile

from keras_musicvae.errors import GrooveError

if TYPE_CHECKING:
    import numpy as np

    from keras_musicvae.models.results import Latents

SUFFIX = ".npz"
MAX_BYTES = 1 << 28
_MAX_DIRECTORY = 1 << 16
_MAX_HEADER = 1 << 12
# The arrays of a file: their kind and how many dimensions they have. `encode` writes
# all of them, `z` alone is enough.
_ARRAYS = {
    "z": ("f", 2),
    "z_stddev": ("f", 2),
    "source": ("U", 1),
    "start_bar": ("i", 1),
    "tempo": ("f", 1),
}


def write_latents(path: Path, latents: "Latents", sources: list[str]) -> None:
    """Writes latents; the file is complete or not there at all.

    Args:
        path: The file.
        latents: What `encode` gave.
        sources: What each input is called.

    Raises:
        OutputError: It cannot be written.
    """
    import numpy as np

    from keras_musicvae.files import replacing

    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            z=latents.z,
            z_stddev=latents.z_stddev,
            source=np.array([sources[i] for i in latents.inputs]),
            start_bar=np.array(latents.start_bars, np.int64),
            tempo=np.array(latents.tempos, np.float64),
        )


def read_latents(path: Path) -> tuple[Any, list[str]]:
    """Latents, with the tempos where the file knows them, and a name for each row.

    Args:
        path: A .npz file with an array `z`, or a .npy file.

    Raises:
        GrooveError: Not such a file, damaged, or too large.
        OSError: It cannot be opened.
    """
    from keras_musicvae.arguments import MAX_SAMPLES

    try:
        arrays = _read(path)
        rows = len(arrays["z"])
        if not 1 <= rows <= MAX_SAMPLES:
            raise ValueError(f"{rows:,} latents; 1 to {MAX_SAMPLES:,} are allowed")
        if len(arrays) == 1:
            return arrays["z"], [f"groove_{i:02}" for i in range(1, rows + 1)]
        for name in _ARRAYS:
            if name not in arrays or len(arrays[name]) != rows:
                raise ValueError(f"the array {name!r} must have {rows} rows")
        return _described(arrays)
    except ValueError as error:
        raise GrooveError(
            f"{path} is not a .npz file with an array 'z', nor a .npy file: {error}"
        ) from None


def _described(arrays: dict[str, "np.ndarray"]) -> tuple["Latents", list[str]]:
    from keras_musicvae.models.results import Latents

    latents = Latents(
        arrays["z"],
        arrays["z_stddev"],
        inputs=range(len(arrays["z"])),
        start_bars=arrays["start_bar"].tolist(),
        tempos=[bpm if bpm > 0 else None for bpm in arrays["tempo"].tolist()],
    )
    sources = zip(arrays["source"].tolist(), latents.start_bars, strict=True)
    return latents, [f"{_file_name(name)}_bar_{bar + 1}" for name, bar in sources]


def _file_name(source: str) -> str:
    """What is left of a path that anyone may have written into the file."""
    return re.sub(r"[^\w. -]", "_", PurePath(source).stem)[:40] or "groove"


# --- Bytes of strangers -------------------------------------------------------


def _read(path: Path) -> dict[str, "np.ndarray"]:
    """The arrays of a file, by name."""
    import numpy as np

    from keras_musicvae.files import BoundedZip, open_regular

    with open_regular(path) as file:
        if file.read(6) == np.lib.format.MAGIC_PREFIX:
            file.seek(0)
            return {"z": _read_array(file, "z")}
    arrays = {}
    try:
        with BoundedZip(path, max_directory=_MAX_DIRECTORY) as archive:
            members = {member.filename: member for member in archive.infolist()}
            for name in _ARRAYS:
                member = members.get(f"{name}.npy")
                if member is None:
                    continue
                if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
                    raise ValueError(f"{name!r} is compressed in another way")
                with archive.open(member) as file:
                    arrays[name] = _read_array(file, name)
    except (OSError, EOFError, RuntimeError, zlib.error, BadZipFile) as error:
        raise ValueError(f"the archive is damaged: {error}") from None
    if "z" not in arrays:
        raise ValueError("it has no array 'z'")
    return arrays


def _read_array(file: IO[bytes], name: str) -> "np.ndarray":
    """One array; its numbers are read once their type and size are known."""
    import numpy as np

    shape, dtype, by_columns = _read_header(file)
    kind, dimensions = _ARRAYS[name]
    if dtype.kind != kind or len(shape) != dimensions or not prod(shape):
        what = {"f": "floating-point numbers", "i": "integers", "U": "text"}[kind]
        form = "(number, latent_dim)" if dimensions == 2 else "(number,)"
        raise ValueError(
            f"{name!r} must hold {what} of the shape {form}. Received: {dtype} of the "
            f"shape {shape}"
        )
    size = prod(shape) * dtype.itemsize
    if size > MAX_BYTES:
        raise ValueError(f"{name!r} has more than {MAX_BYTES:,} bytes")
    data = file.read(size)
    if len(data) < size or file.read(1):
        raise ValueError(f"{name!r} must have {size:,} bytes, as its header says")
    array = np.frombuffer(data, dtype).reshape(shape, order="F" if by_columns else "C")
    if dimensions == 2:
        with np.errstate(over="ignore"):  # the model refuses what is not finite
            return array.astype(np.float32)
    array = array.astype(dtype.newbyteorder("="))
    if kind == "U" and array.view(np.uint32).max() > sys.maxunicode:
        raise ValueError(f"{name!r} holds what is no text")
    return array


def _read_header(
    file: IO[bytes],
) -> tuple[tuple[int, ...], "np.dtype", bool]:
    """Shape, type and order of an array; Python objects have no size to check."""
    import numpy as np

    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"an array of NumPy's format {version}")
    try:
        with warnings.catch_warnings(action="ignore"):
            shape, by_columns, dtype = read(file, max_header_size=_MAX_HEADER)
    except (ValueError, MemoryError, RecursionError):
        raise ValueError("the header of an array is damaged or too long") from None
    except Exception as error:  # whatever Python's own tokenizer raises
        raise ValueError(f"the header of an array is damaged: {error}") from None
    if any(type(length) is not int or length < 0 for length in shape):
        raise ValueError(f"an array of the shape {shape}")
    return shape, dtype, by_columns
