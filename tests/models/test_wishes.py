"""humanize, tap2drum, infill, continue_music, fill, transfer: what is known stays."""

from dataclasses import replace

import numpy as np
import pytest

from keras_musicvae import MusicVAE
from keras_musicvae.errors import ConfigError, GrooveError
from keras_musicvae.grooves.conditions import fit_conditions
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.drum_maps import DRUMS, GENERAL_MIDI
from keras_musicvae.grooves.examples import Examples
from keras_musicvae.grooves.frames import groove_to_frames
from keras_musicvae.grooves.groove import Groove, join_grooves
from keras_musicvae.grooves.pieces import Piece
from keras_musicvae.grooves.taps import TAP_READING
from keras_musicvae.models import completion
from keras_musicvae.models.completion import Part, with_bars_around, with_struck
from keras_musicvae.models.pipeline import Playing


@pytest.fixture(scope="module")
def model():
    return MusicVAE.from_preset("groove_debug")


@pytest.fixture(scope="module")
def small():
    """Builds models of two bars of four steps, with heads that chain."""

    def build(task="generate", conditions=(), **arguments):
        rng = np.random.default_rng(0)
        grooves = np.repeat(rng.random((8, 8, 9)) < 0.3, 3, axis=2).astype("float32")
        examples = Examples(
            grooves.reshape(8, 8, 3, 9).reshape(8, 8, 27),
            2,
            tempo=list(range(80, 160, 10)),
            style=["funk", "jazz"] * 4,
            kind=["beat", "fill"] * 4,
            start_bar=[0] * 8,
        )
        converter = GrooveConverter(
            2,
            time_signature=(1, 4),
            task=task,
            conditions=fit_conditions(conditions, examples),
        )
        settings = {
            "encoder_units": (6,),
            "latent_dim": 3,
            "conductor_units": None,
            "decoder_units": (5,),
            "heads": "chained",
            "lookback": 1,
            "seed": 1,
        }
        return MusicVAE(preprocessor=converter, **{**settings, **arguments})

    return build


def beat(num_bars=2, seed=0, **options):
    rng = np.random.default_rng(seed)
    shape = (16 * num_bars, 9)
    return Groove(
        rng.random(shape) < 0.2, rng.random(shape), rng.random(shape) - 0.5, **options
    )


def short_beat(num_bars, seed=0):
    """In 1/4, for the small models."""
    whole = beat(1, seed)
    groove = replace(whole, time_signature=(1, 4), tempo=100)
    return join_grooves([groove] * 3).bars(0, num_bars)


def cells(groove):
    return groove_to_frames(groove)


def same_where(mask, one, other):
    np.testing.assert_array_equal(cells(one)[mask], cells(other)[mask])


# --- What is known stays ------------------------------------------------------


def test_what_is_known_stays_bit_for_bit_under_ten_thousand_masks(small, monkeypatch):
    monkeypatch.setattr(completion, "CANDIDATES", 2)
    model, rng = small(heads="squared_error", lookback=0), np.random.default_rng(0)
    parts = []
    for _ in range(10_000):
        frames = rng.random((8, 27), np.float32)
        frames[:, :9] = frames[:, :9] < 0.3
        parts.append(Part(Piece(frames, 2, 4), rng.random((8, 27)) < rng.random()))
    made = model._completed(parts, 1, Playing(1.0, 0), {})
    for part, frames in zip(parts, made, strict=True):
        np.testing.assert_array_equal(frames[part.known], part.piece.frames[part.known])
        assert np.isfinite(frames).all()
        assert np.isin(frames[:, :9], (0, 1)).all()


@pytest.mark.parametrize("bars", [1, 2, 3, 8])
@pytest.mark.parametrize(
    "where", [{"drums": "snare"}, {"bars": -1, "steps": [0, 15]}, {"steps": range(8)}]
)
def test_infill_changes_nothing_else(model, bars, where):
    groove = beat(bars, tempo=93, drum_map=GENERAL_MIDI)
    anew = np.ones((bars, 16, 9), bool)
    if "drums" in where:
        anew &= np.arange(9) == DRUMS.index("snare")
    if "steps" in where:
        anew &= np.isin(np.arange(16), np.array(where["steps"]) % 16)[:, None]
    if "bars" in where:
        anew[:-1] = False
    kept = np.tile(~anew.reshape(-1, 9), 3)
    made = model.infill(groove, 3, seed=1, **where)
    assert len(made) == 3
    for take in made:
        same_where(kept, take, groove)
        assert (take.tempo, take.drum_map) == (93, GENERAL_MIDI)
    assert len({take.hits.tobytes() for take in made}) > 1


