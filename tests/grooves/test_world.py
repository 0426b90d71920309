"""Files as the world makes them: odd, old, from other programs, and still music."""

import io
import json
import os

import miditoolkit
import numpy as np
import pytest
from grooves import midi_files as midi

from keras_musicvae.errors import (
    MidiError,
    MidiFileError,
    MidiFormatError,
    MidiLimitError,
    NoDrumsError,
    PathError,
    SeveralTimeSignaturesError,
)
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.drum_maps import (
    ADDICTIVE_DRUMS,
    DRUM_MAPS,
    DRUMS,
    GENERAL_MIDI,
    MAGENTA,
    ROLAND_TD11,
    DrumMap,
)
from keras_musicvae.grooves.inputs import read_pieces
from keras_musicvae.grooves.midi import (
    DEFAULT_LIMITS,
    read_midi,
    read_midi_parts,
    write_midi,
)
from keras_musicvae.grooves.midi_limits import MidiLimits

BEAT = [(0, 36), (0, 42), (240, 42), (480, 38), (480, 42), (720, 42)]


def beat(bars=4, channel=10, length=60, pitches=None, end=b""):
    """Kick, snare and hi-hats, on a grid."""
    ons, offs = [], []
    for bar in range(2 * bars):
        for tick, pitch in pitches or BEAT:
            start = bar * 960 + tick
            ons.append((start, 1, bytes([0x8F + channel, pitch, 100])))
            offs.append((start + length, 0, bytes([0x7F + channel, pitch, 64])))
    now, data = 0, b""
    for tick, _, message in sorted(ons + offs):
        data += midi.number(tick - now) + message
        now = tick
    return data + end


def one(events, **options):
    return midi.file(events, format_=0, **options)


# --- Which kit ----------------------------------------------------------------


def test_every_general_midi_percussion_note_has_its_drum():
    file = one(b"".join(midi.note(pitch, delta=480) for pitch in range(35, 82)))
    groove = read_midi(file)
    assert groove.num_hits == groove.report.num_notes == 47
    assert groove.report.drum_map == "general_midi"
    assert groove.report.left_out() == ""
    low, mid = DRUMS.index("low_tom"), DRUMS.index("mid_tom")
    assert groove.pitches[groove.hits[:, low], low].tolist() == [41, 43, 45, 61, 64]
    assert groove.pitches[groove.hits[:, mid], mid].tolist() == [47, 48, 60, 63, 77]


@pytest.mark.parametrize(
    ("pitches", "expected"),
    [
        ((36, 38, 42, 45, 48), "general_midi"),  # nothing speaks for a kit
        ((36, 38, 22, 26, 45, 48, 58), "roland_td11"),
        ((36, 38, 22, 26, 17, 61, 75), "ezdrummer"),
        ((36, 38, 49, 56, 89, 77), "addictive_drums"),
        ((36, 38, 22, 54, 56, 69, 70), "general_midi"),  # 22 alone makes no Roland
    ],
)
def test_a_kit_shows_itself_by_pitches_of_its_own(pitches, expected):
    file = one(b"".join(midi.note(pitch, delta=480) for pitch in pitches))
    groove = read_midi(file)
    assert groove.report.drum_map == expected
    assert groove.drum_map == DRUM_MAPS[expected]
    assert read_midi(file, drum_map="logic").report.drum_map == "logic"


def test_an_electronic_kit_shows_itself_by_its_pedal_or_its_feel():
    programmed = [midi.note(pitch, delta=420) for pitch in (36, 38, 45, 48)]
    tom = DRUMS.index("high_tom")
    pedal = one(b"\x00\xb9\x04\x5a" + b"".join(programmed))
    assert read_midi(pedal).hits[:, tom].sum() == 1
    played = [midi.note(pitch, delta=427) for pitch in (36, 38, 45, 48)]
    assert read_midi(one(b"".join(played))).hits[:, tom].sum() == 1
    assert read_midi(one(b"".join(programmed))).hits[:, tom].sum() == 0
    # A pitch that the kit lacks: programmed and swung, perhaps, but no Roland.
    groove = read_midi(one(b"".join([*played, midi.note(39, delta=400)])))
    assert groove.report.drum_map == "general_midi"


