"""The built-in kit: levels, spectra, decays, timing; WAV files; FluidSynth."""

import os
import stat
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

from keras_musicvae import Groove, errors
from keras_musicvae.audio import (
    groove_to_audio,
    kit,
    render,
    render_soundfont,
    save_audio,
    wav_bytes,
    write_wav,
)
from keras_musicvae.audio.timeline import timeline
from keras_musicvae.grooves.drum_maps import DRUMS, GENERAL_MIDI, ROLAND_TD11

RATE = 44100
CEILING = 10 ** (-1 / 20)
KICK, SNARE, CLOSED, OPEN, LOW, MID, HIGH, CRASH, RIDE = range(9)
SOUNDFONTS = (
    os.environ.get("KERAS_MUSICVAE_SOUNDFONT", ""),
    "/usr/share/sounds/sf2/TimGM6mb.sf2",
    "/usr/share/sounds/sf2/default-GM.sf2",
)


def groove_of(*hits, bars=1, tempo=120.0, pitches=None, **options):
    """A groove from (step, drum, velocity[, offset]) tuples."""
    shape = (16 * bars, 9)
    cells = np.zeros((3, *shape), np.float32)
    for step, drum, velocity, *offset in hits:
        cells[:, step, drum] = 1, velocity, offset[0] if offset else 0
    struck = None
    if pitches is not None:
        struck = np.zeros(shape, np.uint8)
        for (step, drum, *_), pitch in zip(hits, pitches, strict=True):
            struck[step, drum] = pitch
    return Groove(*cells, tempo=tempo, pitches=struck, **options)


def random_groove(seed, bars=2, density=0.25, **options):
    generator = np.random.default_rng(seed)
    shape = (16 * bars, 9)
    hits = generator.random(shape) < density
    velocities = generator.uniform(0.02, 1, shape)
    return Groove(hits, velocities, generator.uniform(-0.5, 0.5, shape), **options)


def centroid(samples):
    """The mean frequency in hertz, weighted by power."""
    mono = samples.mean(axis=1)
    power = np.abs(np.fft.rfft(mono)) ** 2
    return np.sum(power * np.fft.rfftfreq(mono.size, 1 / RATE)) / power.sum()


def strongest_frequency(samples):
    mono = samples.mean(axis=1)
    size = 4 * mono.size  # padded, for a finer reading
    return np.argmax(np.abs(np.fft.rfft(mono, size))) * RATE / size


def decay_time(samples, decibels=20):
    """Seconds until this much less than the whole energy is still to come."""
    energy = np.sum(samples.astype(float) ** 2, axis=1)[::-1].cumsum()[::-1]
    return np.argmax(energy < energy[0] * 10 ** (-decibels / 10)) / RATE


def rms(samples):
    return np.sqrt(np.mean(samples.astype(float) ** 2))


def onset_of(samples, share=0.02):
    """The first sample that reaches a share of the peak."""
    level = np.abs(samples).max(axis=1)
    return int(np.argmax(level > share * level.max()))


# --- The voices ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("drum", "lowest", "highest"),
    [
        (KICK, 50, 120),
        (SNARE, 1000, 5000),
        (CLOSED, 6000, 12000),
        (OPEN, 6000, 12000),
        (LOW, 80, 160),
        (MID, 110, 220),
        (HIGH, 150, 300),
        (CRASH, 3000, 9000),
        (RIDE, 3000, 9000),
    ],
)
def test_a_full_stroke_sounds_where_the_drum_sounds(drum, lowest, highest):
    assert lowest < centroid(render(groove_of((0, drum, 1.0)))) < highest


@pytest.mark.parametrize(
    ("drum", "lowest", "highest"),
    [
        (KICK, 48, 62),
        (SNARE, 180, 205),
        (LOW, 78, 95),
        (MID, 105, 125),
        (HIGH, 142, 168),
    ],
)
def test_the_fundamental_of_drums_with_a_head(drum, lowest, highest):
    assert lowest < strongest_frequency(render(groove_of((0, drum, 1.0)))) < highest


def test_the_kick_falls_in_pitch():
    mono = render(groove_of((0, KICK, 1.0))).mean(axis=1)
    spectrum = np.fft.rfft(mono)
    spectrum[np.fft.rfftfreq(mono.size, 1 / RATE) > 250] = 0  # without the beater
    mono = np.fft.irfft(spectrum, mono.size)
    rising = np.flatnonzero((mono[:-1] < 0) & (mono[1:] >= 0))
    pitches = RATE / np.diff(rising)
    assert pitches[rising[:-1] < 0.01 * RATE].max() > 80
    later = (rising[:-1] > 0.08 * RATE) & (rising[:-1] < 0.2 * RATE)
    assert np.all((pitches[later] > 50) & (pitches[later] < 56))


