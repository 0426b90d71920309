"""Preprocesses any folder or zip of MIDI files into windows to train on.

    files -> worker processes (`workers`) -> parts (`parts`) -> dataset (`assemble`)

The Groove MIDI Dataset is read alike; its `info.csv` adds splits and styles.
"""

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from keras_musicvae import __version__, rules
from keras_musicvae.datasets.assemble import Parts, assemble, fingerprint
from keras_musicvae.datasets.catalogue import Catalogue, read_catalogue
from keras_musicvae.datasets.convert import WindowConfig
from keras_musicvae.datasets.layout import INFO_NAME, read_info
from keras_musicvae.datasets.parts import PART_FILES, read_sound_record
from keras_musicvae.datasets.ray_engine import read_on_ray
from keras_musicvae.datasets.sources import (
    MIDI_SUFFIXES,
    Entry,
    Source,
    UnreadableFile,
    open_source,
)
from keras_musicvae.datasets.splits import FRACTIONS, check_fractions
from keras_musicvae.datasets.unfinished import UnfinishedFolder, check_output, clear_up
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.datasets.workers import MEMORY, SECONDS, PartReader
from keras_musicvae.errors import ConfigError, DatasetError
from keras_musicvae.files import user_path
from keras_musicvae.progress import showing

ENGINES = ("local", "ray")
"""Where files are read: in processes of this machine, or on a Ray cluster."""


def preprocess(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    config: WindowConfig | None = None,
    *,
    dedup: bool = False,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    jobs: int | None = None,
    engine: str = "local",
    address: str | None = None,
    seconds: float = SECONDS,
    memory: int = MEMORY,
    overwrite: bool = False,
    verbose: bool = False,
) -> GrooveWindows:
    """Reads every MIDI file of a folder or zip and writes their windows to a folder.

    Files are read in processes of their own. One that is broken, too large, too slow
    or without drums is listed in `rejected.csv` with the reason, and the rest goes on.
    A run that is interrupted, even killed, is taken up by the next call with the same
    arguments, and the result has the same bytes as that of an undisturbed run. If
    `out` holds this very dataset already, nothing is done.

    Args:
        source: A folder (searched to any depth), a zip or one MIDI file.
        out: Folder to write; new, empty, or a dataset to be replaced.
        config: How files are read and windows are cut. Defaults to `WindowConfig()`.
        dedup: Keep only one of windows that are equal in every value. Defaults to
            False.
        fractions: Shares of train, validation and test, decided per file by a hash of
            its contents. Sources with an `info.csv` keep their own splits. Defaults
            to (0.8, 0.1, 0.1).
        seed: Another seed gives another division. Defaults to 0.
        jobs: Worker processes; they do not change the result. Defaults to the number
            of available processors.
        engine: `"local"`, the default: processes of this machine; `"ray"`: a Ray
            cluster, whose nodes all read `source` under this path. The dataset is the
            same, byte for byte.
        address: That of the cluster, as `ray.init` takes it, such as `"auto"`. Defaults
            to None: Ray starts on this machine.
        seconds: Processor time allowed for a file (not on Windows), which does not
            depend on how busy the machine is. Defaults to 30.
        memory: Bytes that reading may take in a worker (enforced on Linux). Defaults
            to 1 GiB.
        overwrite: Replace another dataset, or a damaged one, that `out` holds.
            Defaults to False.
        verbose: Show progress on stderr. Defaults to False.

    Returns:
        The windows, memory-mapped; `info["report"]` says what was read.

    Raises:
        ConfigError: `config` is none, `jobs`, `seconds` or `memory` not positive, or
            `engine` unknown.
        MissingExtraError: `engine="ray"` without Ray.
        DatasetError: the source is not readable, gives no window at all, or `out`
            holds another dataset.
        OutputError: `out` cannot be written.

    Example:
        ```python
        from keras_musicvae.datasets.folder import preprocess

        windows = preprocess("my_midi", "data/mine", verbose=True)
        print(windows.info["counts"])
        ```
    """
    config = WindowConfig() if config is None else config
    if not isinstance(config, WindowConfig):
        raise ConfigError(
            f"`config` must be a WindowConfig. Received: {type(config).__name__}"
        )
    shares = check_fractions(fractions)
    rules.checked("jobs", rules.optional(rules.integer(1)), jobs)
    rules.checked("engine", rules.choice(ENGINES), engine)
    rules.checked("seconds", rules.number(1e-3), seconds)
    rules.checked("memory", rules.integer(1), memory)
    out = user_path(out)
    opened = open_source(source)
    check_output(out)
    work = _Work.listed(opened, config.limits.max_bytes)
    if work.catalogue.is_groove:  # which was recorded on one kit
        config = replace(config, any_kit=False)
    settings = {
        "config": config.to_json(),
        "dedup": dedup,
        "split": {"fractions": list(shares), "seed": seed},
    }
    if (out / INFO_NAME).is_file():
        try:
            _check_same(out, settings, work)
            windows = GrooveWindows.load(out)
            clear_up(out)
            if verbose:
                sys.stderr.write(f"{out} holds this dataset already.\n")
            return windows
        except DatasetError:
            if not overwrite:
                raise
    # Another release may read files in another way: its parts are not mixed in.
    plan = {"release": __version__, "files": work.stamp(), "part": PART_FILES}
    unfinished = UnfinishedFolder(out, {**plan, **settings})
    try:
        parts = work.parts()
        task = {
            "source": str(opened.path.absolute()),
            "folder": str(unfinished.parts),
            "config": config.to_json(),
            "max_bytes": work.max_bytes,
            "seconds": seconds,
            "memory": memory,
        }
        reader = PartReader(work.catalogue, task)
        read = partial(reader.read, jobs=jobs or available_cpus())
        if engine == "ray":
            read = partial(read_on_ray, reader, address=address)
        _read_all(parts, unfinished.parts, read, verbose)
        written = Parts(unfinished.parts, len(parts))
        info = assemble(
            written,
            unfinished.dataset,
            config=config.to_json(),
            num_steps=config.converter.num_steps,
            source=opened.path.name,
            fractions=shares,
            seed=seed,
            dedup=dedup,
            report={
                "ignored_files": work.ignored,
                "missing_files": work.catalogue.missing(f.name for f in work.files),
            },
        )
        if not info["report"]["windows"]:
            error = _nothing_found(opened, config, written)
            unfinished.discard()
            raise error
        unfinished.publish()
    finally:
        unfinished.close()
    return GrooveWindows.load(out)