def test_general_midi_fills_the_gaps_of_a_kit():
    events = [midi.note(22, delta=240) for _ in range(20)] + [midi.note(56, delta=240)]
    groove = read_midi(one(b"".join(events)))
    assert groove.report.drum_map == "roland_td11"
    assert groove.report.mapped_pitches == {56: 1}
    assert groove.num_hits == 21
    strict = read_midi(one(b"".join(events)), drum_map="roland_td11")
    assert strict.report.unknown_pitches == {56: 1}
    assert strict.report.left_out() == (
        "1 of 21 drum notes left out: unknown pitches 56 cowbell (1)"
    )


def test_a_models_own_kit_reads_its_users_files():
    pitches = [(0, 36), (0, 49), (240, 49), (480, 38), (720, 56)]
    file = one(beat(pitches=pitches))
    model = GrooveConverter(4, drum_map="addictive_drums")
    (groove,) = model.read(file)
    assert groove.drum_map == ADDICTIVE_DRUMS
    hats = DRUMS.index("closed_hihat")
    assert groove.hits[:, hats].sum() == 16
    assert model.to_groove(model.to_array(groove)).struck_pitches()[0, hats] == 49
    # For a model of Roland's kit the same file is General MIDI, as the user may mean.
    (groove,) = GrooveConverter(4).read(file)
    assert groove.drum_map == GENERAL_MIDI
    (groove,) = GrooveConverter(4).read(file, drum_map="addictive_drums")
    assert groove.drum_map == ADDICTIVE_DRUMS


def test_a_drum_map_of_users_travels_with_the_converter(tmp_path):
    drums = {drum: {60 + i: drum, 90 + i: "other"} for i, drum in enumerate(DRUMS)}
    mine = DrumMap("mine", drums, "my kit")
    path = tmp_path / "mine.json"
    path.write_text(mine.to_json())
    for given in (mine, path, str(path)):
        converter = GrooveConverter(2, drum_map=given)
        config = json.loads(json.dumps(converter.get_config()))
        again = GrooveConverter.from_config(config)
        assert again == converter
        assert again.drum_map == mine
        assert again.drum_map.written_pitches.tolist() == list(range(60, 69))
    config["drum_map"] = str(path)
    with pytest.raises(ValueError, match="or a map in full"):
        GrooveConverter.from_config(config)
    for broken in (
        {"name": "x"},
        {"drums": {"kick": [36]}},
        mine.to_config() | {"name": "n" * 2000},
        mine.to_config() | {"drums": dict(mine.to_config()["drums"], kick=["a"])},
    ):
        with pytest.raises(ValueError, match="drum"):
            GrooveConverter.from_config({**config, "drum_map": broken})


def test_a_map_with_the_name_of_a_built_in_one_keeps_its_order():
    drums = {drum: dict(p) for drum, p in ROLAND_TD11.drums.items()}
    drums["snare"] = dict(reversed(drums["snare"].items()))
    mine = DrumMap("roland_td11", drums, ROLAND_TD11.source)
    config = GrooveConverter(1, drum_map=mine).get_config()
    again = GrooveConverter.from_config(json.loads(json.dumps(config)))
    assert again.drum_map.written_pitches[1] == 40
    assert GrooveConverter(1).get_config()["drum_map"] == "roland_td11"


def test_magenta_writes_the_pitches_of_note_seq():
    assert MAGENTA.written_pitches.tolist() == [36, 38, 42, 46, 45, 48, 50, 49, 51]
    np.testing.assert_array_equal(MAGENTA.drum_table, GENERAL_MIDI.drum_table)
    model = GrooveConverter(1, drum_map="magenta")
    frames = np.zeros((16, 27))
    frames[0, :9] = 1
    notes = model.to_groove(frames).to_midi().instruments[0].notes
    assert sorted(n.pitch for n in notes) == [36, 38, 42, 45, 46, 48, 49, 50, 51]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_is_no_drum_map(tmp_path):
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(ValueError, match="no regular file"):
        read_midi(midi.GOOD, drum_map=tmp_path / "pipe.json")


# --- Which part ---------------------------------------------------------------


def named(name, events):
    return midi.meta(3, name) + events


BASS = midi.notes(*range(0, 7680, 240), pitch=40, channel=1)