@pytest.mark.parametrize(
    ("drum", "shortest", "longest"),
    [
        (KICK, 0.12, 0.35),
        (SNARE, 0.1, 0.3),
        (CLOSED, 0.03, 0.12),
        (OPEN, 0.4, 1.1),
        (LOW, 0.3, 0.6),
        (MID, 0.25, 0.5),
        (HIGH, 0.2, 0.45),
        (CRASH, 0.8, 2.0),
        (RIDE, 0.6, 2.0),
    ],
)
def test_the_decay_to_minus_20_db(drum, shortest, longest):
    assert shortest < decay_time(render(groove_of((0, drum, 1.0)))) < longest


@pytest.mark.parametrize("name", list(kit.STROKES))
def test_every_sound_starts_at_once_and_ends_in_silence(name):
    sound = kit.sound(name, 0, RATE)
    for samples in (sound.soft, sound.hard):
        assert samples.dtype == np.float32
        assert np.isfinite(samples).all()
        assert onset_of(samples) < 0.004 * RATE
        assert np.abs(samples[0]).max() < 0.15 * np.abs(samples).max()  # no click
        assert np.abs(samples[-1]).max() < 1e-3 * np.abs(samples).max()
        assert abs(samples.mean()) < 0.02 * np.abs(samples).max()


@pytest.mark.parametrize("drum", range(9))
def test_velocity_changes_loudness_and_brightness(drum):
    strokes = [render(groove_of((0, drum, v))) for v in (0.1, 0.4, 0.7, 1.0)]
    levels = [20 * np.log10(rms(stroke)) for stroke in strokes]
    assert np.all(np.diff(levels) > 2)
    assert 20 < levels[-1] - levels[0] < 40
    colours = [centroid(stroke) for stroke in strokes]
    assert np.all(np.diff(colours) > 0)
    assert colours[-1] > 1.04 * colours[0]


@pytest.mark.parametrize(
    ("drum", "pitch"),
    [
        (SNARE, 37),
        (SNARE, 40),
        (CLOSED, 22),
        (CLOSED, 44),
        (OPEN, 26),
        (CRASH, 57),
        (RIDE, 53),
        (RIDE, 59),
    ],
)
def test_articulations_differ_from_the_usual_stroke(drum, pitch):
    usual = render(groove_of((0, drum, 0.8)))
    other = render(groove_of((0, drum, 0.8), pitches=[pitch]))
    assert usual.shape != other.shape or not np.allclose(usual, other, atol=0.02)


def test_articulations_that_the_kit_lacks_play_the_drum():
    for drum, name in enumerate(DRUMS):
        assert kit.stroke_name(drum) == name
        for pitch, articulation in ROLAND_TD11.drums[name].items():
            stroke = kit.stroke_name(drum, pitch)
            assert stroke in kit.STROKES
            assert articulation.startswith(stroke)
    assert kit.stroke_name(SNARE, 36) == "snare"  # not a pitch of the snare
    assert kit.stroke_name(CRASH, 52) == "crash_2"


def test_pitches_are_read_in_the_numbers_of_their_own_drum_map():
    # 59 is the ride's edge on a Roland; a cowbell (56) is no Roland pitch at all.
    cowbell = groove_of((0, SNARE, 0.8), pitches=[56], drum_map=GENERAL_MIDI)
    assert np.array_equal(render(cowbell), render(groove_of((0, SNARE, 0.8))))


def test_successive_hits_are_not_copies_of_each_other():
    samples = render(groove_of((0, CLOSED, 0.8), (8, CLOSED, 0.8)))
    second = samples[RATE : RATE + 4000]
    assert not np.allclose(samples[:4000], second, atol=0.01)
    assert abs(20 * np.log10(rms(second) / rms(samples[:4000]))) < 1.5


def test_the_kit_is_spread_from_left_to_right():
    def balance(drum):
        left, right = (render(groove_of((0, drum, 0.8))).astype(float) ** 2).sum(axis=0)
        return 10 * np.log10(right / left)

    assert abs(balance(KICK)) < 0.5
    assert balance(CLOSED) < -3
    assert balance(HIGH) < balance(MID) < balance(LOW)
    assert balance(RIDE) > 3


