"""From the bytes of one MIDI file to rows and windows: a pure function.

The groove of the whole file is converted once. Windows are places in it, so hits
played early on the first downbeat of a window stay in it.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from keras_musicvae.datasets.layout import KEYED_WINDOW
from keras_musicvae.errors import (
    ConfigError,
    DrumMapError,
    GrooveError,
    MidiFormatError,
    MidiLimitError,
    MusicVAEError,
    NoDrumsError,
    UnknownPitchError,
    shown,
)
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.drum_map import NUM_PITCHES
from keras_musicvae.grooves.drum_maps import DRUMS, ROLAND_TD11, DrumMap
from keras_musicvae.grooves.frames import HITS
from keras_musicvae.grooves.groove import Groove, same_time_signature
from keras_musicvae.grooves.midi import read_midi_parts
from keras_musicvae.grooves.midi_limits import DEFAULT_LIMITS, MidiLimits
from keras_musicvae.grooves.windows import SHORT, TAIL, WindowCut
from keras_musicvae.rules import Checked, argument, choice, flag, integer, optional

SILENT = ("skip", "keep")
NOT_LISTED, READER_FAILED = "not listed", "reader failed"

# What went wrong with a file, in words that a summary can count.
_CATEGORIES: tuple[tuple[type[MusicVAEError], str], ...] = (
    (MidiFormatError, "not valid MIDI"),
    (MidiLimitError, "beyond a limit"),
    (NoDrumsError, "no drums"),
    (UnknownPitchError, "unknown pitch"),
    (GrooveError, "no groove"),
)


@dataclass(frozen=True, kw_only=True)
class WindowConfig(Checked):
    """How MIDI files become windows.

    Attributes:
        converter: Bars, grid, time signature and drum map. Defaults to
            `GrooveConverter()`: 4 bars of 4/4 in 16ths, Roland TD-11.
        any_kit: Whether a file that is clearly of another kit is read by that kit's
            map. Defaults to None: unless the converter names a kit of its own, or
            `unknown_pitch` is given. The Groove MIDI Dataset is always read by the
            converter's map.
        unknown_pitch: Pitches that the map lacks: `"skip"` (they are counted),
            `"error"`, a drum for all of them, or `{pitch: drum}`. Drums become part of
            the converter's map, so that a model reads its users' files alike.
            Defaults to "skip".
        channel: MIDI channel of the drums, 1 to 16, or None for all. `"auto"`, the
            default, is 10, or else the only part that looks like drums.
        track: Number (from 0) or name of the only track to read. Defaults to all.
        limits: Which files are refused for their size. Defaults to `DEFAULT_LIMITS`.
        hop_bars: Bars from one window to the next, at most those of a window.
            Defaults to 1.
        short: A file of fewer bars than a window: `"skip"` reports it, `"pad"` adds
            silence, `"loop"` repeats it. Defaults to `"skip"`.
        tail: Bars after the last window, if `hop_bars` is more than 1: `"skip"`
            counts them, `"keep"` adds a window that ends with the file. Defaults to
            `"skip"`.
        silent: Windows without a hit, which teach nothing: `"skip"` counts them,
            `"keep"` keeps them. Defaults to `"skip"`.

    Raises:
        ConfigError: A value is not allowed.

    Example:
        >>> config = WindowConfig(converter=GrooveConverter(num_bars=2), short="loop")
        >>> config.converter.num_steps
        32
    """

    converter: GrooveConverter = field(default_factory=GrooveConverter)
    any_kit: bool | None = argument(None, optional(flag()), "")
    unknown_pitch: str | Mapping[int, str] = "skip"
    channel: int | str | None = "auto"
    track: int | str | None = None
    limits: MidiLimits = DEFAULT_LIMITS
    hop_bars: int = argument(1, integer(1), "")
    short: str = argument("skip", choice(SHORT), "")
    tail: str = argument("skip", choice(TAIL), "")
    silent: str = argument("skip", choice(SILENT), "")

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.converter, GrooveConverter):
            raise ConfigError(
                "`converter` must be a GrooveConverter. "
                f"Received: {type(self.converter).__name__}"
            )
        own = self.unknown_pitch == "skip" and self.converter.drum_map == ROLAND_TD11
        if self.any_kit is None:
            object.__setattr__(self, "any_kit", own)
        if self.hop_bars > self.converter.num_bars:
            raise ConfigError(
                "`hop_bars` must be at most the bars of a window "
                f"({self.converter.num_bars}). Received: hop_bars={self.hop_bars}"
            )
        if self.unknown_pitch not in ("skip", "error"):
            drum_map = _extended(self.converter.drum_map, self.unknown_pitch)
            config = {**self.converter.get_config(), "drum_map": drum_map}
            object.__setattr__(self, "converter", GrooveConverter(**config))
            object.__setattr__(self, "unknown_pitch", "skip")

    def to_json(self) -> dict[str, Any]:
        """The configuration as JSON."""
        value = {item.name: getattr(self, item.name) for item in fields(self)}
        value["converter"] = self.converter.get_config()
        value["limits"] = asdict(self.limits)
        return value

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "WindowConfig":
        """The inverse of `to_json`."""
        converter = GrooveConverter.from_config(value["converter"])
        limits = MidiLimits(**value["limits"])
        return cls(**{**value, "converter": converter, "limits": limits})


def _extended(drum_map: DrumMap, pitches: str | Mapping[int, str]) -> DrumMap:
    """A drum map with pitches that it lacks; a name is the drum of all of them."""
    received = pitches
    if isinstance(pitches, str):
        pitches = dict.fromkeys(range(NUM_PITCHES), pitches)
    if not isinstance(pitches, Mapping) or set(pitches.values()) - set(DRUMS):
        raise ConfigError(
            "`unknown_pitch` must be skip, error, or name one of "
            f"{', '.join(DRUMS)}. Received: {shown(received)}"
        )
    drums = {drum: dict(known) for drum, known in drum_map.drums.items()}
    for pitch, drum in pitches.items():
        if drum_map.drum_of(pitch) is None:
            drums[drum][pitch] = f"{drum} {pitch}"
    return DrumMap(f"{drum_map.name}, extended", drums, drum_map.source)


class RejectedFile(Exception):
    """A file that gives no window; the message says why.

    Attributes:
        category: The reason in words that a summary can count.
        counts: What the file adds to the report all the same.
    """

    def __init__(
        self, category: str, reason: str, counts: Mapping[str, Any] | None = None
    ):
        super().__init__(" ".join(reason.split())[:500])
        self.category = category
        self.counts = counts or {}


@dataclass(frozen=True)
class FileWindows:
    """What one file gives.

    Attributes:
        frames: (rows, 27) float32, its grooves one after the other.
        table: (windows,) `KEYED_WINDOW`; rows are counted from the file's first.
        about: What `files.csv` says of it.
        counts: What it adds to the report.
    """

    frames: NDArray[np.float32]
    table: NDArray[np.void]
    about: dict[str, Any]
    counts: dict[str, Any]


def convert_bytes(data: bytes, config: WindowConfig) -> FileWindows:
    """Reads one file.

    Raises:
        RejectedFile: It gives no window.
    """
    grooves = _read(data, config)
    signatures = sorted({"{}/{}".format(*g.time_signature) for g in grooves})
    counts: dict[str, Any] = {"time_signatures": dict.fromkeys(signatures, 1)}
    tables, frames, used, rows = [], [], [], 0
    for groove in grooves:
        cut = config.converter.windows(
            groove, hop_bars=config.hop_bars, short=config.short, tail=config.tail
        )
        table = window_table(groove, cut, silent=config.silent)
        add_counts(counts, _counts(groove, cut, len(table)))
        if len(table):
            table["row"] += rows
            tables.append(table)
            frames.append(cut.frames)
            used.append(groove)
            rows += len(cut.frames)
    if not used:
        raise _unused(grooves, signatures, config)
    counts["files_with_tempo_changes"] = int(any(g.tempo_changes for g in used))
    counts["tempos"] = {str(round(used[0].tempo)): 1}
    remarks = [remark for g in grooves if g.report for remark in g.report.remarks]
    return FileWindows(
        frames=np.concatenate(frames),
        table=np.concatenate(tables),
        about={
            "tempo": round(used[0].tempo, 4),
            "time_signature": " ".join(signatures),
            "bars": counts["bars"],
            "notes": counts["notes"],
            "hits": counts["hits"],
            "remarks": "; ".join(dict.fromkeys(remarks))[:500],
        },
        counts=counts,
    )


def window_table(groove: Groove, cut: WindowCut, *, silent: str) -> NDArray[np.void]:
    """The windows of one groove, as records; silent ones only if they are kept."""
    table = np.zeros(len(cut), KEYED_WINDOW)
    table["row"] = cut.start_steps
    table["bar"] = cut.start_bars
    quarters = groove.steps_per_bar / groove.steps_per_quarter
    sounding = np.ones(len(cut), bool)
    for number, bar in enumerate(cut.start_bars.tolist()):
        table["tempo"][number] = groove.tempo_at(bar * quarters)
        start = bar * cut.steps_per_bar
        window = cut.frames[start : start + cut.num_bars * cut.steps_per_bar]
        # Adding 0 turns -0.0, which equals 0.0, into the same bytes.
        values = (window + np.float32(0)).tobytes()
        table["key"][number] = hashlib.blake2b(values, digest_size=16).digest()
        sounding[number] = silent == "keep" or window[:, HITS].any()
    return table[sounding]


def add_counts(total: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Adds numbers, and numbers by name, to those of `total`."""
    for name, value in more.items():
        if isinstance(value, Mapping):
            add_counts(total.setdefault(name, {}), value)
        else:
            total[name] = total.get(name, 0) + value


