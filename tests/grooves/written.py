"""What must hold for every MIDI file that we write."""

import io

import mido

from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.midi_write import groove_to_midi, midi_bytes


def written(groove: Groove, **options) -> bytes:
    """The bytes that `write_midi` writes."""
    return midi_bytes(groove_to_midi(groove, **options))


def check_written(groove: Groove, data: bytes) -> None:
    """Raises AssertionError if a DAW could stumble over the file."""
    file = mido.MidiFile(file=io.BytesIO(data))
    assert file.type == 0
    (track,) = file.tracks
    tick, sounding, starts = 0, {}, 0
    for message in track:
        assert message.time >= 0
        tick += message.time
        if message.type == "note_on":
            assert message.channel == 9
            assert 1 <= message.velocity <= 127
            assert message.note not in sounding, "a note overlaps the next one"
            sounding[message.note] = tick
            starts += 1
        elif message.type == "note_off":
            assert sounding.pop(message.note) < tick, "a note of no length"
    assert not sounding
    assert starts == groove.num_hits
    assert track[-1].type == "end_of_track"
    assert tick == round(groove.num_quarters * file.ticks_per_beat)
    (time_signature,) = [
        message for message in track if message.type == "time_signature"
    ]
    assert (
        time_signature.numerator,
        time_signature.denominator,
    ) == groove.time_signature
    tempos = [message.tempo for message in track if message.type == "set_tempo"]
    assert tempos[0] == round(60e6 / groove.tempo)
    assert len(tempos) == 1 + len(groove.tempo_changes)
