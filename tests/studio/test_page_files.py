"""What goes in and out of the page: MIDI, sound, picture, link."""

import io
import wave

import numpy as np
import pytest
from page_tools import generate, saved, status, wait_until

from keras_musicvae import read_midi
from keras_musicvae.audio.render import CEILING
from keras_musicvae.grooves.drum_maps import DRUM_MAPS
from keras_musicvae.grooves.frames import groove_to_frames
from keras_musicvae.grooves.groove import Groove
from keras_musicvae.grooves.midi import write_midi


def some_groove(seed: int, drum_map: str = "roland_td11", **changes) -> Groove:
    random = np.random.default_rng(seed)
    hits = random.random((32, 9)) < 0.3
    hits[0, 0] = True
    return Groove(
        hits,
        random.uniform(0.05, 1, hits.shape),
        random.uniform(-0.5, 0.5, hits.shape),
        tempo=97.0,
        drum_map=DRUM_MAPS[drum_map],
        **changes,
    )


def test_saved_midi_has_the_bytes_of_python(page, model, tmp_path):
    for seed in (1, 2, 3):
        generate(page, seed)
        groove = model.sample(1, seed=seed, tempo=110.0)[0]
        write_midi(
            Groove(
                groove.hits,
                groove.velocities,
                groove.offsets,
                tempo=110.0,
                name=f"groove seed {seed}",
            ),
            tmp_path / "python.mid",
        )
        assert saved(page, "#save-mid") == (tmp_path / "python.mid").read_bytes()


@pytest.mark.parametrize("silent", [False, True])
def test_any_groove_is_written_as_python_writes_it(page, tmp_path, silent):
    code = """async ({ frames, options }) => {
      const { writeMidi } = await import("./music/midi_write.js");
      return [...writeMidi(Float32Array.from(frames), options)];
    }"""
    for seed in range(1 if silent else 20):
        groove = some_groove(seed, name="Über 9")
        if silent:
            nothing = np.zeros((32, 9))
            groove = Groove(nothing, nothing, nothing, tempo=97.0, name="Über 9")
        options = {
            "tempo": groove.tempo,
            "timeSignature": [4, 4],
            "pitches": groove.drum_map.written_pitches.tolist(),
            "name": groove.name,
        }
        frames = groove_to_frames(groove).ravel().tolist()
        written = bytes(page.evaluate(code, {"frames": frames, "options": options}))
        write_midi(groove, tmp_path / "python.mid")
        assert written == (tmp_path / "python.mid").read_bytes()


READ = """async ({ bytes, options }) => {
  const { readMidi } = await import("./music/midi_read.js");
  const config = await (await fetch("model.json")).json();
  const music = readMidi(Uint8Array.from(bytes), {
    drumMaps: config.drum_maps, timeSignature: [4, 4], stepsPerQuarter: 4,
    stepsPerBar: 16, ...options,
  });
  return { ...music, frames: [...music.frames] };
}"""


@pytest.mark.parametrize("drum_map", DRUM_MAPS)
@pytest.mark.parametrize("given", [False, True], ids=["guessed", "given"])
def test_midi_of_any_drum_map_is_read_as_by_python(page, tmp_path, drum_map, given):
    path = tmp_path / "beat.mid"
    write_midi(some_groove(4, drum_map), path)
    options = {"drumMap": drum_map} if given else {}
    argument = {"bytes": list(path.read_bytes()), "options": options}
    music = page.evaluate(READ, argument)
    expected = read_midi(path, **({"drum_map": drum_map} if given else {}))
    assert music["drumMap"] == expected.report.drum_map
    assert music["tempo"] == pytest.approx(expected.tempo)
    frames = np.float32(music["frames"]).reshape(-1, 27)
    np.testing.assert_allclose(frames, groove_to_frames(expected), atol=1e-6)


def test_a_file_is_opened_and_saved_again(page, tmp_path):
    path, again = tmp_path / "beat.mid", tmp_path / "again.mid"
    groove = some_groove(8)
    write_midi(groove, path)
    page.set_input_files("#open", path)
    wait_until(page, lambda: "beat.mid: 2 bars" in status(page))
    again.write_bytes(saved(page, "#save-mid"))
    assert read_midi(again) == read_midi(path)


