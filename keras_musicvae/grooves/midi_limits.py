"""Which files are read, and how much of one before it is refused."""

from dataclasses import dataclass

from keras_musicvae.errors import MidiLimitError

DRUM_CHANNEL = 10

# So many empty bars at the end are a rest; more, unless a marker stands at the end, are
# a track that ends late.
MAX_REST_BARS = 3

# What files with MIDI inside are called; `.rmi` is RIFF-MIDI, `.kar` karaoke.
MIDI_SUFFIXES = (".mid", ".midi", ".smf", ".rmi", ".kar")


@dataclass(frozen=True)
class MidiLimits:
    """How much of a file is read before it is refused.

    The defaults hold every file of the Groove MIDI Dataset with a wide margin, and
    keep any file below one second and 256 MB. To read a bigger file of your own, pass
    `dataclasses.replace(DEFAULT_LIMITS, max_events=...)`.

    Args:
        max_bytes: Size of the file. Defaults to 16 MiB.
        max_chunks: Tracks and unknown chunks together. Defaults to 1,024.
        max_events: Events of all tracks together. Defaults to 200,000.
        max_notes: Note-ons of all tracks together. Defaults to 50,000.
        max_quarters: Position of the last event in quarter notes; 20,000, the
            default, are 2 h 47 min at 120 bpm.
        max_tempo_changes: Defaults to 10,000.
        max_time_signature_changes: Defaults to 1,000.
        max_tempo: Fastest tempo in quarter notes per minute. Defaults to 1,000. (The
            slowest is that of the format, 3.6.)
        max_bar_quarters: Length of a bar in quarter notes. Defaults to 32.
        max_denominator: Of a time signature. Defaults to 64.
    """

    max_bytes: int = 16 * 2**20
    max_chunks: int = 1_024
    max_events: int = 200_000
    max_notes: int = 50_000
    max_quarters: int = 20_000
    max_tempo_changes: int = 10_000
    max_time_signature_changes: int = 1_000
    max_tempo: float = 1_000.0
    max_bar_quarters: int = 32
    max_denominator: int = 64

    def check(self, name: str, number: float, what: str) -> None:
        """Raises `MidiLimitError` if a file has more of something than is read.

        Args:
            name: The limit, such as `"max_notes"`.
            number: What the file has.
            what: The words for it, such as "notes".
        """
        most = getattr(self, name)
        if number > most:
            raise MidiLimitError(
                f"the file has {number:,.10g} {what}; at most {most:,.10g} are read "
                f"(MidiLimits.{name})"
            )


DEFAULT_LIMITS = MidiLimits()