def test_articulations_stay_with_the_hits(model):
    hits = np.zeros((32, 9), bool)
    hits[::4, 1] = True
    rim = Groove(hits, hits * 0.5, hits * 0.1, pitches=hits * 37)
    made = model.infill(rim, drums="kick", seed=1)[0]
    assert made.struck_pitches()[::4, 1].tolist() == [37] * 8
    assert model.humanize(rim, seed=1)[0].struck_pitches()[0, 1] == 37


# --- humanize -----------------------------------------------------------------


@pytest.mark.parametrize("bars", [1, 3])
def test_humanize_keeps_the_hits_and_is_linear_in_its_strength(model, bars):
    groove = beat(bars)
    whole = model.humanize(groove, seed=1)[0]
    np.testing.assert_array_equal(whole.hits, groove.hits)
    assert not np.array_equal(whole.velocities, groove.velocities)
    assert model.humanize(groove, strength=0, seed=1)[0] == groove
    half = cells(model.humanize(groove, strength=0.5, seed=1)[0])
    np.testing.assert_allclose(half, (cells(whole) + cells(groove)) / 2, atol=1e-6)
    tight = model.humanize(groove, timing=0, seed=1)[0]
    np.testing.assert_array_equal(tight.offsets, groove.offsets)
    np.testing.assert_array_equal(tight.velocities, whole.velocities)
    even = model.humanize(groove, strength=0, timing=1, seed=1)[0]
    np.testing.assert_array_equal(even.velocities, groove.velocities)
    np.testing.assert_array_equal(even.offsets, whole.offsets)


def test_takes_differ_and_the_first_of_many_is_the_one_of_few(small):
    model = small()
    groove = short_beat(5)
    for verb in (model.humanize, model.continue_music, model.fill, model.tap2drum):
        many = verb(groove, 4, seed=3)
        assert len({take.velocities.tobytes() for take in many}) == 4
        alone = verb(groove, 1, seed=3)[0]
        np.testing.assert_array_equal(alone.hits, many[0].hits)
        np.testing.assert_allclose(alone.velocities, many[0].velocities, atol=1e-5)
        others = verb([short_beat(2, seed=5), groove], 2, seed=3)
        np.testing.assert_array_equal(alone.hits, others[2].hits)


# --- continue_music, fill -----------------------------------------------------


@pytest.mark.parametrize("bars", [1, 3, 9])
def test_what_comes_next_follows_the_music(model, bars):
    groove = beat(bars, tempo=93)
    made = model.continue_music(groove, 2, bars=5, seed=1)
    for take in made:
        assert take.num_bars == bars + 5
        assert take.bars(0, bars) == groove
        assert take.bars(bars).num_hits
        assert take.tempo_at(4 * bars) == 93


@pytest.mark.parametrize(("bars", "bar"), [(1, -1), (3, 1), (8, -1)])
@pytest.mark.parametrize(("beats", "steps"), [(None, 16), (2, 8), (1, 4)])
def test_a_fill_changes_the_end_of_one_bar(model, bars, bar, beats, steps):
    groove = beat(bars)
    end = 16 * (bar % bars + 1)
    kept = np.ones((16 * bars, 27), bool)
    kept[end - steps : end] = False
    takes = model.fill(groove, 3, bar=bar, beats=beats, seed=1)
    for take in takes:
        same_where(kept, take, groove)
    assert len({take.hits.tobytes() for take in takes}) > 1


def test_a_fill_is_asked_for_where_a_model_knows_them(small, monkeypatch):
    model = small(conditions=("fill", "style"))
    asked = []
    decode = model.inference.decode

    def spy(z, noise, temperature, given, kept):
        asked.append(given["condition"])
        return decode(z, noise, temperature, given, kept)

    monkeypatch.setattr(model.inference, "decode", spy)
    groove = short_beat(3)
    model.fill(groove, seed=1, style="jazz")
    wished = model.preprocessor.to_batch(
        model._examples(model._pieces(groove, {})),
        condition={"fill": True, "style": "jazz"},
    )
    for codes in asked:
        np.testing.assert_array_equal(
            codes, np.broadcast_to(wished["condition"][0], codes.shape)
        )


# --- transfer -----------------------------------------------------------------