@pytest.mark.parametrize(
    ("tracks", "remark"),
    [
        ([beat(channel=1)], "read channel 1"),
        ([beat(channel=3), midi.notes(0, 480, pitch=72, channel=1)], "read channel 3"),
        ([named(b"Drums", beat(channel=2)), BASS], "read track 'Drums'"),
        ([named("Batería".encode(), beat(channel=1)), BASS], "read track 'Batería'"),
        # One drum per track, all on one channel, beside a bass.
        (
            [
                BASS,
                *(
                    named(name, beat(channel=1, pitches=[(tick, pitch)]))
                    for name, pitch, tick in (
                        (b"Kick", 36, 0),
                        (b"Snare", 38, 480),
                        (b"Hi-Hat", 42, 0),
                    )
                ),
            ],
            "read 3 tracks with names of drums",
        ),
        (
            [
                midi.notes(*range(0, 7680, 240), pitch=72, channel=1),
                *(beat(channel=1, pitches=[(0, p)]) for p in (36, 38, 42)),
            ],
            "read 3 tracks of one drum each",
        ),
    ],
)
def test_the_only_drum_part_is_found_on_any_channel(tracks, remark):
    groove = read_midi(midi.file(*tracks))
    assert remark in groove.report.notice()
    assert groove.report.num_hits == groove.report.num_notes
    drums = np.flatnonzero(groove.hits.any(0))
    assert [DRUMS[drum] for drum in drums] == ["kick", "snare", "closed_hihat"]
    (again,) = GrooveConverter(4).read(midi.file(*tracks))
    assert again == groove


@pytest.mark.parametrize(
    "tracks",
    [
        [BASS],
        # A piano in the range of a kit; one pitch; a tune called after a drum.
        [
            midi.notes(*range(i * 480, 7680, 1920), pitch=pitch, channel=1)
            for i, chord in enumerate(
                [(35, 38, 42, 47), (43, 47, 50), (45, 49, 52), (38, 42, 45)]
            )
            for pitch in chord
        ],
        [midi.notes(*range(0, 7680, 120), channel=1)],
        [named(b"Crash Into Me", midi.notes(0, 480, pitch=67, channel=1))],
        [named(b"Steel Drums", beat(channel=1, pitches=[(0, 60), (240, 72)]))],
        [named(b"Drums A", beat(channel=1)), named(b"Drums B", beat(channel=2))],
        [beat(channel=1), beat(channel=2)],
    ],
)
def test_what_is_no_drum_part_or_not_the_only_one_is_asked_for(tracks):
    with pytest.raises(NoDrumsError, match="Choose by channel= or track="):
        read_midi(midi.file(*tracks))
    assert read_midi(midi.file(*tracks), track=0).num_hits > 0
    assert read_midi(midi.file(*tracks), channel=1).num_hits > 0


def test_channel_10_goes_before_everything():
    file = midi.file(named(b"Drums", beat(channel=1)), midi.notes(0, 480))
    assert read_midi(file).num_hits == 2
    assert read_midi(file, track="Drums").num_hits == 48
    with pytest.raises(NoDrumsError):
        read_midi(midi.file(beat(channel=1)), channel=10)


def test_a_kit_in_a_miditoolkit_file_that_is_not_marked_as_drums():
    file = read_midi(one(beat())).to_midi()
    file.instruments[0].is_drum = False
    file.instruments[0].name = "Drum Rack"
    groove = read_midi(file)
    assert groove.num_hits == 48
    assert "read track 'Drum Rack'" in groove.report.notice()


# --- Names --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("Batería", "Batería".encode()),
        ("Batería", "Batería".encode("latin-1")),
        ("Batería", "Batería".encode()),  # decomposed
        ("ドラム", "ドラム".encode()),
        ("ドラム", "ドラム".encode("shift_jis")),
        ("太鼓", "太鼓".encode("shift_jis")),
        ("Période", "Période".encode("latin-1")),  # Shift-JIS too, by its bytes
        ("ﾄﾞﾗﾑ", "ﾄﾞﾗﾑ".encode("shift_jis")),  # Latin-1 too
        ("Drums", b"Drums\0\0 \0"),
        ("太" * 85, ("太" * 200).encode()),  # longer than what is read
    ],
)
def test_names_of_tracks_in_any_encoding(name, body):
    file = midi.file(named(body, midi.notes(0)), named(b"other", midi.notes(480, 960)))
    for wanted in (name, f"{name} ", f"{name}\0"):
        assert read_midi(file, track=wanted).num_hits == 1
    with pytest.raises(MidiError, match="no track is called 'none'") as caught:
        read_midi(file, track="none")
    if name != "ﾄﾞﾗﾑ":  # which is shown as Latin-1
        assert repr(name) in str(caught.value)


