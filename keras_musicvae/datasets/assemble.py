"""Turns the sealed parts of a preprocessed folder into the finished dataset.

Everything that needs to know all files happens here: the split, the names of styles
and drummers, de-duplication. Parts pass through one at a time; what stays in memory is
a few hundred bytes per file, and 17 bytes per window if windows are de-duplicated.
"""

import csv
import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.datasets.layout import (
    FILES_NAME,
    FORMAT,
    INFO_NAME,
    KINDS,
    REJECTED_NAME,
    SPLITS,
    VERSION,
    WINDOW,
    WINDOWS_NAME,
)
from keras_musicvae.datasets.splits import assign_splits
from keras_musicvae.datasets.store import PartStore, add_counts, describe
from keras_musicvae.files import replacing, write_json

FILE_COLUMNS = (
    *("name", "split", "style", "drummer", "kind", "tempo", "time_signature"),
    *("bars", "windows", "notes", "hits", "sha256"),
)
REJECTED_COLUMNS = ("name", "category", "reason", "sha256")


def assemble(
    store: PartStore,
    *,
    config: Mapping[str, Any],
    num_steps: int,
    source: str,
    fractions: Sequence[float],
    seed: int,
    dedup: bool,
    report: Mapping[str, Any],
) -> dict[str, Any]:
    """Writes everything but the frames, which the parts have written already.

    Args:
        store: The sealed parts.
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
    overview = _Overview(store)
    splits = overview.splits(fractions, seed)
    keep = _first_of_equals(store, splits) if dedup else None
    windows_per_file, per_split = _write_windows(store, overview, splits, keep)
    _write_files(store, splits, windows_per_file)
    _write_rejected(store)
    num_windows = int(sum(per_split))
    total = dict(overview.counts)
    add_counts(total, report)
    total["files"] = {
        "read": overview.num_files + overview.num_rejected,
        "used": overview.num_files,
        "rejected": overview.num_rejected,
        **{name: splits.count(i) for i, name in enumerate(SPLITS)},
    }
    total["windows"] = num_windows
    total["duplicate_windows"] = overview.num_windows - num_windows
    info = {
        "format": FORMAT,
        "version": VERSION,
        "config": dict(config),
        "num_steps": num_steps,
        "dedup": dedup,
        "split": {"fractions": list(fractions), "seed": seed},
        "source": {"name": source, "fingerprint": overview.fingerprint},
        "shards": overview.shards,
        "windows": {
            **describe(store.dataset / WINDOWS_NAME),
            "count": num_windows,
        },
        "counts": dict(zip(SPLITS, map(int, per_split), strict=True)),
        "styles": overview.styles,
        "drummers": overview.drummers,
        "kinds": list(KINDS),
        "report": total,
    }
    write_json(store.dataset / INFO_NAME, info)
    return info


def fingerprint(digests: Mapping[str, str]) -> str:
    """One SHA-256 for the names and contents of many files."""
    total = hashlib.sha256()
    for name in sorted(digests):
        line = f"{digests[name]} {name}\n"
        total.update(line.encode("utf-8", "surrogateescape"))
    return total.hexdigest()


class _Overview:
    """What the first pass over the parts gathers."""

    def __init__(self, store: PartStore):
        self.counts: dict[str, Any] = {}
        self.shards: list[dict[str, Any]] = []
        self.num_files = self.num_rejected = self.num_windows = 0
        self._digests: list[str] = []
        self._given: list[str] = []
        styles, drummers = set(), set()
        all_digests = {}
        for part in store.parts():
            add_counts(self.counts, part.counts)
            if part.shard:
                self.shards.append(part.shard)
            self.num_files += len(part.files)
            self.num_rejected += len(part.rejected)
            for record in part.files:
                self._digests.append(record["sha256"])
                self._given.append(record["split"])
                styles.add(record["style"])
                drummers.add(record["drummer"])
                self.num_windows += record["windows"]
            for record in [*part.files, *part.rejected]:
                all_digests[record["name"]] = record["sha256"]
        self.styles = sorted(styles)
        self.drummers = sorted(drummers)
        self.fingerprint = fingerprint(all_digests)

    def splits(self, fractions: Sequence[float], seed: int) -> list[int]:
        """The split of each file: its own, or by its contents."""
        if not any(self._given):
            return assign_splits(self._digests, fractions, seed)
        return [SPLITS.index(name) for name in self._given]


def _first_of_equals(store: PartStore, splits: Sequence[int]) -> NDArray[np.bool_]:
    """Marks one window of each set of equal ones.

    A window that is in the test split is kept there rather than in training, then one
    for validation: no copy of what a model is judged by remains in its training set.
    """
    keys, ranks, first_file = [], [], 0
    for number, part in enumerate(store.parts()):
        windows = store.windows(number)
        keys.append(store.keys(number))
        owners = np.asarray(splits, np.int8)[windows["file"] + first_file]
        ranks.append(len(SPLITS) - 1 - owners)
        first_file += len(part.files)
    if not keys:
        return np.zeros(0, bool)
    order = np.argsort(np.concatenate(ranks), kind="stable")
    packed = np.concatenate(keys).view("V16").ravel()[order]
    _, first = np.unique(packed, return_index=True)
    keep = np.zeros(len(order), bool)
    keep[order[first]] = True
    return keep


def _write_windows(
    store: PartStore,
    overview: _Overview,
    splits: Sequence[int],
    keep: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Writes windows.npy; returns the windows per file and per split."""
    styles = {name: i for i, name in enumerate(overview.styles)}
    drummers = {name: i for i, name in enumerate(overview.drummers)}
    per_file = np.zeros(overview.num_files, np.int64)
    per_split = np.zeros(len(SPLITS), np.int64)
    total = overview.num_windows if keep is None else int(keep.sum())
    header = {
        "descr": np.lib.format.dtype_to_descr(WINDOW),
        "fortran_order": False,
        "shape": (total,),
    }
    row = file = seen = 0
    with (
        replacing(store.dataset / WINDOWS_NAME) as temporary,
        temporary.open("wb") as output,
    ):
        np.lib.format.write_array_header_1_0(output, header)
        for number, part in enumerate(store.parts()):
            windows = store.windows(number)
            local = windows["file"].copy()
            windows["row"] += row
            windows["file"] += file
            for name, values in (
                ("style", [styles[r["style"]] for r in part.files]),
                ("drummer", [drummers[r["drummer"]] for r in part.files]),
                ("kind", [KINDS.index(r["kind"]) for r in part.files]),
                ("split", splits[file : file + len(part.files)]),
            ):
                windows[name] = np.asarray(values, WINDOW[name])[local]
            if keep is not None:
                mask = keep[seen : seen + len(windows)]
                seen += len(windows)
                windows = windows[mask]
            output.write(windows.tobytes())
            per_file += np.bincount(windows["file"], minlength=len(per_file))
            per_split += np.bincount(windows["split"], minlength=len(SPLITS))
            row += part.shard["rows"] if part.shard else 0
            file += len(part.files)
    return per_file, per_split


