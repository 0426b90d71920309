"""What a musician asks of the model, with the tiny packaged preset."""

import io
import json
import pickle

import keras
import notes_of_seeds
import numpy as np
import pytest
from grooves import midi_files as midi

from keras_musicvae.errors import ConfigError, GrooveError, MidiError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.examples import Examples
from keras_musicvae.grooves.frames import groove_to_frames
from keras_musicvae.grooves.groove import Groove, join_grooves
from keras_musicvae.models.inference import BATCH_SIZES, batch_plan
from keras_musicvae.models.music_vae import MusicVAE
from keras_musicvae.models.random import Draws, Purpose
from keras_musicvae.models.verbs import DEFAULT_TEMPERATURE


@pytest.fixture(scope="module")
def model():
    return MusicVAE.from_preset("groove_debug")


@pytest.fixture
def array_model(model):
    converter, model.preprocessor = model.preprocessor, None
    yield model
    model.preprocessor = converter


def beat(num_bars=2, seed=0, **options):
    rng = np.random.default_rng(seed)
    shape = (16 * num_bars, 9)
    return Groove(
        rng.random(shape) < 0.2, rng.random(shape), rng.random(shape) - 0.5, **options
    )


def same_notes(one, other):
    assert len(one) == len(other)
    for ours, theirs in zip(one, other, strict=True):
        np.testing.assert_array_equal(ours.hits, theirs.hits)
        np.testing.assert_allclose(ours.velocities, theirs.velocities, atol=1e-5)
        np.testing.assert_allclose(ours.offsets, theirs.offsets, atol=1e-5)


# --- Seeds --------------------------------------------------------------------


def test_a_seed_gives_the_same_notes_on_every_backend():
    stored = json.loads(notes_of_seeds.STORED.read_text())
    assert notes_of_seeds.notes() == stored


def test_the_seed_that_was_drawn_is_reported(model):
    grooves = model.sample(2)
    same_notes(model.sample(2, seed=grooves.seed), grooves)
    assert len({model.sample(1).seed for _ in range(4)}) > 1
    assert "seed=7, temperature=0.5" in repr(model.sample(1, seed=7, temperature=0.5))


def test_the_first_of_many_is_the_one_of_few(model):
    many = model.sample(9, seed=3)
    same_notes(model.sample(1, seed=3), many[:1])
    same_notes(model.sample(5, seed=3), many[:5])
    variations = model.similar(beat(4), 6, seed=3)
    same_notes(model.similar(beat(4), 2, seed=3), variations[:2])


def test_temperature_0_is_deterministic(model):
    z = model.encode(beat()).z
    same_notes(
        model.decode(z, temperature=0, seed=1), model.decode(z, temperature=0, seed=2)
    )
    warm = [
        model.decode(np.repeat(z, 20, 0), temperature=t, seed=4) for t in (0.3, 1, 3)
    ]
    spread = [np.stack([g.hits for g in grooves]).std(0).mean() for grooves in warm]
    assert spread == sorted(spread)
    assert model.sample(1).temperature == DEFAULT_TEMPERATURE


# --- Music of any kind and length ---------------------------------------------


def test_music_of_every_kind(model, tmp_path):
    path = tmp_path / "beat.mid"
    beat(3, tempo=90).save(path)
    from keras_musicvae.grooves.midi import read_midi

    groove = read_midi(path)
    expected = model.reconstruct(groove, seed=1)
    kinds = [str(path), path, path.read_bytes(), groove]
    for kind in kinds:
        same_notes(model.reconstruct(kind, seed=1), expected)
    same_notes(model.reconstruct(kinds, seed=1), expected * 4)
    latents = model.encode([*kinds, groove.to_midi()])
    np.testing.assert_allclose(latents.z, np.tile(latents.z[:2], (5, 1)), atol=1e-4)


@pytest.mark.parametrize("num_bars", [1, 2, 3, 4, 7])
def test_a_reconstruction_is_as_long_as_the_music(model, num_bars):
    changes = ((1.0, 100.0), (3.5, 140.0))
    groove = beat(num_bars, tempo=97, tempo_changes=changes, name="beat")
    (back,) = model.reconstruct(groove)
    assert back.num_bars == num_bars
    assert (back.tempo, back.tempo_changes, back.name) == (97, changes, "beat")
    (faster,) = model.reconstruct(groove, tempo=150)
    assert (faster.tempo, faster.tempo_changes) == (150, ())