def test_titles_are_written_in_utf_8(tmp_path):
    groove = read_midi(midi.GOOD)
    for name in ("ドラム", "Bater\u00eda", "\ud800 broken"):
        object.__setattr__(groove, "name", name)
        write_midi(groove, tmp_path / "title.mid")
        data = (tmp_path / "title.mid").read_bytes()
        assert name.encode("utf-8", "replace") in data
        assert read_midi(tmp_path / "title.mid").num_hits == 4


# --- Odd bytes ----------------------------------------------------------------


def test_riff_midi(tmp_path):
    expected = read_midi(midi.GOOD)
    assert read_midi(midi.riff(midi.GOOD)) == expected
    assert (
        read_midi(midi.riff(midi.GOOD, (b"LIST", b"odd"), (b"DISP", b""))) == expected
    )
    (tmp_path / "beat.rmi").write_bytes(midi.riff(midi.GOOD) + b"RIFF of instruments")
    assert read_midi(tmp_path / "beat.rmi") == expected
    for broken, message in (
        (midi.riff(midi.GOOD, form=b"WAVE"), "begins with b'RIFF'"),
        (midi.riff(midi.GOOD)[:30], "inside its header"),
        (midi.riff(midi.GOOD)[:16], "holds no MIDI file"),
        (midi.riff(b"not MIDI"), "begins with b'not '"),
        (midi.riff(midi.GOOD, *[(b"junk", b"")] * 2_000), "max_chunks"),
    ):
        with pytest.raises(MidiError, match=message):
            read_midi(broken)


@pytest.mark.parametrize(
    "event",
    [
        *(bytes([0, status]) for status in (0xF8, 0xFA, 0xFC, 0xFE, 0xF6)),
        b"\x00\xf1\x10",
        b"\x00\xf2\x10\x20",
        b"\x00\xf3\x01",
    ],
)
def test_messages_of_a_cable_are_skipped_and_reported(event):
    expected = read_midi(midi.file(midi.notes(0, 480)))
    for place in (event + midi.notes(0, 480), midi.notes(0, 480) + event * 3):
        groove = read_midi(midi.file(place))
        assert groove == expected
        assert "messages of a cable" in groove.report.notice()
    # They do not stand for a status: what follows needs one of its own.
    running = midi.notes(0) + event + midi.note(delta=479)
    assert read_midi(midi.file(running)) == expected


def test_real_time_bytes_inside_an_event():
    events = b"\x00\x99\xf8\x24\xfe\x64" + b"\x3c\x89\x24\xf8\x40" + b"\x00\xc9\xfa\x01"
    groove = read_midi(midi.file(events + midi.note(delta=420)))
    assert groove == read_midi(midi.file(midi.note() + midi.note(delta=420)))
    assert "inside tracks, skipped: 4" in groove.report.notice()
    with pytest.raises(MidiFormatError, match="byte 26: a data byte over 127"):
        read_midi(midi.file(b"\x00\x99\xf8\x24\xa4" + midi.note()))


def test_tempo_and_time_signature_of_odd_lengths():
    odd = midi.meta(0x51, b"\7\7") + midi.meta(0x51, b"\1\7\7\7")
    groove = read_midi(midi.file(odd + midi.note()))
    assert groove.tempo == 120
    assert "tempos of 2 bytes (they have 3), skipped: 1" in groove.report.notice()
    for body, expected in ((b"\3\2", (3, 4)), (b"\3\2\x18", (3, 4)), (b"\3", (4, 4))):
        groove = read_midi(midi.file(midi.meta(0x58, body) + midi.note()))
        assert groove.time_signature == expected
        assert f"time signatures of {len(body)} bytes" in groove.report.notice()


@pytest.mark.parametrize(
    ("kind", "body", "remark"),
    [
        (0x51, b"\0\0\0", "tempos of 0 us per quarter note, skipped: 1"),
        (0x58, b"\0\2\x18\x08", "time signatures with 0 beats, skipped: 1"),
        (0x58, b"\0\2", "time signatures with 0 beats, skipped: 1"),
    ],
)
def test_impossible_tempos_and_time_signatures_are_skipped(kind, body, remark):
    true = midi.tempo(90) + midi.time_signature(3, 4)
    groove = read_midi(midi.file(true + midi.meta(kind, body) + midi.note()))
    assert groove == read_midi(midi.file(true + midi.note()))
    assert groove.time_signature == (3, 4)
    assert remark in groove.report.notice()