def test_transfer_keeps_the_hits_of_one_and_takes_the_feel_of_the_other(small):
    model = small(conditions=("loudness", "swing"))
    groove, soft, loud = short_beat(3), short_beat(2, seed=1), short_beat(2, seed=2)
    made = model.transfer(groove, soft, seed=1)[0]
    np.testing.assert_array_equal(made.hits, groove.hits)
    assert not np.array_equal(made.offsets, groove.offsets)
    other = model.transfer(groove, loud, seed=1)[0]
    assert not np.array_equal(made.velocities, other.velocities)
    assert model.transfer(groove, soft, amount=0, seed=1)[0] == groove
    half = cells(model.transfer(groove, soft, amount=0.5, seed=1)[0])
    np.testing.assert_allclose(half, (cells(made) + cells(groove)) / 2, atol=1e-6)
    pair = model.transfer([groove, groove], [soft, loud], seed=1)
    np.testing.assert_allclose(cells(pair[1]), cells(other), atol=1e-5)
    with pytest.raises(GrooveError, match="`feel_of` must be one piece of music"):
        model.transfer(groove, [soft, loud, soft])


# --- tap2drum -----------------------------------------------------------------


def test_drums_are_where_the_taps_are_with_their_timing(model):
    tempo, times = 93, [0.01, 0.66, 1.3, 1.45, 2.6, 4.9]
    made = model.tap2drum(times, 3, seed=1, tempo=tempo)
    exact = np.array(times) * tempo / 60 * 4
    steps = np.rint(exact).astype(int)
    for take in made:
        assert take.num_bars == 2
        np.testing.assert_array_equal(np.flatnonzero(take.hits.any(axis=1)), steps)
        loudest = np.where(take.hits, take.velocities, -1).argmax(axis=1)[steps]
        np.testing.assert_allclose(take.offsets[steps, loudest], steps - exact, 1e-4)
        assert take.drum_map == model.preprocessor.drum_map


def test_taps_may_be_notes_of_any_pitch_and_channel(model, tmp_path):
    import miditoolkit

    midi = miditoolkit.MidiFile(ticks_per_beat=480)
    midi.tempo_changes = [miditoolkit.TempoChange(100, 0)]
    for pitch, channel in ((60, False), (3, True), (127, False)):
        notes = [
            miditoolkit.Note(90, pitch, start + pitch, start + 200)
            for start in range(0, 3840, 960)
        ]
        midi.instruments.append(miditoolkit.Instrument(0, channel, notes=notes))
    path = tmp_path / "taps.mid"
    midi.dump(path)
    made = model.tap2drum(path, seed=1)[0]
    steps = [0, 1, 8, 9, 16, 17, 24, 25]
    assert np.flatnonzero(made.hits.any(axis=1)).tolist() == steps
    assert made.drum_map == model.preprocessor.drum_map
    read = model.preprocessor.read(path, **TAP_READING)
    assert model.tap2drum(read, seed=1)[0] == made


@pytest.mark.parametrize("taps", [[], [-1.0, 2.0], [0.0, np.nan], [1e9]])
def test_times_that_are_none(model, taps):
    with pytest.raises(GrooveError):
        model.tap2drum(taps)


def test_a_model_that_reads_taps_is_given_them(small, monkeypatch):
    model = small("tap2drum")
    given = []
    decode = model.inference.decode

    def spy(z, noise, temperature, read, kept):
        given.append(read["known"])
        return decode(z, noise, temperature, read, kept)

    monkeypatch.setattr(model.inference, "decode", spy)
    groove = short_beat(2)
    made = model.tap2drum(groove, seed=1)[0]
    examples = Examples(cells(groove)[None], 2)
    taps = model.preprocessor.task.known(examples)
    for known in given:
        np.testing.assert_array_equal(known, np.broadcast_to(taps, known.shape))
    np.testing.assert_array_equal(made.hits.any(axis=1), groove.hits.any(axis=1))


# --- Tasks, conditions, errors ------------------------------------------------


@pytest.mark.parametrize(
    ("task", "verbs"),
    [
        ("humanize", {"humanize", "transfer"}),
        ("tap2drum", {"tap2drum"}),
        ("infill", {"infill", "continue_music", "fill"}),
        ("continue", {"continue_music", "fill"}),
        ("add_snare", set()),
    ],
)
def test_a_model_of_a_task_does_its_own(small, task, verbs):
    model, groove = small(task), short_beat(3)
    calls = {
        "humanize": lambda: model.humanize(groove, seed=1),
        "transfer": lambda: model.transfer(groove, groove, seed=1),
        "tap2drum": lambda: model.tap2drum(groove, seed=1),
        "infill": lambda: model.infill(groove, drums="snare", seed=1),
        "continue_music": lambda: model.continue_music(groove, seed=1),
        "fill": lambda: model.fill(groove, seed=1),
    }
    for name, call in calls.items():
        if name in verbs:
            assert call()[0].num_hits
        else:
            with pytest.raises(ConfigError, match=f"`{name}` needs a model of the"):
                call()