def test_seams_are_clean(model):
    parts = [beat(2, seed) for seed in range(3)]
    whole = model.reconstruct(join_grooves(parts), temperature=0)
    alone = model.reconstruct(parts, temperature=0)
    same_notes(whole, [join_grooves(alone)])
    # Five bars: the third window holds the fourth bar once more and adds the fifth.
    five = join_grooves(parts).bars(0, 5)
    last = model.reconstruct(five.bars(3, 5), temperature=0)[0]
    expected = join_grooves([*alone[:2], last.bars(1, 2)])
    same_notes(model.reconstruct(five, temperature=0), [expected])


def test_company_changes_nothing(model):
    music = [beat(4, 1), beat(1, 2), beat(2, 3)]
    for verb in (model.reconstruct, model.similar):
        together = verb(music, seed=5)
        for one, expected in zip(music, together, strict=True):
            same_notes(verb(one, seed=5), [expected])


def test_the_rows_of_an_array_are_drawn_independently(model):
    array = np.tile(groove_to_frames(beat()), (8, 1, 1))
    rows = [groove.hits.tobytes() for groove in model.reconstruct(array, seed=1)]
    assert len(set(rows)) == 8


def test_tensors_are_arrays(model):
    array = groove_to_frames(beat())
    tensor = keras.ops.convert_to_tensor(array)
    np.testing.assert_array_equal(model.encode(tensor).z, model.encode(array).z)
    np.testing.assert_array_equal(model.encode(beat()).z, model.encode(array).z)


def test_without_a_preprocessor_arrays_come_and_go(array_model):
    array = np.stack([groove_to_frames(beat(4, seed)) for seed in range(3)])
    assert array_model.sample(2).shape == (2, 32, 27)
    assert array_model.encode(array).z.shape == (6, 8)
    assert array_model.decode(np.zeros(8)).shape == (1, 32, 27)
    assert array_model.reconstruct(array).shape == array.shape
    assert array_model.reconstruct(array[0]).shape == (1, 64, 27)
    assert array_model.similar(array, 2).shape == (6, 64, 27)
    assert array_model.interpolate(array[:2], 7).shape == (7, 64, 27)
    with pytest.raises(GrooveError, match="Without a preprocessor"):
        array_model.encode(beat())
    with pytest.raises(GrooveError, match="Without a preprocessor"):
        array_model.reconstruct("beat.mid")


# --- Encode, decode -----------------------------------------------------------


def test_encode_says_which_row_is_which(model):
    music = [beat(5, 1, tempo=80, tempo_changes=((8.0, 99.0),)), beat(2, 2)]
    latents = model.encode(music)
    assert latents.z.shape == latents.z_stddev.shape == (4, 8)
    assert latents.inputs == [0, 0, 0, 1]
    assert latents.start_bars == [0, 2, 3, 0]
    assert latents.tempos == [80, 99, 99, 120]
    assert latents.seed is None
    z, z_stddev = latents
    assert z is latents.z and z_stddev is latents.z_stddev
    assert (z_stddev > 0).all()


def test_a_sample_of_the_posterior(model):
    mean, stddev = model.encode(beat())
    first = model.encode(beat(), sample=True, seed=1)
    np.testing.assert_array_equal(first.z, model.encode(beat(), sample=True, seed=1).z)
    assert first.seed == 1
    np.testing.assert_array_equal(first.z_stddev, stddev)
    rows = np.tile(groove_to_frames(beat()), (400, 1, 1))
    epsilon = (model.encode(rows, sample=True, seed=2).z - mean) / stddev
    assert abs(epsilon.mean()) < 0.1
    assert abs(epsilon.std() - 1) < 0.1


def test_decode_takes_what_encode_gives(model):
    latents = model.encode([beat(tempo=80), beat(seed=1, tempo=160)])
    grooves = model.decode(latents, seed=1)
    assert [groove.tempo for groove in grooves] == [80, 160]
    same_notes(model.decode(latents.z, seed=1), grooves)
    assert {g.tempo for g in model.decode(latents.z, seed=1)} == {120}
    assert {g.tempo for g in model.decode(latents, seed=1, tempo=99)} == {99}


def test_results_survive_pickle(model):
    latents = pickle.loads(pickle.dumps(model.encode(beat(4))))  # noqa: S301
    assert latents.start_bars == [0, 2]
    grooves = pickle.loads(pickle.dumps(model.sample(2, seed=4)))  # noqa: S301
    assert (len(grooves), grooves.seed) == (2, 4)


# --- Similar, interpolate -----------------------------------------------------


