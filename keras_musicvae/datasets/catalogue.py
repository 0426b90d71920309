"""What is known of each file beside its notes: style, drummer, beat or fill, split.

The Groove MIDI Dataset says so in its `info.csv`; of any other file, the name of the
folder it lies in, directly below the root, is taken as its style.
"""

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from keras_musicvae.datasets.layout import KINDS, SPLITS
from keras_musicvae.datasets.sources import Source, UnreadableFile
from keras_musicvae.errors import DatasetError

_INFO_NAMES = ("info.csv", "groove/info.csv")
_INFO_COLUMNS = {"drummer", "style", "beat_type", "midi_filename", "split"}
_MAX_INFO_BYTES = 64 << 20


@dataclass(frozen=True)
class FileFacts:
    """What is known of a file; an empty string is unknown.

    Attributes:
        style: Primary style, such as `"rock"` of `rock/indie`.
        drummer: Who plays.
        kind: `"beat"`, `"fill"` or unknown.
        split: `"train"`, `"validation"`, `"test"`, or unknown: decided by content.
    """

    style: str = ""
    drummer: str = ""
    kind: str = ""
    split: str = ""


@dataclass(frozen=True)
class Catalogue:
    """The facts of all files of a source.

    Attributes:
        facts: By the file's name in the source; None if there is no info.csv.
    """

    facts: Mapping[str, FileFacts] | None = field(default=None)

    @property
    def is_groove(self) -> bool:
        """Whether the source has an `info.csv` in the Groove MIDI Dataset's form."""
        return self.facts is not None

    def missing(self, names: Iterable[str]) -> int:
        """How many files an info.csv lists beside these."""
        return len(set(self.facts or ()) - set(names))

    def of(self, name: str) -> FileFacts | None:
        """The facts of one file; None if an info.csv does not list it."""
        if self.facts is not None:
            return self.facts.get(name)
        folder, slash, _ = name.partition("/")
        return FileFacts(style=folder if slash else "")


def read_catalogue(source: Source) -> Catalogue:
    """Reads the `info.csv` of a source, at its root or in a folder `groove`.

    Raises:
        DatasetError: there is one, but it is damaged.
    """
    for name in _INFO_NAMES:
        try:
            text = source.read(name, _MAX_INFO_BYTES + 1)
        except UnreadableFile as error:
            if "unpacked" in str(error):
                raise DatasetError(f"{source.path}: {name} {error}.") from error
            continue
        facts = _parse(text, name.removesuffix("info.csv"))
        if facts is not None:
            return Catalogue(facts)
    return Catalogue()


def _parse(text: bytes, prefix: str) -> dict[str, FileFacts] | None:
    """The facts by file name; None if these are not the columns of the dataset."""
    if len(text) > _MAX_INFO_BYTES:
        return None
    try:
        rows = csv.DictReader(io.StringIO(text.decode("utf-8"), newline=""))
        if not _INFO_COLUMNS <= set(rows.fieldnames or ()):
            return None
        facts = {}
        for row in rows:
            split, kind = row["split"], row["beat_type"]
            if split not in SPLITS or kind not in KINDS:
                raise DatasetError(
                    f"{prefix}info.csv, line {rows.line_num}: the split must be one "
                    f"of {', '.join(SPLITS)} and beat_type beat or fill. "
                    f"Received: {split!r}, {kind!r}."
                )
            facts[prefix + (row["midi_filename"] or "")] = FileFacts(
                style=(row["style"] or "").partition("/")[0],
                drummer=row["drummer"] or "",
                kind=kind,
                split=split,
            )
        return facts
    except (UnicodeDecodeError, csv.Error):
        return None
