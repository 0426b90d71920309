"""Preprocesses any folder or zip of MIDI files into windows to train on.

    files -> worker processes (`convert`) -> parts (`store`) -> dataset (`assemble`)

The Groove MIDI Dataset takes the same way; its `info.csv` adds splits and styles.
"""

import hashlib
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from keras_musicvae import __version__
from keras_musicvae.datasets import pool as pools
from keras_musicvae.datasets.assemble import assemble, fingerprint
from keras_musicvae.datasets.catalogue import Catalogue, FileFacts, read_catalogue
from keras_musicvae.datasets.convert import (
    WindowConfig,
    content_hash,
    read_bounded,
    unpack,
)
from keras_musicvae.datasets.layout import INFO_NAME, read_info
from keras_musicvae.datasets.sources import Entry, Source, open_source
from keras_musicvae.datasets.splits import FRACTIONS, check_fractions
from keras_musicvae.datasets.store import PartBuilder, PartStore, check_output
from keras_musicvae.datasets.windows import GrooveWindows
from keras_musicvae.errors import DatasetError
from keras_musicvae.progress import showing

READER = "keras_musicvae.datasets.convert:make_reader"
"""The task of the worker processes."""


def preprocess(
    source: str | os.PathLike[str],
    out: str | os.PathLike[str],
    config: WindowConfig | None = None,
    *,
    dedup: bool = False,
    fractions: Sequence[float] = FRACTIONS,
    seed: int = 0,
    jobs: int | None = None,
    seconds: float = pools.SECONDS,
    memory: int = pools.MEMORY,
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
        seconds: Time limit per file. Defaults to 10.
        memory: Bytes that reading may take in a worker (enforced on Linux). Defaults
            to 512 MiB.
        overwrite: Replace another dataset, or a damaged one, that `out` holds.
            Defaults to False.
        verbose: Show progress on stderr. Defaults to False.

    Returns:
        The windows, memory-mapped; `info["report"]` tells what was read.

    Raises:
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
    config = config or WindowConfig()
    shares = check_fractions(fractions)
    out = Path(out)
    opened = open_source(source)
    check_output(out)
    work = _Work.listed(opened, read_catalogue(opened))
    settings = {
        "config": config.to_json(),
        "dedup": dedup,
        "split": {"fractions": list(shares), "seed": seed},
    }
    if (out / INFO_NAME).is_file():
        try:
            _check_same(out, settings, work)
            windows = GrooveWindows.load(out)
            if verbose:
                sys.stderr.write(f"{out} holds this dataset already.\n")
            return windows
        except DatasetError:
            if not overwrite:
                raise
    # Another release may read files in another way: its parts are not mixed in.
    plan = {"release": __version__, **settings, "files": work.stamp()}
    store = PartStore(out, plan)
    try:
        pool = pools.WorkerPool(
            READER,
            {
                "source": [opened.kind, os.fspath(opened.path.absolute())],
                "config": config.to_json(),
                "keys": dedup,
            },
            jobs=min(jobs or pools.available_cpus(), max(len(work.files), 1)),
            seconds=seconds,
            memory=memory,
        )
        _read_all(work, pool, store, keyed=dedup, verbose=verbose)
        info = assemble(
            store,
            config=config.to_json(),
            num_steps=config.num_steps,
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
            error = _nothing_found(opened, config, store)
            store.discard()
            raise error
        store.publish()
    finally:
        store.close()
    return GrooveWindows.load(out)


@dataclass(frozen=True)
class _Work:
    """The files to read, in order."""

    source: Source
    catalogue: Catalogue
    files: list[Entry]
    ignored: int

    @classmethod
    def listed(cls, source: Source, catalogue: Catalogue) -> "_Work":
        files, ignored = source.entries()
        if not files:
            raise DatasetError(
                f"There is no MIDI file (.mid, .midi) in {source.path}; "
                f"it holds {ignored} other files."
            )
        return cls(source, catalogue, files, ignored)

    def stamp(self) -> str:
        """Changes when a file is added, removed or changed."""
        total = hashlib.sha256()
        for file in self.files:
            line = f"{file.size} {file.stamp} {file.name}\n"
            total.update(line.encode("utf-8", "surrogateescape"))
        return total.hexdigest()

    def fingerprint(self) -> str:
        """The same for the same names and contents, wherever they lie."""
        return fingerprint(
            {file.name: content_hash(self.source, file.name) for file in self.files}
        )


def _read_all(
    work: _Work,
    pool: pools.WorkerPool,
    store: PartStore,
    *,
    keyed: bool,
    verbose: bool,
) -> None:
    """Feeds the files behind the last sealed part to the pool; keeps the results."""
    builder = PartBuilder(store, keyed=keyed)
    start = store.next_file
    files = work.files[start:]
    windows = sum(r["windows"] for part in store.parts() for r in part.files)
    rejected = sum(len(part.rejected) for part in store.parts())
    payloads: Iterator[str] = (f.name for f in files if work.catalogue.of(f.name))
    replies = pool.map(payloads)
    label = (
        "Reading MIDI" if not start else f"Reading MIDI (from file {start + 1:,} on)"
    )
    with showing(label, len(work.files), start=start, verbose=verbose) as display:
        try:
            for done, file in enumerate(files, start + 1):
                facts = work.catalogue.of(file.name)
                reply = _UNLISTED if facts is None else next(replies)
                found = _keep(work, builder, file.name, facts, reply)
                windows += found
                rejected += not found
                display.update(done, f"{windows:,} windows, {rejected:,} rejected")
        finally:
            replies.close()  # type: ignore[attr-defined]
    builder.flush()


_UNLISTED = pools.Reply(
    {"category": "not listed", "reason": "info.csv does not list the file"}
)


def _keep(
    work: _Work,
    builder: PartBuilder,
    name: str,
    facts: FileFacts | None,
    reply: pools.Reply,
) -> int:
    """Hands one result to the builder; returns its number of windows."""
    message = reply.message
    if reply.failure:
        message = {"category": "reader failed", "reason": reply.failure}
    if "reason" in message:
        digest = message.get("sha256") or content_hash(work.source, name)
        builder.reject(
            {
                "name": name,
                "category": message["category"],
                "reason": message["reason"],
                "sha256": digest,
            },
            {"rejected": {message["category"]: 1}, **message.get("counts", {})},
        )
        return 0
    facts = facts or FileFacts()
    frames, keys = unpack(reply.data, message)
    builder.accept(
        {
            "name": name,
            "split": facts.split,
            "style": facts.style,
            "drummer": facts.drummer,
            "kind": facts.kind,
            "windows": len(message["starts"]),
            **message["file"],
            "sha256": message["sha256"],
        },
        frames,
        {"row": message["starts"], "bar": message["bars"], "tempo": message["tempos"]},
        keys,
        message["counts"],
    )
    return len(message["starts"])


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


def _nothing_found(
    source: Source, config: WindowConfig, store: PartStore
) -> DatasetError:
    """Says in one line why a whole source gave no window."""
    reasons: Counter[str] = Counter()
    first = ""
    for part in store.parts():
        for record in part.rejected:
            reasons[record["category"]] += 1
            first = first or f"{record['name']}: {record['reason']}"
    total = sum(reasons.values())
    bars = f"{config.num_bars} bar{'s' * (config.num_bars > 1)}"
    if total == 1:
        return DatasetError(f"No window of {bars} can be cut. {first}")
    listed = ", ".join(f"{count} {name}" for name, count in reasons.most_common())
    return DatasetError(
        f"None of the {total} MIDI files in {source.path} gives a window of {bars}: "
        f"{listed}. The first: {first}"
    )


__all__ = ["FRACTIONS", "WindowConfig", "preprocess", "read_bounded"]