def test_similarity_1_is_the_reconstruction(model):
    groove = beat(4)
    same_notes(
        model.similar(groove, 2, 1, temperature=0),
        list(model.reconstruct(groove, temperature=0)) * 2,
    )


def test_less_similar_is_farther_away(model):
    groove = beat()
    back = model.reconstruct(groove, temperature=0)[0]
    distances = []
    for similarity in (0.95, 0.6, 0.0):
        near = model.similar(groove, 40, similarity, temperature=0, seed=1)
        distances.append(np.mean([(g.hits != back.hits).mean() for g in near]))
    assert distances == sorted(distances)
    assert distances[0] < distances[-1]


def test_variations_have_names_lengths_and_tempos_of_their_input(model):
    music = [beat(3, tempo=80, name="verse"), beat(2, tempo=90)]
    grooves = model.similar(music, 2)
    assert [g.name for g in grooves] == [
        "verse similar 1",
        "verse similar 2",
        "groove similar 1",
        "groove similar 2",
    ]
    assert [g.num_bars for g in grooves] == [3, 3, 2, 2]
    assert [g.tempo for g in grooves] == [80, 80, 90, 90]


def test_an_interpolation_begins_and_ends_with_the_reconstructions(model):
    ends = [beat(4, 1, tempo=100), beat(4, 2, tempo=140)]
    path = model.interpolate(ends, 5, temperature=0)
    same_notes([path[0], path[-1]], model.reconstruct(ends, temperature=0))
    assert [groove.tempo for groove in path] == [100, 110, 120, 130, 140]
    assert {g.tempo for g in model.interpolate(ends, 3, tempo=99)} == {99}
    assert path.grid is None


def test_four_inputs_are_the_corners_of_a_grid(model):
    corners = [beat(2, seed, tempo=80 + 20 * seed) for seed in range(4)]
    grid = model.interpolate(corners, (3, 5), temperature=0)
    assert (len(grid), grid.grid) == (15, (3, 5))
    back = model.reconstruct(corners, temperature=0)
    same_notes([grid[0], grid[4], grid[10], grid[14]], back)
    assert [grid[i].tempo for i in (0, 4, 10, 14)] == [80, 100, 120, 140]
    assert model.interpolate(corners, 3).grid == (3, 3)


def test_equal_inputs_give_no_nan(model):
    path = model.interpolate([beat()] * 2, 4, seed=1)
    same_notes(path, [path[0]] * 4)
    zeros = [Groove(*[np.zeros((32, 9))] * 3)] * 4
    assert len(model.interpolate(zeros, 2)) == 4


def test_the_shorter_input_is_repeated(model):
    short, long = beat(1, 1), beat(5, 2)
    path = model.interpolate([short, long], 3, temperature=0)
    assert [groove.num_bars for groove in path] == [5, 5, 5]
    looped = join_grooves([short] * 5)
    same_notes(path[:1], model.reconstruct(looped, temperature=0))


SMALL = {
    "num_bars": 2,
    "encoder_units": (6,),
    "latent_dim": 4,
    "conductor_units": (5,),
    "decoder_units": (7,),
}


# --- A fitted prior, and conditions -------------------------------------------


@pytest.fixture(scope="module")
def wishing():
    """A model with conditions and a flow that bends, as if it had been fitted."""
    vocabularies = {
        "fill": True,
        "tempo": {"mean": 120.0, "stddev": 20.0},
        "density": [*range(33)],
    }
    model = MusicVAE(
        **SMALL,
        heads="chained",
        lookback=1,
        prior_units=16,
        preprocessor=GrooveConverter(2, conditions=vocabularies),
    )
    rng = np.random.default_rng(1)
    for weight in model.prior.weights:
        weight.assign(rng.normal(0.0, 0.3, weight.shape).astype("float32"))
    model.prior.scale_weight.assign([1.0, 0.5, 2.0, 1.5])
    for weight in model.trainable_weights:  # untrained, z hardly makes a difference
        if weight.path.endswith("kernel"):
            weight.assign(rng.normal(0.0, 0.6, weight.shape).astype("float32"))
    return model


@pytest.fixture
def decoded(wishing, monkeypatch):
    """What the decoder of this model is given: z and conditions."""
    given = []
    decode = wishing.inference.decode

    def remembered(z, noise, temperature, batch, kept=None):
        given.append((np.array(z), np.array(batch["condition"])))
        return decode(z, noise, temperature, batch, kept)

    monkeypatch.setattr(wishing.inference, "decode", remembered)
    return given