@pytest.mark.parametrize("stray", [b"\0", b"\r\n", b"abcde"])
def test_stray_bytes_before_a_track_are_named(stray):
    head, track = midi.header(1), midi.chunk(midi.notes(0, 480) + midi.END)
    message = f"one begins at byte {14 + len(stray)}: probably {len(stray)} stray byte"
    with pytest.raises(MidiFormatError, match=message):
        read_midi(head + stray + track)


# --- Length and time signatures -----------------------------------------------


@pytest.mark.parametrize(
    ("music", "end", "expected", "cut"),
    [
        (4, 64, 4, 60),
        (4, 8, 4, 4),  # as long a silence as a phrase
        (4, 4, 4, 0),
        (1, 4, 4, 0),  # a loop whose end is a rest
        (3, 4, 4, 0),
        (5, 8, 8, 0),
        (13, 16, 16, 0),
        (100, 130, 100, 30),
    ],
)
def test_how_long_the_music_is(music, end, expected, cut):
    rest = (end - music) * 1920 + 1920 - (720 + 960 + 60)
    late = midi.number(rest) + b"\xff\x2f\x00"
    groove = read_midi(midi.header() + midi.chunk(beat(music) + late))
    assert groove.num_bars == expected
    assert groove.report.silent_bars == cut
    assert groove.report.left_out() == (
        f"{cut} empty bars at the end left out" if cut else ""
    )
    # A marker at the end says that it is meant.
    marked = midi.meta(6, b"end", rest) + midi.END
    groove = read_midi(midi.header() + midi.chunk(beat(music) + marked))
    assert (groove.num_bars, groove.report.silent_bars) == (end, 0)


def test_a_recording_that_runs_on():
    late = midi.number(1920 * 20 + 77) + b"\xff\x2f\x00"
    groove = read_midi(midi.header() + midi.chunk(beat(4) + late))
    assert (groove.num_bars, groove.report.silent_bars) == (4, 19)


