"""Reads parts on a Ray cluster: Ray Data hands them out, and again if a node is lost.

A node reads a part as the local run does, in a process of its own with the same limits,
and gives back its files, which the driver writes as they come. Only the source must lie
where every node can read it.
"""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from keras_musicvae.datasets.catalogue import Catalogue
from keras_musicvae.datasets.parts import part_paths, read_record
from keras_musicvae.datasets.workers import PartReader
from keras_musicvae.errors import DatasetError, MissingExtraError
from keras_musicvae.files import replacing


def read_on_ray(
    reader: PartReader,
    parts: Mapping[int, Sequence[str]],
    address: str | None,
    on_file: Callable[[int], None],
) -> None:
    """Reads the files of each part as `reader.read` would, as many as Ray likes.

    Args:
        reader: That of a local run.
        parts: Names of files by the number of their part.
        address: Of the cluster, as `ray.init` takes it; None starts one here.
        on_file: Called with the number of windows of each file.

    Raises:
        MissingExtraError: Ray is not installed.
        DatasetError: The cluster cannot be reached, or a part not be read on it.
        OutputError: The folder cannot be written.
    """
    if not parts:
        return
    try:
        import ray
        import ray.data
    except ImportError as error:
        raise MissingExtraError(
            "The engine 'ray' needs Ray Data. Install it with "
            '`pip install "keras-musicvae[ray]"`.'
        ) from error
    rows = [
        {"number": number, "names": [os.fsencode(name) for name in names]}
        for number, names in parts.items()
    ]
    read = partial(_read_part, catalogue=reader.catalogue, task=reader.task)
    folder = Path(reader.task["folder"])
    try:
        ray.init(address, ignore_reinit_error=True, log_to_driver=False)
        ray.data.DataContext.get_current().enable_progress_bars = False
        data = ray.data.from_items(rows, override_num_blocks=len(rows))
        for row in data.map(read).iter_rows():
            paths = part_paths(folder, row["number"])  # the record comes last
            for path, content in zip(paths, row["files"], strict=True):
                with replacing(path) as temporary:
                    temporary.write_bytes(content)
            record = read_record(folder, row["number"])
            for found in [file["windows"] for file in record.files]:
                on_file(found)
            for _ in record.rejected:
                on_file(0)
    except (ray.exceptions.RayError, ConnectionError) as error:
        last = str(error).strip().splitlines()[-1]
        raise DatasetError(f"Ray cannot read the files: {last}") from error


def _read_part(
    row: Mapping[str, Any], catalogue: Catalogue, task: Mapping[str, Any]
) -> dict[str, Any]:
    """What a node does: the local run, for one part, in a folder of its own."""
    number, names = int(row["number"]), [os.fsdecode(name) for name in row["names"]]
    with tempfile.TemporaryDirectory() as folder:
        reader = PartReader(catalogue, {**task, "folder": folder})
        reader.read({number: names}, 1, lambda windows: None)
        paths = part_paths(Path(folder), number)
        return {"number": number, "files": [path.read_bytes() for path in paths]}