def test_a_path_has_the_latents_and_conditions_of_its_ends(wishing, decoded):
    ends = [beat(4, 1, tempo=100), beat(4, 2, tempo=140)]
    wishing.reconstruct(ends, temperature=0)
    wishing.interpolate(ends, 5, temperature=0)
    (z, conditions), (path, blends) = decoded
    np.testing.assert_allclose(path[[0, 1, -2, -1]], z, atol=1e-5)
    np.testing.assert_allclose(blends[[0, 1, -2, -1]], conditions, atol=1e-6)
    middle = (conditions[:2] + conditions[2:]) / 2
    np.testing.assert_allclose(blends[4:6], middle, atol=1e-6)
    tempos = blends[::2, 2]  # fill has no value that can be read; tempo is next
    np.testing.assert_allclose(tempos, np.linspace(-1, 1, 5), atol=1e-6)
    # Arcs of noise, which the flow bends: not the arcs of the latents.
    from keras_musicvae.models.latent_paths import path_between

    straight = path_between(z[:2], z[2:], 5)
    assert np.abs(path.reshape(5, 2, 4)[2] - straight[2]).max() > 1e-3


def test_a_wish_holds_on_the_whole_way(wishing, decoded):
    wish = {"density": 0.5, "fill": True}
    wishing.interpolate([beat(2, seed) for seed in range(4)], 3, condition=wish)
    ((_, blends),) = decoded
    assert len(blends) == 9
    np.testing.assert_allclose(blends[:, :2], [[1, 1]] * 9)
    np.testing.assert_allclose(blends[:, 4:], [[0, 1]] * 9, atol=1e-6)


def test_similar_1_is_the_latent_of_the_music_and_0_a_sample(wishing, decoded):
    groove = beat(4)
    wishing.reconstruct(groove, temperature=0)
    wishing.similar(groove, 2, 1, temperature=0)
    (z, condition), (same, conditions) = decoded
    np.testing.assert_allclose(same, np.tile(z, (2, 1)), atol=1e-5)
    np.testing.assert_array_equal(conditions, np.tile(condition, (2, 1)))
    wishing.similar(groove, 3, 0, seed=5)
    unrelated, conditions = decoded[-1]
    normal = Draws(5).stream(Purpose.NEIGHBOURS).standard_normal((6, 4), np.float32)
    base = np.array([-1, 1, 0, 0, 0, 0], np.float32)  # no fill
    expected = wishing.prior.draw(normal, conditions, base)
    np.testing.assert_allclose(unrelated, expected, atol=1e-5)


def test_samples_are_drawn_for_what_is_asked(wishing, decoded):
    for wish in ({}, {"density": 0.0}, {"density": 1.0}, {"fill": True}):
        wishing.sample(3, seed=2, condition=wish)
    latents = [z for z, _ in decoded]
    for i, j in ((0, 1), (1, 2), (0, 3)):
        assert np.abs(latents[i] - latents[j]).max() > 1e-2
    _, conditions = zip(*decoded, strict=True)
    np.testing.assert_allclose(conditions[0], [[-1, 1, 0, 0, 0, 0]] * 3)
    np.testing.assert_allclose(conditions[1][0, 4:], [-np.sqrt(3), 1], rtol=1e-6)
    np.testing.assert_allclose(conditions[3][0, :2], [1, 1])
    # What is asked for in so many words is what holds anyway.
    wishing.sample(3, seed=2, condition={"fill": False})
    np.testing.assert_array_equal(decoded[-1][0], latents[0])
    wishing.sample(3, seed=2, condition={"fill": None})
    assert not decoded[-1][1].any()
    with pytest.raises(ConfigError, match="`density` must be a number from 0 to 1"):
        wishing.sample(condition={"density": 12})


# --- Models of other kinds ----------------------------------------------------


@pytest.fixture(scope="module")
def humanizer():
    """An untrained model that is given the hits."""
    return MusicVAE(
        **SMALL, heads="histogram", preprocessor=GrooveConverter(2, task="humanize")
    )


def test_what_is_known_is_read_and_kept(humanizer):
    groove = beat(5)
    quantised = Groove(groove.hits, groove.velocities * 0, groove.offsets * 0)
    (played,) = humanizer.reconstruct(quantised, seed=0)
    np.testing.assert_array_equal(played.hits, groove.hits)
    assert played.velocities[groove.hits].std() > 0.1
    for similar in humanizer.similar(groove, 3, seed=0):
        np.testing.assert_array_equal(similar.hits, groove.hits)
    # Latents of one groove, hits of another: each window of it is known.
    other = beat(5, seed=1)
    (transferred,) = humanizer.reconstruct(groove, known=other, seed=0)
    np.testing.assert_array_equal(transferred.hits, other.hits)