# --- The mix ------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_nothing_passes_minus_1_dbfs(seed):
    loud = random_groove(seed, density=0.3 + 0.2 * seed, tempo=60 + 60 * seed)
    for wrap in (False, True):
        assert np.abs(render(loud, wrap=wrap)).max() <= CEILING + 1e-6


def test_every_drum_at_once_at_full_strength_stays_below_the_ceiling():
    samples = render(groove_of(*((0, drum, 1.0) for drum in range(9))))
    assert 0.85 < np.abs(samples).max() <= CEILING + 1e-6


def test_quiet_playing_is_not_touched_by_the_limiter():
    one = render(groove_of((0, SNARE, 0.5)))
    other = render(groove_of((0, CLOSED, 0.5)))
    both = render(groove_of((0, SNARE, 0.5), (0, CLOSED, 0.5)))
    size = min(len(one), len(other))
    np.testing.assert_allclose(both[:size], one[:size] + other[:size], atol=1e-6)


def test_a_groove_without_hits_is_silence_of_its_length():
    samples = render(groove_of(bars=2))
    assert samples.shape == (4 * RATE, 2)
    assert samples.dtype == np.float32
    assert not samples.any()


def test_equal_grooves_give_equal_samples_in_another_process(tmp_path):
    groove = random_groove(3)
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import test_audio as t\n"
        "import hashlib\n"
        "print(hashlib.sha256(t.render(t.random_groove(3)).tobytes()).hexdigest())"
    )
    import hashlib

    expected = hashlib.sha256(render(groove).tobytes()).hexdigest()
    printed = subprocess.run(
        [sys.executable, "-c", script, str(Path(__file__).parent)],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert printed == expected


def test_the_closed_hat_chokes_the_open_one():
    alone = render(groove_of((0, OPEN, 1.0)))
    choked = render(groove_of((0, OPEN, 1.0), (4, CLOSED, 0.02)))
    before, after = slice(0, RATE // 2), slice(int(0.6 * RATE), RATE)
    np.testing.assert_allclose(choked[before], alone[before], atol=1e-6)
    assert rms(choked[after]) < 0.02 * rms(alone[after])
    # Another drum chokes nothing.
    other = render(groove_of((0, OPEN, 1.0), (4, RIDE, 0.01)))
    assert rms(other[after]) > 0.9 * rms(alone[after])


def test_an_open_hat_on_the_last_step_is_choked_by_the_next_loop():
    groove = groove_of((0, CLOSED, 0.05), (12, OPEN, 1.0))
    looped = render(groove, loops=2)
    second = slice(int(2.2 * RATE), int(3.4 * RATE))
    assert rms(looped[second]) < 1e-3
    wrapped = render(groove, wrap=True)
    assert rms(wrapped[int(0.2 * RATE) : int(1.4 * RATE)]) < 1e-3


# --- Timing -------------------------------------------------------------------


@pytest.mark.parametrize("drum", [KICK, SNARE, CLOSED, RIDE])
@pytest.mark.parametrize("offset", [-0.5, -0.123, 0.0, 0.25, 0.5])
def test_onsets_are_sample_accurate(drum, offset):
    tempo = 97.0
    sound = render(groove_of((0, drum, 0.7), tempo=tempo))
    moved = render(groove_of((5, drum, 0.7, offset), tempo=tempo))
    start = round((5 - np.float32(offset)) / 4 * 60 / tempo * RATE)
    assert not moved[:start].any()
    size = min(len(sound), len(moved) - start)
    np.testing.assert_array_equal(moved[start : start + size], sound[:size])


def test_tempo_changes_are_followed():
    groove = groove_of(
        (0, KICK, 0.5), (12, KICK, 0.5), tempo=120.0, tempo_changes=((1.0, 60.0),)
    )
    events = timeline(groove, loops=2)
    # One quarter at 120, two at 60; the bar is 0.5 + 3 s, then it starts again.
    np.testing.assert_allclose(events.seconds, [0, 2.5, 3.5, 6.0])
    assert events.loop_seconds == groove.duration == 3.5
    samples = render(groove)
    assert not samples[round(2.4 * RATE) : round(2.5 * RATE)].any()
    assert samples[round(2.5 * RATE) :][:200].any()


def test_offsets_across_a_tempo_change_use_the_tempo_of_their_place():
    groove = groove_of((4, KICK, 0.5, 0.5), tempo=120.0, tempo_changes=((1.0, 30.0),))
    np.testing.assert_allclose(timeline(groove).seconds, [0.5 - 0.5 * 0.125])


def test_hits_ahead_of_the_first_downbeat():
    early = groove_of((0, SNARE, 0.5, 0.5))
    on_time = render(groove_of((0, SNARE, 0.5)))
    # Nothing can sound before the start...
    np.testing.assert_array_equal(render(early), on_time)
    # ...but when the groove comes round, the hit is early.
    twice = render(early, loops=2)
    start = 2 * RATE - round(0.0625 * RATE)
    assert not twice[RATE:start].any()
    assert twice[start : start + 100].any()
    wrapped = render(early, wrap=True)
    assert len(wrapped) == 2 * RATE
    np.testing.assert_array_equal(wrapped[start:], on_time[: 2 * RATE - start])


def test_the_length_with_and_without_the_tail():
    groove = groove_of((15, CRASH, 0.9))
    kept, wrapped = render(groove), render(groove, wrap=True)
    assert len(wrapped) == 2 * RATE
    assert len(kept) > 4 * RATE
    assert len(render(groove_of((0, CLOSED, 0.9)))) == 2 * RATE
    # Nothing is lost: what stood beyond the end stands at the start.
    folded = np.zeros((3 * 2 * RATE, 2), np.float32)
    folded[: len(kept)] = kept
    folded = folded.reshape(3, 2 * RATE, 2).sum(axis=0)
    np.testing.assert_allclose(wrapped, folded, atol=1e-6)


def test_a_wrapped_groove_repeats_without_a_seam():
    groove = random_groove(8, bars=1, density=0.06)
    once, loops = render(groove, wrap=True), render(groove, loops=4)
    period = 2 * RATE
    # From the second round on, a loop sounds as the wrapped bar does.
    np.testing.assert_allclose(loops[2 * period : 3 * period], once, atol=2e-5)


def test_other_sample_rates():
    for rate in (8000, 22050, 48000):
        samples = render(groove_of((4, SNARE, 0.7)), rate)
        assert onset_of(samples) == pytest.approx(0.5 * rate, abs=0.003 * rate)
        assert np.abs(samples).max() <= CEILING


def test_four_bars_are_fast():
    groove = random_groove(5, bars=4, density=0.2)
    render(groove)  # fills the cache
    best = min(_seconds(lambda: render(groove)) for _ in range(3))
    assert best < 0.2


def _seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


@pytest.mark.parametrize("rate", [0, -1, 7999, 192001, 44100.0, "44100", None, True])
def test_impossible_sample_rates(rate):
    with pytest.raises(errors.AudioError, match="sample_rate must be"):
        wav_bytes(np.zeros(4), rate)
    with pytest.raises(errors.AudioError, match="sample_rate must be"):
        render(groove_of((0, KICK, 1.0)), rate)


@pytest.mark.parametrize("loops", [0, -1, 1.5, "2", None, True])
def test_impossible_loops(loops):
    with pytest.raises(errors.AudioError, match="loops must be"):
        render(groove_of((0, KICK, 1.0)), loops=loops)


def test_endless_sound_is_refused_before_memory_is_taken():
    with pytest.raises(errors.AudioError, match="hour"):
        render(groove_of((0, KICK, 1.0)), loops=10**12)
    with pytest.raises(errors.AudioError, match="hour"):
        render(groove_of((0, KICK, 1.0), bars=100, tempo=4.0))


def test_extremely_fast_grooves():
    fast = groove_of((0, KICK, 1.0), (8, CRASH, 1.0), tempo=60e6)
    assert np.isfinite(render(fast, wrap=True)).all()
    assert np.abs(render(fast)).max() <= CEILING + 1e-6


# --- WAV files ----------------------------------------------------------------


def test_wav_round_trip(tmp_path):
    path = tmp_path / "beat.wav"
    groove = random_groove(1)
    groove.save(path)
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 2
        assert file.getsampwidth() == 2
        assert file.getframerate() == 44100
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    expected = groove.to_audio()
    assert pcm.shape == expected.shape
    assert np.abs(pcm / 32767 - expected).max() <= 0.5 / 32767 + 1e-7
    assert [entry.name for entry in tmp_path.iterdir()] == ["beat.wav"]
    assert stat.S_IMODE(path.stat().st_mode) & 0o400


def test_save_audio_passes_its_options_on(tmp_path):
    groove = groove_of((0, CRASH, 0.8))
    save_audio(groove, tmp_path / "loop.wav", sample_rate=22050, loops=2, wrap=True)
    with wave.open(str(tmp_path / "loop.wav")) as file:
        assert (file.getframerate(), file.getnframes()) == (22050, 4 * 22050)


def test_mono_and_clipping():
    content = wav_bytes([0.0, 2.0, -2.0, 0.5], 8000)
    assert np.frombuffer(content[-8:], "<i2").tolist() == [0, 32767, -32767, 16384]


@pytest.mark.parametrize("shape", [(), (3, 3), (2, 2, 2), (5, 0)])
def test_samples_of_a_wrong_shape(shape):
    with pytest.raises(errors.AudioError, match="shape"):
        wav_bytes(np.zeros(shape))


def test_samples_must_be_finite():
    with pytest.raises(errors.AudioError, match="finite"):
        wav_bytes([0.0, np.nan])


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "old.wav"
    path.write_bytes(b"old")
    with pytest.raises(errors.AudioError):
        write_wav(path, [np.inf])
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(errors.OutputError, match="nowhere"):
        write_wav(tmp_path / "nowhere" / "beat.wav", np.zeros(10))


# --- FluidSynth ---------------------------------------------------------------


def soundfont():
    """A SoundFont and FluidSynth, or skips the calling test."""
    pytest.importorskip("fluidsynth", exc_type=ImportError)
    for path in SOUNDFONTS:
        if path and Path(path).exists():
            return path
    pytest.skip("no SoundFont; name one in KERAS_MUSICVAE_SOUNDFONT")


def test_a_soundfont_plays_the_groove_in_time():
    path = soundfont()
    groove = groove_of((0, KICK, 0.9), (8, SNARE, 0.9, 0.25))
    samples = groove_to_audio(groove, soundfont=path)
    assert samples.dtype == np.float32
    assert samples.shape[1] == 2
    assert 0.01 < np.abs(samples).max() <= 1
    assert onset_of(samples) < 0.01 * RATE
    snare = round((8 - 0.25) / 4 * 0.5 * RATE)
    gap = samples[snare - 2000 : snare - 64]
    assert rms(samples[snare : snare + 2000]) > 10 * rms(gap)


def test_a_soundfont_plays_louder_for_more_velocity():
    path = soundfont()
    soft, hard = (
        render_soundfont(groove_of((0, SNARE, v)), path, 22050) for v in (0.3, 1.0)
    )
    assert rms(hard[:4000]) > 3 * rms(soft[:4000])


def test_a_soundfont_without_the_kit():
    path = soundfont()
    with pytest.raises(errors.AudioError, match="no drum kit 99"):
        render_soundfont(groove_of((0, SNARE, 1.0)), path, program=99)


def test_a_file_that_is_no_soundfont(tmp_path):
    path = tmp_path / "fake.sf2"
    path.write_bytes(b"RIFF....WAVE" + bytes(100))
    with pytest.raises(errors.AudioError, match="not a SoundFont"):
        render_soundfont(groove_of((0, KICK, 1.0)), path)
    with pytest.raises(errors.AudioError, match="Cannot read"):
        render_soundfont(groove_of((0, KICK, 1.0)), tmp_path / "absent.sf2")


def test_a_damaged_soundfont(tmp_path):
    soundfont()
    path = tmp_path / "damaged.sf2"
    path.write_bytes(b"RIFF\x64\x00\x00\x00sfbk" + bytes(100))
    with pytest.raises(errors.AudioError, match="cannot read the SoundFont"):
        render_soundfont(groove_of((0, KICK, 1.0)), path)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"program": 128}, "program"),
        ({"gain": 0}, "gain"),
        ({"sample_rate": 192000}, "96000"),
    ],
)
def test_impossible_options_of_a_soundfont(options, message, tmp_path):
    with pytest.raises(errors.AudioError, match=message):
        render_soundfont(groove_of((0, KICK, 1.0)), tmp_path / "any.sf2", **options)


def test_wrap_needs_the_built_in_kit():
    with pytest.raises(errors.AudioError, match="wrap"):
        groove_to_audio(groove_of((0, KICK, 1.0)), wrap=True, soundfont="any.sf2")


def test_without_fluidsynth_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    path = tmp_path / "any.sf2"
    path.write_bytes(b"RIFF\x64\x00\x00\x00sfbk" + bytes(100))
    with pytest.raises(errors.MissingExtraError, match=r"keras-musicvae\[audio\]"):
        render_soundfont(groove_of((0, KICK, 1.0)), path)


def test_the_kit_needs_neither_keras_nor_fluidsynth():
    script = (
        "import sys\nfrom keras_musicvae import audio\n"
        "heavy = {'keras', 'fluidsynth', 'matplotlib', 'scipy', 'miditoolkit'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    ).stdout
    assert printed.strip() == "[]"
