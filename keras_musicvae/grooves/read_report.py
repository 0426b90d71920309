"""What reading a MIDI file found and left out, so that nothing is dropped silently."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from keras_musicvae.grooves.drum_maps import pitch_name


@dataclass(frozen=True)
class ReadReport:
    """The account of one file: every note-on is in exactly one of the counts.

    Attributes:
        num_notes: Drum notes on the channel and track that were read.
        num_hits: Of these, the notes that became hits of the groove.
        shared_cells: Notes left out because a louder hit of the same drum lies in
            the same step (flams, rolls); a finer grid keeps more of them.
        unknown_pitches: `{pitch: notes}` of pitches that the drum map lacks; they
            were left out.
        mapped_pitches: `{pitch: notes}` of pitches that the drum map lacks, taken for
            the drum that the caller named, or for General MIDI's.
        zero_length: Notes left out because they end at the tick where they begin.
        unclosed: Notes without a note-off; they became hits like any other.
        other_notes: `{channel: notes}` that were not read, channels from 1 to 16.
        silent_bars: Empty bars between the last hit and the end of the track that
            were left out.
        drum_map: The name of the drum map by which the file was read.
        remarks: What else was odd about the file, in words.
    """

    num_notes: int = 0
    num_hits: int = 0
    shared_cells: int = 0
    unknown_pitches: Mapping[int, int] = field(default_factory=dict)
    mapped_pitches: Mapping[int, int] = field(default_factory=dict)
    zero_length: int = 0
    unclosed: int = 0
    other_notes: Mapping[int, int] = field(default_factory=dict)
    silent_bars: int = 0
    drum_map: str = ""
    remarks: tuple[str, ...] = ()

    @property
    def share_kept(self) -> float:
        """The hits as a share of the drum notes, 0 to 1."""
        return self.num_hits / self.num_notes if self.num_notes else 0.0

    def left_out(self) -> str:
        """What the groove lacks of the file's drums, on one line; "" if nothing.

        Example:
            >>> ReadReport(num_notes=9, num_hits=5, unknown_pitches={92: 4}).left_out()
            '4 of 9 drum notes left out: unknown pitches 92 (4)'
        """
        reasons = []
        if self.unknown_pitches:
            reasons.append(f"unknown pitches {name_pitches(self.unknown_pitches)}")
        if self.shared_cells:
            reasons.append(f"{self.shared_cells} share a step with a louder hit")
        if self.zero_length:
            reasons.append(f"{self.zero_length} of zero length")
        lost = self.num_notes - self.num_hits + self.zero_length
        parts = []
        if reasons:
            notes = self.num_notes + self.zero_length
            parts.append(f"{lost} of {notes} drum notes left out: {', '.join(reasons)}")
        if self.silent_bars:
            parts.append(f"{self.silent_bars} empty bars at the end left out")
        return "; ".join(parts)

    def notice(self) -> str:
        """What a user should be shown once: what was left out, what was odd; or ""."""
        return "; ".join(filter(None, (self.left_out(), *self.remarks)))

    def to_json(self) -> dict[str, Any]:
        """The report as JSON, with `left_out` in words."""
        value = asdict(self) | {"left_out": self.left_out()}
        for name in ("unknown_pitches", "mapped_pitches", "other_notes"):
            value[name] = {str(key): count for key, count in value[name].items()}
        return value | {"remarks": list(self.remarks)}

    def __str__(self) -> str:
        lines = [f"{self.num_hits} of {self.num_notes} drum notes became hits"]
        lines += filter(None, [self.left_out()])
        if self.mapped_pitches:
            lines.append(f"mapped pitches: {name_pitches(self.mapped_pitches)}")
        if self.unclosed:
            lines.append(f"{self.unclosed} without a note-off")
        if self.other_notes:
            lines.append(f"notes on other channels: {name_channels(self.other_notes)}")
        return "; ".join([*lines, *self.remarks])


def name_pitches(counts: Mapping[int, int]) -> str:
    """`{39: 4}` as "39 hand clap (4)"."""
    return ", ".join(
        f"{pitch} {pitch_name(pitch)} ({count})".replace("  ", " ")
        for pitch, count in sorted(counts.items())
    )


def name_channels(counts: Mapping[int, int]) -> str:
    """`{1: 312}` as "1 (312 notes)"."""
    return ", ".join(
        f"{channel} ({count} note{'s' * (count != 1)})"
        for channel, count in sorted(counts.items())
    )
