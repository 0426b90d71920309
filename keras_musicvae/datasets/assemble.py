"""Turns the parts of a preprocessed folder into the finished dataset.

Everything that needs to know all files happens here: the split, the names of styles
and drummers, de-duplication. Parts pass through one at a time; what stays in memory is
a few hundred bytes per file, and 17 bytes per window if windows are de-duplicated.
"""

import contextlib
import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.datasets.convert import add_counts
from keras_musicvae.datasets.layout import (
    FILES_NAME,
    FORMAT,
    FRAMES_NAME,
    INFO_NAME,
    KINDS,
    NUM_FEATURES,
    REJECTED_NAME,
    SPLITS,
    VERSION,
    WINDOW,
    WINDOWS_NAME,
)
from keras_musicvae.datasets.parts import (
    PartRecord,
    copy_frames,
    read_record,
    read_windows,
)
from keras_musicvae.datasets.splits import assign_splits
from keras_musicvae.files import replacing, sha256_of, write_json

FILE_COLUMNS = (
    *("name", "split", "style", "drummer", "kind", "tempo", "time_signature"),
    *("bars", "windows", "notes", "hits", "sha256", "remarks"),
)
REJECTED_COLUMNS = ("name", "category", "reason", "sha256")


def assemble(
    parts: "Parts",
    folder: Path,
    *,
    config: Mapping[str, Any],
    num_steps: int,
    source: str,
    fractions: Sequence[float],
    seed: int,
    dedup: bool,
    report: Mapping[str, Any],
) -> dict[str, Any]:
    """Writes the dataset.

    Args:
        parts: All parts.
        folder: The folder to write to.
        config: How windows were cut, as JSON.
        num_steps: Steps of a window.
        source: What the files came from, a name for the reader.
        fractions: Shares of the splits, for files that have none of their own.
        seed: Seed of that division.
        dedup: Keep only the first of equal windows.
        report: Further counts for the report.

    Returns:
        The contents of `dataset.json`; `report["windows"]` is 0 if there are none.
    """
    overview = _Overview(parts)
    splits = overview.splits(fractions, seed)
    keep = np.ones(overview.num_windows, bool)
    if dedup:
        keep = _first_of_equals(parts, splits)
    per_split = _write(parts, folder, overview, splits, keep)
    total = dict(overview.counts)
    add_counts(total, report)
    total["files"] = {
        "read": len(overview.digests) + overview.num_rejected,
        "used": len(overview.digests),
        "rejected": overview.num_rejected,
        **{name: splits.count(i) for i, name in enumerate(SPLITS)},
    }
    total["windows"] = int(keep.sum())
    total["duplicate_windows"] = int((~keep).sum())
    info = {
        "format": FORMAT,
        "version": VERSION,
        "config": dict(config),
        "num_steps": num_steps,
        "dedup": dedup,
        "split": {"fractions": list(fractions), "seed": seed},
        "source": {"name": source, "fingerprint": overview.fingerprint},
        "frames": {**_describe(folder / FRAMES_NAME), "rows": overview.rows},
        "windows": {**_describe(folder / WINDOWS_NAME), "count": total["windows"]},
        "counts": dict(zip(SPLITS, per_split.tolist(), strict=True)),
        "styles": overview.styles,
        "drummers": overview.drummers,
        "kinds": list(KINDS),
        "report": total,
    }
    write_json(folder / INFO_NAME, info)
    return info


def fingerprint(digests: Mapping[str, str]) -> str:
    """One SHA-256 for the names and contents of many files."""
    total = hashlib.sha256()
    for name in sorted(digests):
        line = f"{digests[name]} {name}\n"
        total.update(line.encode("utf-8", "surrogateescape"))
    return total.hexdigest()


@dataclass(frozen=True)
class Parts:
    """All parts of a dataset.

    Attributes:
        folder: The folder of the parts.
        count: How many there are.
    """

    folder: Path
    count: int

    def records(self) -> Iterator[PartRecord]:
        """The record of each part, read one at a time."""
        return (read_record(self.folder, number) for number in range(self.count))