def _write_files(
    store: PartStore, splits: Sequence[int], windows: NDArray[np.int64]
) -> None:
    number = 0
    with _CsvFile(store, FILES_NAME, FILE_COLUMNS) as table:
        for part in store.parts():
            for record in part.files:
                split = SPLITS[splits[number]]
                count = int(windows[number])
                table.writerow({**record, "split": split, "windows": count})
                number += 1


def _write_rejected(store: PartStore) -> None:
    with _CsvFile(store, REJECTED_NAME, REJECTED_COLUMNS) as table:
        for part in store.parts():
            table.writerows(part.rejected)


class _CsvFile:
    """A CSV that appears when it is complete; names keep their bytes."""

    def __init__(self, store: PartStore, name: str, columns: Sequence[str]):
        self._replacing = replacing(store.dataset / name)
        self._columns = columns

    def __enter__(self) -> "csv.DictWriter[str]":
        temporary = self._replacing.__enter__()
        self._file = temporary.open(
            "w", encoding="utf-8", errors="surrogateescape", newline=""
        )
        writer = csv.DictWriter(
            self._file, self._columns, extrasaction="ignore", lineterminator="\n"
        )
        writer.writeheader()
        return writer

    def __exit__(self, *details: Any) -> None:
        self._file.close()
        self._replacing.__exit__(*details)
