"""Music of any kind and length becomes windows, and the windows become it again."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_musicvae.errors import GrooveError, MidiError, NoDrumsError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.inputs import Piece, read_pieces
from keras_musicvae.grooves.midi import midi_bytes


def beat(num_bars=4, seed=0, **options):
    """A groove whose values survive a MIDI file exactly enough to compare frames."""
    rng = np.random.default_rng(seed)
    hits = rng.random((16 * num_bars, 9)) < 0.2
    hits[0] = hits[-1] = True
    velocities = rng.integers(1, 128, hits.shape) / 127
    offsets = rng.integers(-59, 60, hits.shape) / 120  # whole ticks of 480 per quarter
    offsets[0] = np.minimum(offsets[0], 0)  # not before the file begins
    return Groove(hits, velocities, offsets, **options)


@given(length=st.integers(1, 40), num_bars=st.integers(1, 8), steps=st.integers(1, 16))
@settings(max_examples=100, deadline=None)
def test_windows_joined_are_the_piece(length, num_bars, steps):
    frames = np.random.default_rng(length).random((length * steps, 27), np.float32)
    piece = Piece(frames, num_bars, steps)
    windows = piece.windows
    assert windows.shape == (len(piece.start_bars), num_bars * steps, 27)
    np.testing.assert_array_equal(piece.join(windows), frames)
    # As few windows as it takes.
    assert len(windows) == max(1, -(-length // num_bars))


def test_a_bar_in_two_windows_is_taken_from_the_first():
    piece = Piece(np.zeros((7 * 16, 27), np.float32), 4, 16)
    assert piece.start_bars == [0, 3]
    windows = np.stack([np.full((64, 27), 1.0), np.full((64, 27), 2.0)])
    joined = piece.join(windows)[::16, 0]
    np.testing.assert_array_equal(joined, [1, 1, 1, 1, 2, 2, 2])


def test_a_short_piece_is_repeated_until_the_window_is_full():
    frames = np.random.default_rng(0).random((3 * 16, 27), np.float32)
    piece = Piece(frames, 4, 16)
    expected = np.concatenate([frames, frames[:16]])[None]
    np.testing.assert_array_equal(piece.windows, expected)
    np.testing.assert_array_equal(piece.join(piece.windows), frames)


def test_looped():
    frames = np.random.default_rng(0).random((2 * 16, 27), np.float32)
    piece = Piece(frames, 2, 16).looped(5)
    assert piece.length == 5
    np.testing.assert_array_equal(piece.frames, np.tile(frames, (3, 1))[: 5 * 16])


def test_every_kind_of_music_is_the_same_piece(tmp_path):
    groove = beat(5, tempo=96, name="beat")
    path = tmp_path / "beat.mid"
    groove.save(path)
    data = path.read_bytes()
    kinds = [str(path), path, data, bytearray(data), groove.to_midi(), groove]
    converter = GrooveConverter(4)
    for kind in kinds:
        (piece,) = read_pieces(kind, converter)
        (expected,) = read_pieces(groove, converter)
        np.testing.assert_allclose(piece.frames, expected.frames, atol=1e-6)
        assert piece.groove.tempo == pytest.approx(96, abs=1e-3)
    together = read_pieces(iter(kinds), converter)
    assert len(together) == len(kinds)
    # A file in memory is the file on disk.
    assert data == midi_bytes(groove.to_midi())


def test_arrays_are_taken_as_they_are():
    array = np.random.default_rng(0).random((3, 96, 27), np.float32)
    pieces = read_pieces(array, GrooveConverter(4))
    assert [piece.groove for piece in pieces] == [None] * 3
    np.testing.assert_array_equal(np.stack([p.frames for p in pieces]), array)
    mixed = read_pieces([array, beat(), array[0]], GrooveConverter(4))
    assert [piece.groove is None for piece in mixed] == [True] * 3 + [False, True]


def test_tempos_follow_the_music():
    groove = beat(4, tempo=100, tempo_changes=((8.0, 140.0),))
    (piece,) = read_pieces(groove, GrooveConverter(2))
    assert [piece.tempo_at(bar) for bar in range(4)] == [100, 100, 140, 140]


@pytest.mark.parametrize(
    ("music", "error", "words"),
    [
        ([], GrooveError, "1 to"),
        (None, GrooveError, "NoneType"),
        ([beat(), 7], GrooveError, "int"),
        (np.zeros((64, 26)), GrooveError, r"\(64, 26\)"),
        (np.zeros((2, 65, 27)), GrooveError, "whole bars of 16"),
        (np.zeros((0, 64, 27)), GrooveError, r"\(0, 64, 27\)"),
        (np.full((64, 27), np.nan), GrooveError, "finite"),
        (np.array([["a"] * 27] * 64), GrooveError, "numbers"),
        (b"RIFF not MIDI", MidiError, "MThd"),
        ("nowhere.mid", FileNotFoundError, "nowhere.mid"),
        (
            Groove(
                np.ones((12, 9)),
                np.ones((12, 9)),
                np.zeros((12, 9)),
                time_signature=(3, 4),
            ),
            GrooveError,
            "3/4",
        ),
        (
            [beat(), Groove(*[np.zeros((48, 9))] * 3, steps_per_quarter=12)],
            GrooveError,
            "input 2 of 2: .*steps_per_quarter=4",
        ),
    ],
)
def test_what_is_wrong_is_said(music, error, words):
    with pytest.raises(error, match=words):
        read_pieces(music, GrooveConverter(4))


def test_errors_name_the_file(tmp_path):
    import miditoolkit

    path = tmp_path / "empty.mid"
    miditoolkit.MidiFile().dump(path)
    with pytest.raises(NoDrumsError, match=r"empty\.mid"):
        read_pieces([beat(), path], GrooveConverter(4))
    three = Groove(*[np.ones((12, 9)) * 0.5] * 3, time_signature=(3, 4))
    three.save(tmp_path / "waltz.mid")
    with pytest.raises(GrooveError, match=r"waltz\.mid: the model takes 4/4.*3/4"):
        read_pieces(Path(tmp_path / "waltz.mid"), GrooveConverter(4))
