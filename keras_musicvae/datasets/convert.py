"""From the bytes of one MIDI file to rows and windows; runs in a worker process.

The groove of the whole file is converted once. Windows are places in it, so hits
played early on the first downbeat of a window stay in it.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.datasets.layout import NUM_FEATURES
from keras_musicvae.datasets.sources import (
    FolderSource,
    Source,
    UnreadableFile,
    ZipSource,
)
from keras_musicvae.datasets.store import add_counts
from keras_musicvae.errors import (
    ConfigError,
    DrumMapError,
    GrooveError,
    MidiFormatError,
    MidiLimitError,
    MusicVAEError,
    NoDrumsError,
    UnknownPitchError,
)
from keras_musicvae.grooves.drum_maps import DRUMS, ROLAND_TD11, DrumMap, get_drum_map
from keras_musicvae.grooves.groove import Groove, bar_steps
from keras_musicvae.grooves.midi import read_midi_parts
from keras_musicvae.grooves.midi_check import DEFAULT_LIMITS, DRUM_CHANNEL
from keras_musicvae.grooves.windows import (
    SHORT,
    TAIL,
    WindowCut,
    cut_windows,
    same_time_signature,
)

KEY_BYTES = 16
MAX_BARS = 1024

# What went wrong with a file, in words that a summary can count.
_CATEGORIES: tuple[tuple[type[MusicVAEError], str], ...] = (
    (MidiFormatError, "not valid MIDI"),
    (MidiLimitError, "beyond a limit"),
    (NoDrumsError, "no drums"),
    (UnknownPitchError, "unknown pitch"),
    (GrooveError, "no groove"),
)


@dataclass(frozen=True)
class WindowConfig:
    """How MIDI files become windows.

    Attributes:
        num_bars: Bars of a window. Defaults to 4.
        hop_bars: Bars from one window to the next. Defaults to 1.
        steps_per_quarter: Grid; 4 is a step per 16th. Defaults to 4.
        time_signature: Only parts of files in this time signature give windows.
            Defaults to (4, 4).
        drum_map: Which pitch is which drum: a map, or the name of one. Defaults to
            Roland TD-11.
        unknown_pitch: Pitches that the map lacks: `"skip"` (they are counted),
            `"error"`, a drum for all of them, or `{pitch: drum}`. Defaults to "skip".
        channel: MIDI channel of the drums, 1 to 16, or None for all. Defaults to 10.
        track: Number (from 0) or name of the only track to read. Defaults to all.
        short: A file of fewer bars than a window: `"skip"` reports it, `"pad"` adds
            silence, `"loop"` repeats it. Defaults to `"skip"`.
        tail: Bars after the last window, if `hop_bars` is more than 1: `"skip"`
            counts them, `"keep"` adds a window that ends with the file. Defaults to
            `"skip"`.

    Raises:
        ConfigError: a value out of range.
    """

    num_bars: int = 4
    hop_bars: int = 1
    steps_per_quarter: int = 4
    time_signature: tuple[int, int] = (4, 4)
    drum_map: DrumMap | str = ROLAND_TD11
    unknown_pitch: str | Mapping[int, str] = "skip"
    channel: int | None = DRUM_CHANNEL
    track: int | str | None = None
    short: str = "skip"
    tail: str = "skip"

    def __post_init__(self) -> None:
        if not isinstance(self.num_bars, int) or not 1 <= self.num_bars <= MAX_BARS:
            raise ConfigError(
                f"num_bars must be a whole number from 1 to {MAX_BARS}. "
                f"Received: {self.num_bars!r}."
            )
        if (
            not isinstance(self.hop_bars, int)
            or not 1 <= self.hop_bars <= self.num_bars
        ):
            raise ConfigError(
                "hop_bars must be a whole number from 1 to the bars of a window "
                f"({self.num_bars}). Received: {self.hop_bars!r}."
            )
        for name, allowed in (("short", SHORT), ("tail", TAIL)):
            if getattr(self, name) not in allowed:
                raise ConfigError(
                    f"{name} must be one of {', '.join(allowed)}. "
                    f"Received: {getattr(self, name)!r}."
                )
        bar_steps(self.time_signature, self.steps_per_quarter)
        object.__setattr__(self, "drum_map", get_drum_map(self.drum_map))
        object.__setattr__(self, "time_signature", tuple(self.time_signature))

    @property
    def steps_per_bar(self) -> int:
        """Steps of a bar."""
        return bar_steps(self.time_signature, self.steps_per_quarter)

    @property
    def num_steps(self) -> int:
        """Steps of a window."""
        return self.num_bars * self.steps_per_bar

    def to_json(self) -> dict[str, Any]:
        """The configuration as JSON, the drum map in full."""
        value = {item.name: getattr(self, item.name) for item in fields(self)}
        value["time_signature"] = list(self.time_signature)
        value["drum_map"] = json.loads(get_drum_map(self.drum_map).to_json())
        if not isinstance(self.unknown_pitch, str):
            value["unknown_pitch"] = {str(p): d for p, d in self.unknown_pitch.items()}
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "WindowConfig":
        """The inverse of `to_json`."""
        drum_map = value["drum_map"]
        drums = {
            drum: {int(pitch): name for pitch, name in pitches.items()}
            for drum, pitches in drum_map["drums"].items()
        }
        restored = DrumMap(drum_map["name"], drums, drum_map["source"])
        unknown = value["unknown_pitch"]
        if not isinstance(unknown, str):
            unknown = {int(pitch): drum for pitch, drum in unknown.items()}
        changed = {
            "time_signature": tuple(value["time_signature"]),
            "drum_map": restored,
            "unknown_pitch": unknown,
        }
        return cls(**{**value, **changed})


def make_reader(setup: Mapping[str, Any]) -> Callable[[str], tuple[dict, bytes]]:
    """The task of a worker: from the name of a file to its rows and windows.

    Args:
        setup: `source` (kind, path), `config` (JSON), `keys` (hash the windows?).
    """
    kind, path = setup["source"]
    source = (ZipSource if kind == ZipSource.kind else FolderSource)(Path(path))
    config = WindowConfig.from_json(setup["config"])

    def read(name: str) -> tuple[dict, bytes]:
        try:
            data = read_bounded(source, name)
        except UnreadableFile as error:
            return {"category": "unreadable", "reason": str(error)}, b""
        digest = {"sha256": hashlib.sha256(data).hexdigest()}
        message, raw = convert_bytes(data, config, keys=setup["keys"])
        return digest | message, raw

    return read


def convert_bytes(
    data: bytes, config: WindowConfig, *, keys: bool = False
) -> tuple[dict[str, Any], bytes]:
    """Reads one file.

    Returns:
        A message and raw bytes for `unpack`. A rejected file gives its `category` and
        `reason`; any other gives `starts` (rows), `bars`
        and `tempos` of its windows, `counts` for
        the report, and what `files.csv` says of it under `file`.
    """
    try:
        parts = read_midi_parts(
            data,
            drum_map=config.drum_map,
            steps_per_quarter=config.steps_per_quarter,
            channel=config.channel,
            track=config.track,
            unknown_pitch=config.unknown_pitch,
        )
    except DrumMapError:
        raise
    except MusicVAEError as error:
        return _rejected(_category(error), str(error)), b""
    cuts = [(part, _cut(part, config)) for part in parts]
    used = [(part, cut) for part, cut in cuts if len(cut)]
    found = sorted(
        {f"{part.time_signature[0]}/{part.time_signature[1]}" for part in parts}
    )
    if not used:
        return _why_unused(cuts, found, config), b""
    counts: dict[str, Any] = {
        "time_signatures": dict.fromkeys(found, 1),
        "files_with_tempo_changes": int(any(part.tempo_changes for part, _ in used)),
        "tempos": {str(round(used[0][0].tempo)): 1},
    }
    for part, cut in cuts:
        add_counts(counts, _counts(part, cut))
    starts, rows = [], 0
    for _, cut in used:
        starts += (rows + cut.start_steps).tolist()
        rows += len(cut.frames)
    message = {
        "rows": rows,
        "starts": starts,
        "bars": [bar for _, cut in used for bar in cut.start_bars.tolist()],
        "tempos": [tempo for part, cut in used for tempo in _tempos(part, cut)],
        "counts": counts,
        "file": {
            "tempo": round(used[0][0].tempo, 4),
            "time_signature": " ".join(found),
            "bars": counts["bars"],
            "notes": counts["notes"],
            "hits": counts["hits"],
        },
    }
    frames = np.concatenate([cut.frames for _, cut in used])
    raw = frames.tobytes()
    if keys:
        raw += _window_keys(frames, starts, config.num_steps)
    return message, raw


def unpack(
    raw: bytes, message: Mapping[str, Any]
) -> tuple[NDArray[np.float32], NDArray[np.uint8] | None]:
    """The rows, and the hashes of the windows if there are any."""
    size = message["rows"] * NUM_FEATURES * 4
    frames = np.frombuffer(raw[:size], np.float32).reshape(-1, NUM_FEATURES)
    if len(raw) == size:
        return frames, None
    return frames, np.frombuffer(raw[size:], np.uint8).reshape(-1, KEY_BYTES)


def read_bounded(source: Source, name: str) -> bytes:
    """A file of a source, up to one byte more than `read_midi` accepts."""
    return source.read(name, DEFAULT_LIMITS.max_bytes + 1)


def content_hash(source: Source, name: str) -> str:
    """The SHA-256 of a file (of its readable beginning), or why there is none."""
    try:
        return hashlib.sha256(read_bounded(source, name)).hexdigest()
    except UnreadableFile:
        return "unreadable"


def _window_keys(
    frames: NDArray[np.float32], starts: list[int], num_steps: int
) -> bytes:
    keys = []
    for start in starts:
        # Adding 0 turns -0.0, which equals 0.0, into the same bytes.
        rows = frames[start : start + num_steps] + np.float32(0)
        keys.append(hashlib.blake2b(rows.tobytes(), digest_size=KEY_BYTES).digest())
    return b"".join(keys)


def _cut(groove: Groove, config: WindowConfig) -> WindowCut:
    return cut_windows(
        groove,
        config.num_bars,
        hop_bars=config.hop_bars,
        short=config.short,
        tail=config.tail,
        time_signature=config.time_signature,
        steps_per_quarter=config.steps_per_quarter,
    )


def _tempos(groove: Groove, cut: WindowCut) -> list[float]:
    """The tempo where each window begins."""
    quarters = groove.steps_per_bar / groove.steps_per_quarter
    return [groove.tempo_at(bar * quarters) for bar in cut.start_bars.tolist()]


def _why_unused(
    cuts: list[tuple[Groove, WindowCut]], found: list[str], config: WindowConfig
) -> dict[str, Any]:
    """The rejection of a readable file that gives no window."""
    counts = {
        "time_signatures": dict.fromkeys(found, 1),
        "hits_of_rejected_files": sum(part.num_hits for part, _ in cuts),
    }
    fitting = [
        part
        for part, _ in cuts
        if same_time_signature(part.time_signature, config.time_signature)
    ]
    if not fitting:
        wanted = f"{config.time_signature[0]}/{config.time_signature[1]}"
        reason = (
            f"is in {', '.join(found)}; windows are cut in {wanted} only "
            "(--time-signature)"
        )
        return _rejected("another time signature", reason, counts)
    bars = max(part.num_bars for part in fitting)
    reason = (
        f"has {bars} bar{'s' * (bars > 1)}, a window {config.num_bars}; "
        "--short pad or --short loop would fill it up"
    )
    return _rejected("too short", reason, counts)


def _counts(part: Groove, cut: WindowCut) -> dict[str, Any]:
    """What one groove adds to the report of the dataset."""
    if not len(cut):
        return {"bars_left_over": cut.bars_left_out, "hits_left_over": part.num_hits}
    added = len(cut.frames) // cut.steps_per_bar - part.num_bars
    counts: dict[str, Any] = {
        "bars": part.num_bars,
        "bars_left_over": cut.bars_left_out,
        "hits_left_over": cut.hits_left_out,
        "bars_added": added,
        "seconds": part.duration,
        "hits": part.num_hits,
        "drums": dict(zip(DRUMS, part.hits.sum(0).tolist(), strict=True)),
    }
    report = part.report
    if report is not None:
        counts |= {
            "notes": report.num_notes,
            "shared_cells": report.shared_cells,
            "zero_length": report.zero_length,
            "unclosed": report.unclosed,
            "unknown_pitches": {str(p): n for p, n in report.unknown_pitches.items()},
            "mapped_pitches": {str(p): n for p, n in report.mapped_pitches.items()},
        }
    return counts


def _category(error: MusicVAEError) -> str:
    for kind, name in _CATEGORIES:
        if isinstance(error, kind):
            return name
    return "not readable"


def _rejected(
    category: str, reason: str, counts: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    one_line = " ".join(reason.split())[:500]
    return {"category": category, "reason": one_line, "counts": dict(counts or {})}