def test_several_takes_of_what_is_known(humanizer):
    music = [beat(5, tempo=90), beat(2, seed=1)]
    takes = humanizer.sample(3, known=music, seed=0)
    assert [take.num_bars for take in takes] == [5, 5, 5, 2, 2, 2]
    assert [take.tempo for take in takes] == [90] * 3 + [120] * 3
    for take, groove in zip(takes, np.repeat([0, 1], 3), strict=True):
        np.testing.assert_array_equal(take.hits, music[groove].hits)
    assert np.abs(takes[0].velocities - takes[1].velocities).max() > 0.1
    same_notes(humanizer.sample(3, known=music[1], seed=0), takes[3:])


def test_one_known_groove_for_all_latents(humanizer):
    groove = beat(2)
    z = np.zeros((3, 4), "float32")
    for played in humanizer.decode(z, known=groove, seed=0):
        np.testing.assert_array_equal(played.hits, groove.hits)
    steps = humanizer.interpolate([beat(4), beat(2)], 3, known=groove, seed=0)
    for step in steps:
        np.testing.assert_array_equal(step.hits, np.tile(groove.hits, (2, 1)))
    with pytest.raises(ConfigError, match="needs `known`: music"):
        humanizer.sample(2)
    with pytest.raises(ConfigError, match="needs `known`: music"):
        humanizer.interpolate([groove] * 2, 3)
    with pytest.raises(GrooveError, match="one for each of the 3"):
        humanizer.decode(z, known=[groove, groove])


@pytest.mark.parametrize("heads", ["histogram", "squared_error"])
@pytest.mark.parametrize("conductor", [None, (5,)])
def test_known_cells_come_out_bit_for_bit(heads, conductor):
    settings = {**SMALL, "heads": heads, "conductor_units": conductor}
    model = MusicVAE(**settings, preprocessor=GrooveConverter(2, task="infill"))
    grooves = [beat(2, seed) for seed in range(20)]
    arrays = np.stack([groove_to_frames(groove) for groove in grooves])
    examples = Examples(arrays, 2, tempo=[120.0] * 20)
    generator = Draws(3).stream(Purpose.KNOWN)
    known = model.preprocessor.task.known(examples, generator)
    values, mask = np.split(known, 2, axis=-1)
    played = model.reconstruct(grooves, seed=3)
    frames = np.stack([groove_to_frames(groove) for groove in played])
    np.testing.assert_array_equal(frames[mask > 0], values[mask > 0])
    assert (frames != arrays).any()


def test_a_model_of_arrays_takes_what_is_known_as_an_array():
    model = MusicVAE(**SMALL, known="everywhere", condition_dim=2, preprocessor=None)
    array = groove_to_frames(beat(2))
    given = {"known": np.tile(array, 2), "condition": np.ones(2)}
    assert model.reconstruct(array, **given).shape == (1, 32, 27)
    assert model.sample(3, **given).shape == (3, 32, 27)
    with pytest.raises(ConfigError, match=r"needs `known`, an array .*Received: None"):
        model.sample(3)
    with pytest.raises(ConfigError, match="reads no `known`"):
        MusicVAE(**SMALL, preprocessor=None).sample(2, known=array)


def test_a_preprocessor_of_another_model_is_refused():
    with pytest.raises(ConfigError, match="num_bars=4, a model with 2"):
        MusicVAE(**SMALL, preprocessor=GrooveConverter(4))
    model = MusicVAE(**SMALL)
    with pytest.raises(ConfigError, match="steps_per_bar=12, a model with 16"):
        model.preprocessor = GrooveConverter(2, time_signature=(3, 4))
    with pytest.raises(ConfigError, match="known='everywhere', a model with 'nowhere'"):
        model.preprocessor = GrooveConverter(2, task="humanize")
    # What is not given follows from the preprocessor.
    assert MusicVAE(preprocessor=GrooveConverter(1)).num_bars == 1


# --- Errors -------------------------------------------------------------------


# Their product is 0 in 32 bits.
HUGE = (np.int32(65536),) * 2


