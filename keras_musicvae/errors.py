"""Every error that the package raises for a reason that a user can act on.

All derive from `MusicVAEError`, so one `except` catches them; each also derives
from the built-in type that callers would expect (`ValueError`, `FileNotFoundError`,
`ConnectionError`...). A message says what is wrong, what is allowed, what was
received and what to do. The command line prints it on one line and exits with 1.
"""


class MusicVAEError(Exception):
    """Base class of the errors of `keras_musicvae`."""


# --- MIDI and grooves ---------------------------------------------------------


class MidiError(MusicVAEError, ValueError):
    """A MIDI file cannot be turned into a groove."""


class MidiFileError(MidiError, FileNotFoundError):
    """There is no such file, or it cannot be opened."""


class MidiFormatError(MidiError):
    """The bytes are not a valid MIDI file; the message says what and where."""


class MidiLimitError(MidiError):
    """The file exceeds a documented limit (size, notes, tracks, ticks...)."""


class NoDrumsError(MidiError):
    """The file is valid but holds no drum hit that the drum map knows."""


class UnknownPitchError(MidiError):
    """A drum pitch has no class in the drum map and the caller asked to be strict."""


class SeveralTimeSignaturesError(MidiError):
    """The time signature changes inside the file; read it as several grooves."""


class DrumMapError(MusicVAEError, ValueError):
    """No drum map has this name, or a user's map is not a valid one."""


class GrooveError(MusicVAEError, ValueError):
    """Arrays, tempo or time signature that do not make a groove."""


class TooShortError(GrooveError):
    """A groove has fewer bars than the window that was asked for."""


class AudioError(MusicVAEError, ValueError):
    """A groove cannot be turned into sound: wrong samples, rate, length, SoundFont."""


class PlotError(MusicVAEError, ValueError):
    """Grooves or latent vectors that cannot be drawn."""


# --- Data ---------------------------------------------------------------------


class DatasetError(MusicVAEError, ValueError):
    """A dataset, archive or folder is not what it should be."""


class DownloadError(MusicVAEError, ConnectionError):
    """A file could not be fetched: no network, a dead server, too many retries."""


class ChecksumError(MusicVAEError, ValueError):
    """A file is not the one that was published: wrong size or SHA-256."""


class PathError(MusicVAEError, OSError):
    """A path that no file can have."""


class OutputError(MusicVAEError, OSError):
    """A file or folder cannot be written."""


# --- Models, presets, checkpoints ---------------------------------------------


class ConfigError(MusicVAEError, ValueError):
    """A model configuration is impossible or outside its limits."""


class TrainingError(MusicVAEError, RuntimeError):
    """Training cannot start, resume or go on."""


class EvaluationError(MusicVAEError, ValueError):
    """Grooves, windows or models that cannot be measured or compared."""


class UnknownPresetError(MusicVAEError, ValueError):
    """No preset has this name; the message names the closest one."""


class PresetFileError(MusicVAEError, FileNotFoundError):
    """A file of a preset folder is missing."""


class PresetFormatError(MusicVAEError, ValueError):
    """A preset's files do not make a model: bad JSON, limits, weights that differ."""


class ForeignPresetError(PresetFormatError):
    """The folder holds something else than a preset of `keras_musicvae`."""


class FuturePresetError(PresetFormatError):
    """The preset was saved by a later version, in a format unknown to this one."""


class TruncatedPresetError(PresetFormatError):
    """A file of the preset ends too early: a copy or a download was cut off."""


class CheckpointError(MusicVAEError, ValueError):
    """A Magenta checkpoint is damaged or of an unknown architecture."""


class BackendError(MusicVAEError, ImportError):
    """No usable Keras backend; the message names the extra to install."""


class MissingExtraError(MusicVAEError, ImportError):
    """An optional package is not installed; the message names the extra to install."""


def shown(value: object) -> str:
    """A value for a message: never longer than a line."""
    try:
        return " ".join(repr(value).split())[:80]
    except ValueError:  # an integer of more digits than Python prints
        return "a number of thousands of digits"


def plain(text: str) -> str:
    """Text of strangers on one line, without the control sequences of a terminal."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode()
        for char in " ".join(text.split())
    )