def test_hostile_files_are_refused_in_one_line(page, tmp_path):
    good = tmp_path / "good.mid"
    write_midi(some_groove(1), good)
    data = good.read_bytes()
    header, track = data[:14], b"MTrk\x00\x00\x00"
    endless = header + track + b"\x20" + b"\xff" * 32
    attacks = {
        "empty": b"",
        "text": b"<script>alert(1)</script>",
        "cut": data[:40],
        "header": header,
        "endless": endless,
        "film": data[:12] + b"\xe7\x28" + data[14:],
        "zero": data[:12] + b"\x00\x00" + data[14:],
        "late": header
        + b"MTrk\x00\x00\x00\x0b\xff\xff\xff\x7f\x99\x24\x40\x00\xff\x2f\x00",
    }
    before = page.locator(".cell.on").count()
    for name, attack in attacks.items():
        path = tmp_path / f"{name}.mid"
        path.write_bytes(attack)
        page.set_input_files("#open", path)
        wait_until(page, lambda name=name: status(page).startswith(f"{name}.mid: "))
        assert len(status(page)) < 120
    assert page.locator(".cell.on").count() == before
    random = np.random.default_rng(0)
    code = f"""async (argument) => {{
      try {{
        await ({READ})(argument);
      }} catch (error) {{
        return error.constructor.name;
      }}
    }}"""
    for _ in range(60):
        damaged = bytearray(data)
        for place in random.integers(len(damaged), size=4):
            damaged[place] = random.integers(256)
        argument = {"bytes": list(damaged), "options": {}}
        assert page.evaluate(code, argument) in (None, "MidiError")


def test_the_saved_sound_loops_and_is_neither_silent_nor_clipped(page, model):
    generate(page, 5)
    with wave.open(io.BytesIO(saved(page, "#save-wav"))) as file:
        assert (file.getnchannels(), file.getframerate()) == (2, 44100)
        frames = file.readframes(file.getnframes())
        seconds = file.getnframes() / file.getframerate()
    samples = np.frombuffer(frames, "<i2").reshape(-1, 2) / 32767
    assert seconds == pytest.approx(8 * 60 / 110, abs=1e-3)
    assert 0.1 < np.abs(samples).max() <= CEILING + 1e-4
    # Every beat of the groove sounds like the package's own kit plays it.
    own = model.sample(1, seed=5, tempo=110.0)[0].to_audio(wrap=True)

    def loudness(sound):
        parts = np.array_split(sound.mean(axis=1), 32)
        return np.array([np.sqrt(np.mean(part**2)) for part in parts])

    assert np.corrcoef(loudness(samples), loudness(own))[0, 1] > 0.9


def test_the_picture_is_a_png(page):
    assert saved(page, "#save-png").startswith(b"\x89PNG\r\n\x1a\n")


def sides(page) -> list[bytes]:
    """The grooves of A and B, as saved."""
    files = []
    for slot in (0, 1):
        page.check(f"#slots input[value='{slot}']")
        files.append(saved(page, "#save-mid"))
    return files


def test_link_and_reload_bring_the_state_back(page, new_page, server):
    generate(page, 12)
    page.check("#slots input[value='1']")  # silent, and stays so
    page.select_option("#conditions select", "jazz")
    page.fill("#tempo", "87")
    page.click("button[title='Lock Snare']")
    expected = sides(page)
    page.click("#share")
    wait_until(page, lambda: "#" in page.url)
    other = new_page(page.url)
    page.goto("about:blank")
    page.goto(server.address)
    page.wait_for_selector("body[data-ready]")
    for same in (other, page):
        assert same.is_checked("#slots input[value='1']")
        assert sides(same) == expected
        assert same.input_value("#tempo") == "87"
        assert same.input_value("#conditions select") == "jazz"
        lock = same.locator("button[title='Lock Snare']")
        assert lock.get_attribute("aria-pressed") == "true"


def test_a_damaged_link_opens_the_page_as_new(new_page, server):
    page = new_page(f"{server.address}#bm90IGpzb24")
    assert page.locator(".cell.on").count() > 0