@pytest.mark.parametrize(
    ("verb", "arguments", "words"),
    [
        ("sample", {"num_samples": 0}, "num_samples"),
        ("sample", {"num_samples": 1.5}, "num_samples"),
        ("sample", {"num_samples": "3"}, "num_samples"),
        ("sample", {"seed": -1}, "seed"),
        ("sample", {"seed": 1.0}, "seed"),
        ("sample", {"temperature": -0.1}, "temperature"),
        ("sample", {"temperature": float("nan")}, "temperature"),
        ("sample", {"temperature": "1"}, "temperature"),
        ("sample", {"tempo": 0}, "tempo"),
        ("sample", {"tempo": float("inf")}, "tempo"),
        ("sample", {"known": beat()}, "knows nothing of a groove"),
        ("sample", {"condition": {"style": "funk"}}, "its conditions: none"),
        ("sample", {"condition": "funk"}, "values by the names of conditions"),
        ("decode", {"z": np.zeros((2, 7))}, r"\(number, 8\)"),
        ("decode", {"z": np.full((2, 8), np.nan)}, "finite"),
        ("decode", {"z": "z"}, r"\(number, 8\)"),
        ("similar", {"music": beat(), "similarity": 1.1}, "similarity"),
        ("similar", {"music": beat(), "num_samples": 0}, "num_samples"),
        ("interpolate", {"music": [beat()] * 3}, "two inputs .* four .*Received: 3"),
        ("interpolate", {"music": beat()}, "Received: 1"),
        ("interpolate", {"music": [beat()] * 2, "steps": 1}, "steps"),
        ("interpolate", {"music": [beat()] * 2, "steps": (2, 3)}, "steps"),
        ("interpolate", {"music": [beat()] * 4, "steps": (2, 1)}, "steps"),
        ("interpolate", {"music": [beat()] * 4, "steps": 2.5}, "steps"),
        ("interpolate", {"music": [beat()] * 4, "steps": HUGE}, "steps"),
        ("encode", {"music": beat(), "sample": True, "seed": "x"}, "seed"),
    ],
)
def test_impossible_arguments(model, verb, arguments, words):
    with pytest.raises((ConfigError, GrooveError), match=words):
        getattr(model, verb)(**arguments)


def test_files_that_cannot_be_read(model, tmp_path):
    bad = tmp_path / "bad.mid"
    bad.write_bytes(b"MThd")
    with pytest.raises(MidiError, match=r"bad\.mid"):
        model.encode([beat(), bad])
    with pytest.raises(FileNotFoundError):
        model.reconstruct(tmp_path / "none.mid")


# --- Batches ------------------------------------------------------------------


@pytest.mark.parametrize("padded", [True, False])
@pytest.mark.parametrize("number", [1, 2, 5, 8, 33, 64, 511, 512, 513, 5000])
def test_batches_cover_all(number, padded):
    plan = list(batch_plan(number, padded=padded))
    assert sum(taken for taken, _ in plan) == number
    assert sum(size for _, size in plan) <= 2 * number + BATCH_SIZES[1]
    if padded:
        sizes = {size for _, size in plan}
        assert sizes <= set(BATCH_SIZES)
        # Never one compilation for many and another for the one that is left.
        assert len(sizes) == 1 or BATCH_SIZES[0] not in sizes
    else:
        assert all(taken == size for taken, size in plan)


def test_files_are_read_as_asked_and_results_carry_the_reports(model, tmp_path):
    drums = midi.meta(3, b"Part A") + midi.notes(*range(0, 7680, 480), channel=2)
    other = midi.notes(0, 480, 960, pitch=38, channel=2)
    path = tmp_path / "song.mid"
    path.write_bytes(midi.file(drums, other))
    with pytest.raises(MidiError, match="Choose by channel= or track="):
        model.encode(path)
    for verb in (model.reconstruct, model.similar):
        (groove,) = verb(path, seed=1, track="Part A")
        assert groove.num_bars == 4
        assert verb(path, seed=1, channel=2).reports[0].num_notes == 19
    two = model.interpolate([path, io.BytesIO(midi.GOOD)], 2, seed=1, track=0)
    assert [report.num_notes for report in two.reports] == [16, 4]
    assert two.reports[0].other_notes == {2: 3}
    assert model.sample(1, seed=1).reports == []
    # Bars of several lengths: the parts that the model takes.
    song = midi.notes(0, 480) + midi.time_signature(3, 4, 1920 - 481)
    result = model.reconstruct(midi.file(song + midi.notes(0, 480)), seed=1)
    assert [groove.num_bars for groove in result] == [1]
    assert "the model takes 4/4" in result.reports[0].notice()
