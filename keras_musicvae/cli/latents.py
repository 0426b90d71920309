"""Files of latents: NumPy's .npz, written by `encode`, read by `decode`.

Such a file may come from a stranger: its size is bounded before anything is unpacked,
and nothing is unpickled.
"""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

from keras_musicvae.errors import GrooveError

if TYPE_CHECKING:
    import numpy as np

    from keras_musicvae.models.results import Latents

LATENTS_SUFFIX = ".npz"
MAX_BYTES = 1 << 28


def write_latents(path: Path, latents: "Latents", files: Sequence[str]) -> None:
    """Writes latents; the file is complete or not there at all.

    Args:
        path: The file.
        latents: What `encode` gave.
        files: The file of each input.

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
            source=np.array([files[i] for i in latents.inputs]),
            start_bar=np.array(latents.start_bars),
            tempo=np.array(latents.tempos, np.float64),
        )


def read_latents(path: Path) -> tuple[Any, list[str]]:
    """Latents, with the tempos where the file knows them, and a name for each row.

    Raises:
        GrooveError: Not such a file, or too large.
        OSError: It cannot be opened.
    """
    import numpy as np

    with path.open("rb") as file:
        start = file.read(6)
    try:
        if start.startswith(b"\x93NUMPY"):
            arrays = {"z": np.load(path, mmap_mode="r", allow_pickle=False)}
        else:
            arrays = _unpack(path)
    except (ValueError, KeyError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise GrooveError(
            f"{path} is not a .npz file with an array `z`, nor a .npy file: {error}"
        ) from None
    z = arrays["z"]
    if z.ndim != 2 or z.dtype.kind != "f" or z.nbytes > MAX_BYTES:
        raise GrooveError(
            f"{path}: `z` must hold floating-point numbers of the shape (number, "
            f"latent_dim), at most {MAX_BYTES >> 20} MB. Received: {z.dtype} of the "
            f"shape {z.shape}"
        )
    rows = len(z)
    names = [f"groove_{i:02}" for i in range(1, rows + 1)]
    if not _has_rows(arrays):
        return np.asarray(z), names
    from keras_musicvae.models.results import Latents

    latents = Latents(
        z,
        arrays["z_stddev"],
        inputs=range(rows),
        start_bars=arrays["start_bar"].tolist(),
        tempos=[float(bpm) if bpm > 0 else None for bpm in arrays["tempo"]],
    )
    names = [
        f"{_file_name(source)}_bar_{bar + 1}"
        for source, bar in zip(
            arrays["source"].tolist(), latents.start_bars, strict=True
        )
    ]
    return latents, names


# What `encode` writes beside `z`, and of which kind.
_ROWS = {"z_stddev": "f", "source": "U", "start_bar": "i", "tempo": "f"}


def _has_rows(arrays: dict[str, "np.ndarray"]) -> bool:
    """Whether the file says where each row comes from."""
    for name, kind in _ROWS.items():
        dimensions = 2 if name == "z_stddev" else 1
        array = arrays.get(name)
        if array is None or array.dtype.kind != kind or array.ndim != dimensions:
            return False
        if len(array) != len(arrays["z"]):
            return False
    return True


def _file_name(source: str) -> str:
    """What is left of a path that anyone may have written into the file."""
    return re.sub(r"[^\w. -]", "_", PurePath(source).stem)[:100] or "groove"


def _unpack(path: Path) -> dict[str, "np.ndarray"]:
    import numpy as np

    with zipfile.ZipFile(path) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > MAX_BYTES:
            raise ValueError(f"it unpacks to {size:,} bytes, more than {MAX_BYTES:,}")
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in ("z", *_ROWS) if name in (*file, "z")}