@dataclass(frozen=True)
class _Work:
    """The files to read, in order."""

    source: Source
    catalogue: Catalogue
    files: list[Entry]
    ignored: int
    max_bytes: int

    @classmethod
    def listed(cls, source: Source, max_bytes: int) -> "_Work":
        files, ignored = source.entries()
        if not files:
            raise DatasetError(
                f"There is no MIDI file ({', '.join(MIDI_SUFFIXES)}) in "
                f"{source.path}; it holds {ignored} other files."
            )
        return cls(source, read_catalogue(source), files, ignored, max_bytes)

    def parts(self) -> dict[int, list[str]]:
        """The names of the files of each part."""
        names = [file.name for file in self.files]
        return {
            number: names[start : start + PART_FILES]
            for number, start in enumerate(range(0, len(names), PART_FILES))
        }

    def stamp(self) -> str:
        """Changes when a file is added, removed or changed."""
        total = hashlib.sha256()
        for file in self.files:
            line = f"{file.size} {file.stamp} {file.name}\n"
            total.update(line.encode("utf-8", "surrogateescape"))
        return total.hexdigest()

    def fingerprint(self) -> str:
        """The same for the same names and contents, wherever they lie."""
        return fingerprint({file.name: self._digest(file.name) for file in self.files})

    def _digest(self, name: str) -> str:
        try:
            data = self.source.read(name, self.max_bytes + 1)
        except UnreadableFile:
            data = b""
        return hashlib.sha256(data).hexdigest()


def _read_all(
    parts: dict[int, list[str]],
    folder: Path,
    read: Callable[..., None],
    verbose: bool,
) -> None:
    """Reads the parts that an earlier run has not."""
    missing, done, windows, rejected = {}, 0, 0, 0
    for number, names in parts.items():
        if record := read_sound_record(folder, number):
            done += len(names)
            windows += record.num_windows
            rejected += len(record.rejected)
        else:
            missing[number] = names
    total = sum(map(len, parts.values()))
    with showing("Reading MIDI", total, start=done, verbose=verbose) as bar:

        def on_file(found: int) -> None:
            nonlocal done, windows, rejected
            done, windows, rejected = done + 1, windows + found, rejected + (not found)
            bar.update(done, f"{windows:,} windows, {rejected:,} rejected")

        read(missing, on_file=on_file)


def available_cpus() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _check_same(out: Path, settings: dict[str, Any], work: _Work) -> None:
    """Raises unless the dataset in `out` is the one that would be made."""
    info = read_info(out)
    different = [name for name, value in settings.items() if info.get(name) != value]
    if not different and info["source"]["fingerprint"] != work.fingerprint():
        different = ["files"]
    if different:
        raise DatasetError(
            f"{out} holds a dataset made in another way (different: "
            f"{', '.join(different)}). Replace it with --overwrite (overwrite=True), "
            "or give another folder."
        )


def _nothing_found(source: Source, config: WindowConfig, parts: Parts) -> DatasetError:
    """Says in one line why a whole source gave no window."""
    reasons: Counter[str] = Counter()
    first = ""
    for part in parts.records():
        for record in part.rejected:
            reasons[record["category"]] += 1
            first = first or f"{record['name']}: {record['reason']}"
    total = sum(reasons.values())
    num_bars = config.converter.num_bars
    bars = f"{num_bars} bar{'s' * (num_bars > 1)}"
    if total == 1:
        return DatasetError(f"No window of {bars} can be cut. {first}")
    listed = ", ".join(f"{count} {name}" for name, count in reasons.most_common())
    return DatasetError(
        f"None of the {total} MIDI files in {source.path} gives a window of {bars}: "
        f"{listed}. The first: {first}"
    )


__all__ = ["FRACTIONS", "WindowConfig", "preprocess"]