def _read(data: bytes, config: WindowConfig) -> list[Groove]:
    """The grooves of a file, one per stretch in one time signature."""
    own_map = config.converter.drum_map
    try:
        return read_midi_parts(
            data,
            drum_map="auto" if config.any_kit else own_map,
            own_map=own_map,
            steps_per_quarter=config.converter.steps_per_quarter,
            channel=config.channel,
            track=config.track,
            unknown_pitch=config.unknown_pitch,
            limits=config.limits,
        )
    except DrumMapError:
        raise
    except MusicVAEError as error:
        names = (name for kind, name in _CATEGORIES if isinstance(error, kind))
        raise RejectedFile(next(names, "not readable"), str(error)) from error
    except Exception as error:
        raise RejectedFile(
            READER_FAILED, f"unexpected error: {type(error).__name__}: {error}"
        ) from error


def _unused(
    grooves: list[Groove], signatures: list[str], config: WindowConfig
) -> RejectedFile:
    """The rejection of a readable file that gives no window."""
    counts = {
        "time_signatures": dict.fromkeys(signatures, 1),
        "hits_of_rejected_files": sum(groove.num_hits for groove in grooves),
    }
    fitting = [
        groove.num_bars
        for groove in grooves
        if same_time_signature(groove.time_signature, config.converter.time_signature)
    ]
    if not fitting:
        wanted = "{}/{}".format(*config.converter.time_signature)
        return RejectedFile(
            "another time signature",
            f"is in {', '.join(signatures)}; windows are cut in {wanted} only "
            "(--time-signature)",
            counts,
        )
    bars = max(fitting)
    if bars >= config.converter.num_bars:
        return RejectedFile("silent", "has no hit in any of its windows", counts)
    return RejectedFile(
        "too short",
        f"has {bars} bar{'s' * (bars > 1)}, a window {config.converter.num_bars}; "
        "--short pad or --short loop would fill it up",
        counts,
    )


def _counts(groove: Groove, cut: WindowCut, kept: int) -> dict[str, Any]:
    """What one groove adds to the report of the dataset."""
    silent = {"silent_windows": len(cut) - kept}
    if not kept:
        left = {"bars_left_over": groove.num_bars, "hits_left_over": groove.num_hits}
        return silent | left
    counts: dict[str, Any] = silent | {
        "bars": groove.num_bars,
        "bars_left_over": cut.bars_left_out,
        "hits_left_over": cut.hits_left_out,
        "bars_added": len(cut.frames) // cut.steps_per_bar - groove.num_bars,
        "milliseconds": round(1000 * groove.duration),
        "hits": groove.num_hits,
        "drums": dict(zip(DRUMS, groove.hits.sum(0).tolist(), strict=True)),
    }
    for item in fields(groove.report) if groove.report else ():
        value = getattr(groove.report, item.name)
        if isinstance(value, Mapping):
            counts[item.name] = {str(name): number for name, number in value.items()}
        elif isinstance(value, int) and item.name != "num_hits":
            counts[item.name.removeprefix("num_")] = value
    return counts
