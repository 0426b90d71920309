"""What reading a MIDI file found and left out, so that nothing is dropped silently."""

from collections.abc import Mapping
from dataclasses import dataclass, field

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
            the drum that the caller named.
        zero_length: Notes left out because they end at the tick where they begin.
        unclosed: Notes without a note-off; they became hits like any other.
        other_notes: `{channel: notes}` that were not read, channels from 1 to 16.
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
    remarks: tuple[str, ...] = ()

    @property
    def share_kept(self) -> float:
        """The hits as a share of the drum notes, 0 to 1."""
        return self.num_hits / self.num_notes if self.num_notes else 0.0

    def __str__(self) -> str:
        lines = [f"{self.num_hits} of {self.num_notes} drum notes became hits"]
        if self.shared_cells:
            lines.append(f"{self.shared_cells} share a step with a louder hit")
        if self.unknown_pitches:
            lines.append(f"unknown pitches: {name_pitches(self.unknown_pitches)}")
        if self.mapped_pitches:
            lines.append(f"mapped pitches: {name_pitches(self.mapped_pitches)}")
        if self.zero_length:
            lines.append(f"{self.zero_length} of zero length left out")
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