class _Overview:
    """What the first pass over the parts gathers."""

    def __init__(self, parts: Parts):
        self.counts: dict[str, Any] = {}
        self.num_rejected = self.num_windows = self.rows = 0
        self.digests: list[str] = []
        self._given: list[str] = []
        styles, drummers = set(), set()
        all_digests = {}
        for part in parts.records():
            add_counts(self.counts, part.counts)
            self.rows += part.rows
            self.num_rejected += len(part.rejected)
            self.num_windows += part.num_windows
            for record in part.files:
                self.digests.append(record["sha256"])
                self._given.append(record["split"])
                styles.add(record["style"])
                drummers.add(record["drummer"])
            for record in [*part.files, *part.rejected]:
                all_digests[record["name"]] = record["sha256"]
        self.styles = sorted(styles)
        self.drummers = sorted(drummers)
        self.fingerprint = fingerprint(all_digests)

    def splits(self, fractions: Sequence[float], seed: int) -> list[int]:
        """The split of each file: its own, or by its contents."""
        if not any(self._given):
            return assign_splits(self.digests, fractions, seed)
        return [SPLITS.index(name) for name in self._given]


def _first_of_equals(parts: Parts, splits: Sequence[int]) -> NDArray[np.bool_]:
    """Marks one window of each set of equal ones.

    A window that is in the test split is kept there rather than in training, then one
    for validation: no copy of what a model is judged by remains in its training set.
    """
    keys, ranks, first = [], [], 0
    for number, part in enumerate(parts.records()):
        windows = read_windows(parts.folder, number)
        keys.append(windows["key"])
        ranks.append(-np.asarray(splits, np.int8)[windows["file"] + first])
        first += len(part.files)
    order = np.argsort(np.concatenate(ranks), kind="stable")
    _, chosen = np.unique(np.concatenate(keys)[order], return_index=True)
    keep = np.zeros(len(order), bool)
    keep[order[chosen]] = True
    return keep


def _write(
    parts: Parts,
    folder: Path,
    overview: _Overview,
    splits: list[int],
    keep: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Writes the arrays and the tables; returns the windows of each split."""
    codes = {
        "style": {name: code for code, name in enumerate(overview.styles)},
        "drummer": {name: code for code, name in enumerate(overview.drummers)},
        "kind": {name: code for code, name in enumerate(KINDS)},
    }
    per_split = np.zeros(len(SPLITS), np.int64)
    row = file = seen = 0
    with contextlib.ExitStack() as stack:
        frames = stack.enter_context(
            _array(folder / FRAMES_NAME, np.float32, (overview.rows, NUM_FEATURES))
        )
        table = stack.enter_context(
            _array(folder / WINDOWS_NAME, WINDOW, (int(keep.sum()),))
        )
        used = stack.enter_context(_csv(folder / FILES_NAME, FILE_COLUMNS))
        rejected = stack.enter_context(_csv(folder / REJECTED_NAME, REJECTED_COLUMNS))
        for number, part in enumerate(parts.records()):
            copy_frames(parts.folder, number, frames)
            windows = read_windows(parts.folder, number)
            windows = windows[keep[seen : (seen := seen + len(windows))]]
            files = splits[file : file + len(part.files)]
            local = windows["file"].copy()
            counts = np.bincount(local, minlength=len(part.files)).tolist()
            final = np.zeros(len(windows), WINDOW)
            final["row"] = windows["row"] + row
            final["file"] = local + file
            final["split"] = np.asarray(files, np.uint8)[local]
            for name in ("bar", "tempo"):
                final[name] = windows[name]
            for name, code in codes.items():
                final[name] = np.array([code[r[name]] for r in part.files], "i4")[local]
            table.write(final.tobytes())
            per_split += np.bincount(final["split"], minlength=len(SPLITS))
            for record, split, count in zip(part.files, files, counts, strict=True):
                used.writerow({**record, "split": SPLITS[split], "windows": count})
            rejected.writerows(part.rejected)
            row += part.rows
            file += len(part.files)
    return per_split


@contextlib.contextmanager
def _array(path: Path, dtype: Any, shape: tuple[int, ...]) -> Iterator[BinaryIO]:
    """A `.npy` file that is written piece by piece."""
    header = {
        "descr": np.lib.format.dtype_to_descr(np.dtype(dtype)),
        "fortran_order": False,
        "shape": shape,
    }
    with replacing(path) as temporary, temporary.open("wb") as output:
        np.lib.format.write_array_header_1_0(output, header)
        yield output


@contextlib.contextmanager
def _csv(path: Path, columns: Sequence[str]) -> Iterator["csv.DictWriter[str]"]:
    """A CSV file; names keep their bytes."""
    with (
        replacing(path) as temporary,
        temporary.open(
            "w", encoding="utf-8", errors="surrogateescape", newline=""
        ) as file,
    ):
        writer = csv.DictWriter(
            file, columns, extrasaction="ignore", lineterminator="\n"
        )
        writer.writeheader()
        yield writer


def _describe(path: Path) -> dict[str, Any]:
    return {"size": path.stat().st_size, "sha256": sha256_of(path)}