@pytest.mark.parametrize(
    ("first", "then", "pick_up"),
    [((1, 4), (4, 4), 480), ((1, 8), (6, 8), 240), ((2, 4), (3, 4), 960)],
)
def test_a_pick_up_is_the_end_of_a_whole_bar(first, then, pick_up):
    events = (
        midi.time_signature(*first)
        + midi.note(38, length=60)
        + midi.time_signature(*then, pick_up - 60)
        + midi.tempo(90)
        + midi.notes(0, 240)
    )
    groove = read_midi(midi.file(events))
    assert groove.time_signature == then
    steps = np.nonzero(groove.hits)[0]
    bar = groove.steps_per_bar
    assert steps.tolist() == [bar - pick_up // 120, bar, bar + 2]
    assert groove.tempo == 120
    assert groove.tempo_changes == ((bar / 4, pytest.approx(90)),)
    assert "pick-up" in groove.report.notice()
    assert groove.report.num_notes == 3
    # Without a hit there is nothing to keep.
    silent = midi.time_signature(*first) + midi.time_signature(*then, pick_up)
    assert read_midi(midi.file(silent + midi.notes(0, 240))).num_bars == 1


@pytest.mark.parametrize(
    ("one_way", "other"), [((4, 4), (8, 8)), ((4, 4), (2, 2)), ((3, 4), (6, 8))]
)
def test_bars_of_the_same_length_are_one_groove(one_way, other):
    bar = 1920 * one_way[0] // one_way[1]
    for first, then in ((one_way, other), (other, one_way)):
        events = midi.time_signature(*first) + midi.notes(0)
        events += midi.time_signature(*then, bar - 1) + midi.notes(0)
        groove = read_midi(midi.file(events))
        assert (groove.time_signature, groove.num_bars) == (first, 2)
        assert f"{then[0]}/{then[1]} from quarter note" in groove.report.notice()
        # In the middle of a bar it is another bar line.
        events = midi.time_signature(*first) + midi.notes(0)
        events += midi.time_signature(*then, bar + 479) + midi.notes(0)
        assert len(read_midi_parts(midi.file(events))) == 2


def test_the_parts_that_a_model_takes():
    song = midi.time_signature(4, 4) + midi.notes(0, 960)
    song += midi.time_signature(2, 4, 959) + midi.notes(0)
    song += midi.time_signature(4, 4, 959) + midi.notes(0, 480)
    with pytest.raises(SeveralTimeSignaturesError):
        read_midi(midi.file(song))
    pieces = read_pieces([midi.file(song)], GrooveConverter(1))
    assert [piece.groove.num_hits for piece in pieces] == [2, 2]
    assert "the model takes 4/4: 1 in 2/4" in pieces[0].groove.report.notice()
    with pytest.raises(ValueError, match="the model takes 3/4, the groove is in 4/4"):
        read_pieces(midi.file(song), GrooveConverter(1, time_signature=(3, 4)))


# --- Sources ------------------------------------------------------------------


def test_open_files(tmp_path):
    # With bytes of newlines, at which a file would be split if it were iterated.
    data = midi.file(midi.meta(1, b"one\ntwo\n") + midi.notes(0, 480))
    path = tmp_path / "beat.mid"
    path.write_bytes(data)
    expected = read_midi(data)
    converter = GrooveConverter(1)
    with path.open("rb") as file:
        assert read_midi(file).name == "beat"
    for kind in (io.BytesIO, memoryview, bytearray):
        assert read_midi(kind(data)) == expected
        assert len(read_pieces(kind(data), converter)) == 1
        assert len(read_pieces([kind(data), kind(data)], converter)) == 2
    with path.open("rb") as file:
        assert len(read_pieces(file, converter)) == 1
    with (
        path.open(encoding="latin-1") as file,
        pytest.raises(MidiError, match="binary"),
    ):
        read_midi(file)


class Dripping(io.RawIOBase):
    """A file that gives a few bytes at a time, as pipes and sockets do."""

    def __init__(self, data):
        self._data = io.BytesIO(data)

    def readable(self):
        return True

    def readinto(self, buffer):
        return self._data.readinto(memoryview(buffer)[:7])


class Broken(io.RawIOBase):
    def read(self, size=-1):
        raise OSError(5, "Input/output error")


def test_open_files_of_other_kinds():
    assert read_midi(Dripping(midi.GOOD)) == read_midi(midi.GOOD)
    with pytest.raises(MidiLimitError, match="at most 9 are read"):
        read_midi(Dripping(midi.GOOD), limits=MidiLimits(max_bytes=9))
    closed = io.BytesIO(midi.GOOD)
    closed.close()
    for file in (closed, Broken()):
        with pytest.raises(MidiFileError, match="the open file cannot be read: "):
            read_midi(file)


def test_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    groove = read_midi(midi.GOOD)
    groove.save("~/beat.mid")
    assert (tmp_path / "beat.mid").exists()
    assert read_midi("~/beat.mid") == groove
    (tmp_path / "kit.json").write_text(ROLAND_TD11.to_json())
    assert read_midi(midi.GOOD, drum_map="~/kit.json").drum_map == ROLAND_TD11
    for path in ("a\0b.mid", "\ud800.mid"):
        with pytest.raises(PathError):
            read_midi(path)
        with pytest.raises(OSError, match="path"):
            groove.save(path)
    with pytest.raises(ValueError, match="NUL"):
        read_midi(midi.GOOD, drum_map="a\0b.json")
    with pytest.raises(FileNotFoundError):
        read_midi("~nobody-of-this-name/beat.mid")


@pytest.mark.parametrize(
    "options",
    [
        {"steps_per_quarter": 0},
        {"steps_per_quarter": 4.0},
        {"steps_per_quarter": 10**400},
        {"channel": 0},
        {"channel": "ten"},
        {"channel": True},
        {"limits": None},
        {"drum_map": 5},
        {"unknown_pitch": 7},
        {"unknown_pitch": {"39": "snare"}},
        {"track": 2.5},
    ],
)
def test_impossible_options(options):
    with pytest.raises(ValueError, match=r"\S"):  # the errors of ours derive from it
        read_midi(midi.GOOD, **options)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.instruments[0].notes.append(miditoolkit.Note(1, 2, None, 4)),
        lambda m: m.instruments[0].notes.append(miditoolkit.Note("1", 2, 3, 4)),
        lambda m: m.instruments.append(None),
        lambda m: m.time_signature_changes.append(
            miditoolkit.TimeSignature(float("inf"), 4, 0)
        ),
        lambda m: setattr(m, "ticks_per_beat", None),
    ],
)
def test_impossible_files_in_memory(change):
    file = read_midi(midi.GOOD).to_midi()
    change(file)
    with pytest.raises(MidiError):
        read_midi(file)


def test_limits_of_files_in_memory_are_those_of_bytes():
    file = read_midi(midi.GOOD).to_midi()
    file.tempo_changes *= DEFAULT_LIMITS.max_tempo_changes + 1
    with pytest.raises(MidiError, match="max_tempo_changes"):
        read_midi(file)
