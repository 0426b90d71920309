"""Fills put where phrases end, from a dataset that says what is a fill."""

import numpy as np
import pytest
from synthetic import groove_bytes

from keras_musicvae.datasets.folder import WindowConfig, preprocess
from keras_musicvae.errors import DatasetError, TrainingError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.training import fills as splicing
from keras_musicvae.training.batches import WindowBatches
from keras_musicvae.training.fills import FillSplicer
from keras_musicvae.training.recipe import Recipe
from keras_musicvae.training.run import train

# Drummer, style, beats per minute, kind, bars, split; the number is the seed.
FILES = [
    ("ann", "rock", 100, "beat", 6, "train"),
    ("ben", "rock", 100, "beat", 6, "train"),
    ("ann", "funk", 100, "beat", 4, "train"),
    ("ann", "rock", 160, "beat", 4, "train"),
    ("ann", "jazz", 100, "beat", 4, "train"),
    ("ann", "rock", 104, "fill", 1, "train"),
    ("cat", "funk", 90, "fill", 1, "train"),
    ("dan", "rock", 110, "fill", 1, "train"),
    ("dan", "rock", 100, "fill", 1, "test"),
    ("ann", "rock", 100, "beat", 4, "validation"),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """The same files as windows of two bars and of one."""
    root = tmp_path_factory.mktemp("fills")
    (root / "midi").mkdir()
    rows = ["drummer,session,id,style,bpm,beat_type,time_signature,midi_filename,"
            "audio_filename,duration,split"]  # fmt: skip
    for seed, (drummer, style, bpm, kind, bars, split) in enumerate(FILES):
        data = groove_bytes(seed, bars=bars, tempo=float(bpm))
        (root / "midi" / f"{seed}.mid").write_bytes(data)
        row = [drummer, "s", f"{seed}", style, f"{bpm}", kind, "4-4", f"{seed}.mid"]
        rows.append(",".join([*row, "", "1.0", split]))
    (root / "midi" / "info.csv").write_text("\n".join(rows) + "\n")

    def cut(bars):
        config = WindowConfig(converter=GrooveConverter(num_bars=bars))
        return preprocess(root / "midi", root / f"{bars}", config, jobs=1)

    return cut(2), cut(1)


@pytest.fixture
def training(folders):
    return folders[0].split("train")


@pytest.fixture
def fills(folders):
    return folders[1].split("train")


@pytest.fixture
def always(monkeypatch):
    monkeypatch.setattr(splicing, "SHARE", 1.0)


def spliced(training, fills, seed=0):
    rows = np.arange(len(training))
    splicer = FillSplicer(training, fills)
    return splicer(training.examples(rows), rows, np.random.default_rng(seed))


def test_a_fill_takes_the_last_bar_of_a_phrase(training, fills, always):
    played, result = training.examples(), spliced(training, fills)
    own = {
        name: fills.select(kind="fill", drummer=name).arrays()[0]
        for name in ("ann", "cat", "dan")
    }
    # Of the same style at about the same tempo; of the same drummer if there is one.
    wanted = {0: {"ann"}, 1: {"ann", "dan"}, 2: {"cat"}, 3: set(), 4: set()}
    seen = {file: set() for file in wanted}
    for row, file in enumerate(training.file):
        name = int(training.file_names[file].removesuffix(".mid"))
        before, after = played.grooves[row], result.grooves[row]
        # The phrase of two bars ends in the second bar, or the first of the window.
        last = 1 - training.start_bar[row] % 2
        bars = slice(16 * last, 16 * last + 16)
        others = np.delete(np.arange(32), np.r_[bars])
        np.testing.assert_array_equal(after[others], before[others])
        from_whom = {who for who, fill in own.items() if (after[bars] == fill).all()}
        seen[name] |= from_whom
        if wanted[name]:
            assert len(from_whom) == 1 and from_whom <= wanted[name]
            assert result.kind[row] == "fill"
        else:
            np.testing.assert_array_equal(after, before)
            assert result.kind[row] == "beat"
    assert seen[0] == {"ann"} and seen[2] == {"cat"}
    assert set(training.start_bar % 2) == {0, 1}


def test_some_windows_get_one_and_nothing_that_was_read_changes(training, fills):
    rows = np.repeat(np.arange(5), 400)  # of one file, that a fill fits
    played = training.examples(rows)
    before = played.grooves.copy()
    splicer = FillSplicer(training, fills)
    result = splicer(played, rows, np.random.default_rng(1))
    np.testing.assert_array_equal(played.grooves, before)
    assert set(played.kind) == {"beat"}
    share = np.mean([kind == "fill" for kind in result.kind])
    assert share == pytest.approx(splicing.SHARE, abs=0.03)
    changed = (result.grooves != before).any(axis=(1, 2))
    assert changed.tolist() == [kind == "fill" for kind in result.kind]


def test_batches_have_fills_and_repeat(training, fills, always):
    def kinds(examples, **options):
        return {"kind": list(examples.kind), "grooves": examples.grooves}

    splicer = FillSplicer(training, fills)
    batches = [
        WindowBatches(training, kinds, 4, seed=3, augment=True, fills=each)
        for each in (splicer, splicer, None)
    ]
    for index in range(len(batches[0])):
        one, again, without = (each[index][0] for each in batches)
        np.testing.assert_array_equal(one["grooves"], again["grooves"])
        assert set(without["kind"]) == {"beat"}
    assert any("fill" in batches[0][i][0]["kind"] for i in range(len(batches[0])))


def test_what_are_no_fills_is_refused(folders, training, fills):
    with pytest.raises(DatasetError, match=r"windows of 1 bar .*Received: 2 bars"):
        FillSplicer(training, folders[0])
    with pytest.raises(DatasetError, match="marked as a fill"):
        FillSplicer(training, fills.select(drummer="ben"))


def test_a_run_with_fills(folders, tmp_path):
    windows, bars = folders
    recipe = Recipe(
        epochs=1,
        batch_size=4,
        calibrate=False,
        conditions=("fill", "phrase"),
        model={
            "encoder_units": [4],
            "latent_dim": 2,
            "conductor_units": None,
            "decoder_units": [4],
            "heads": "chained",
            "lookback": 1,
        },
    )
    train(windows, tmp_path / "run", recipe, fills=bars)
    # Another run than one without.
    with pytest.raises(TrainingError, match="other settings: fills"):
        train(windows, tmp_path / "run", recipe)