def test_open_conditions_are_those_that_are_not_known(small):
    """Each window has its own: the same alone and with others."""
    model = small(conditions=("density", "loudness", "swing"))
    groove, silent_start = short_beat(2), short_beat(2, seed=4)
    alone = model.infill(groove, drums=["kick", "snare"], seed=1)[0]
    both = model.infill([silent_start, groove], drums=["kick", "snare"], seed=1)[1]
    np.testing.assert_array_equal(alone.hits, both.hits)


@pytest.mark.parametrize(
    "where",
    [
        {"drums": "cowbell"},
        {"drums": []},
        {"drums": 3},
        {"bars": 2},
        {"bars": [0, -3]},
        {"bars": 1.5},
        {"bars": True},
        {"steps": 16},
        {"steps": []},
        {},
        {"drums": list(DRUMS), "steps": range(16)},
    ],
)
def test_wrong_masks(model, where):
    with pytest.raises(ConfigError, match=next(iter(where), "infill")):
        model.infill(beat(), **where)


def test_other_wrong_arguments(model):
    silent = Groove(*np.zeros((3, 16, 9)))
    waltz = Groove(*np.ones((2, 12, 9)), np.zeros((12, 9)), time_signature=(3, 4))
    for verb in ("humanize", "tap2drum", "continue_music", "fill"):
        call = getattr(model, verb)
        with pytest.raises(GrooveError, match=f"`{verb}` needs music with hits"):
            call(silent)
        with pytest.raises(GrooveError, match="4/4"):
            call(waltz)
        with pytest.raises(ConfigError, match="no condition 'style'"):
            call(beat(), style="funk")
    for verb, wrong in (
        ("humanize", {"strength": 1.1}),
        ("humanize", {"timing": -1}),
        ("continue_music", {"bars": 0}),
        ("fill", {"bar": 2}),
        ("fill", {"beats": 5}),
        ("fill", {"beats": 0}),
        ("humanize", {"num_samples": 0}),
    ):
        with pytest.raises(ConfigError, match=next(iter(wrong))):
            getattr(model, verb)(beat(), **wrong)
    with pytest.raises(ConfigError, match="amount"):
        model.transfer(beat(), beat(), amount=2)


def test_wishes_need_a_preprocessor(small):
    model = small()
    model.preprocessor = None
    with pytest.raises(ConfigError, match=r"`humanize` takes music, not arrays alone"):
        model.humanize(np.zeros((8, 27)))


# --- Stages -------------------------------------------------------------------


def test_bars_around():
    values = np.zeros((2, 12, 27), np.float32)
    known = np.zeros(values.shape, bool)
    for bar, level in ((1, 1.0), (2, 2.0)):
        values[0, 4 * bar : 4 * bar + 4] = level
        known[0, 4 * bar : 4 * bar + 4] = True
    known[1, :4] = True  # a silent bar says nothing
    filled, whole = with_bars_around(values, known, 3)
    assert whole.tolist() == [[False, True, True], [False] * 3]
    assert filled[0, ::4, 0].tolist() == [1.0, 1.0, 2.0]
    assert not filled[1].any()
    values[0, 8:], known[0, 8:] = 0, False
    values[0, :4], known[0, :4] = 3.0, True
    assert with_bars_around(values, known, 3)[0][0, ::4, 0].tolist() == [3, 1, 1]


def test_one_drum_in_each_struck_step():
    kept = np.zeros((1, 3, 54), np.float32)
    hits, votes = np.zeros((2, 1, 3, 9), int)
    votes[0, 0, [3, 5]] = 2, 7  # the version hits only one of them
    hits[0, 0, 3] = 1
    votes[0, 1, 8] = 1  # it hits none, another did
    given = with_struck(kept, np.array([[True, True, True]]), hits > 0, votes)
    assert given[0, :, :9].argmax(axis=1).tolist() == [3, 8, 2]
    np.testing.assert_array_equal(given[..., :9], given[..., 27:36])
    assert given.sum() == 6
