"""The model on the page: the same seed and settings give the notes of Python."""

import numpy as np
from page_tools import running

from keras_musicvae.export.web import web_files
from keras_musicvae.export.weights import named_weights
from keras_musicvae.grooves.drum_maps import NUM_DRUMS
from keras_musicvae.grooves.frames import groove_to_frames
from keras_musicvae.studio.server import StudioServer

LOAD = """
  const { MusicVAE } = await import("./model/music_vae.js");
  const { readWeights } = await import("./model/weights.js");
  const { fetchUnpacked } = await import("./model/client.js");
  const config = await (await fetch("model.json")).json();
  const weights = readWeights(await fetchUnpacked("weights.bin"), config.weights);
  const model = new MusicVAE(config, weights);
"""


def on_page(page, code: str, argument):
    """Runs JavaScript that gives frames, with `model` and `argument` at hand."""
    body = f"async (argument) => {{ {LOAD} {code} }}"
    return np.array(page.evaluate(body, argument), np.float32)


def frames_of(grooves):
    return np.array([groove_to_frames(groove).ravel() for groove in grooves])


def assert_same_notes(made, expected):
    made = made.reshape(len(expected), -1, 27)
    expected = expected.reshape(made.shape)
    hits = slice(0, NUM_DRUMS)
    np.testing.assert_array_equal(made[..., hits], expected[..., hits])
    np.testing.assert_allclose(made, expected, atol=2e-3)


def test_random_numbers_are_those_of_numpy(page):
    seeds = [0, 1, 2, 7, 1000, 2**31, 2**32 - 1, *range(100, 200)]
    code = """async (seeds) => {
      const { Stream } = await import("./model/random.js");
      const doubles = (stream) => Array.from({ length: 30 }, () => stream.random());
      return seeds.map((seed) => [
        [...new Stream(seed, 0).normal(3000)],
        [...new Stream(seed, 1).uniform(300)],
        doubles(new Stream(seed, 4)),
      ]);
    }"""
    for seed, (normal, uniform, doubles) in zip(
        seeds, page.evaluate(code, seeds), strict=True
    ):
        stream = np.random.default_rng([seed, 0])
        expected = stream.standard_normal(3000, np.float32)
        # Beyond the last layer of the ziggurat logarithms may differ by a rounding.
        np.testing.assert_allclose(np.float32(normal), expected, rtol=2e-7, atol=0)
        bits = np.random.default_rng([seed, 1]).integers(0, 1 << 23, 300, np.uint32)
        assert uniform == ((bits + 0.5) / 2**23).tolist()
        assert doubles == np.random.default_rng([seed, 4]).random(30).tolist()


def test_samples_are_those_of_python(page, model):
    random = np.random.default_rng(5)
    settings = []
    for seed in range(100):
        wishes = {}
        for name in ("density", "loudness", "swing", "repetition"):
            if random.random() < 0.3:
                wishes[name] = round(float(random.random()), 2)
        if random.random() < 0.5:
            wishes |= {"style": "jazz", "fill": bool(seed % 3)}
        temperature = (0.0, 0.5, 1.0, 1.3)[seed % 4]
        tempo = float(random.integers(60, 200))
        playing = {"seed": seed, "temperature": temperature, "tempo": tempo}
        settings.append([playing, wishes])
    code = """return argument.flatMap(([playing, wishes]) =>
      model.sample(playing, wishes).map((frames) => [...frames]));"""
    expected = [model.sample(1, **playing, **wishes)[0] for playing, wishes in settings]
    assert sum(groove.num_hits for groove in expected) > 1000
    assert_same_notes(on_page(page, code, settings), frames_of(expected))


def test_several_samples_at_once(page, model):
    playing = {"seed": 3, "temperature": 1.0, "tempo": 100.0}
    code = (
        "return model.sample({ ...argument, count: 4 }).map((frames) => [...frames]);"
    )
    assert_same_notes(
        on_page(page, code, playing), frames_of(model.sample(4, **playing))
    )


def test_verbs_on_music_are_those_of_python(page, model):
    tempo = 96.0
    music = model.sample(4, seed=11, tempo=tempo)
    playing = {"seed": 8, "temperature": 0.8, "tempo": tempo}
    options = {name: playing[name] for name in ("seed", "temperature")}
    argument = [frames_of(music).tolist(), playing]
    code = """
      const [grooves, playing] = argument;
      const music = grooves.map((frames) => Float32Array.from(frames));
      const corners = model.corners(music, playing);
      const made = [
        ...model.reconstruct(music[0], playing),
        ...model.similar(music[1], 0.7, { ...playing, count: 2 }),
      ];
      for (const y of [0, 0.5, 1]) {
        for (const x of [0, 0.5, 1]) {
          made.push(...model.between(corners, x, y, playing));
        }
      }
      return made.map((frames) => [...frames]);"""
    expected = [
        *model.reconstruct(music[0], **options),
        *model.similar(music[1], 2, 0.7, **options),
        *model.interpolate(list(music), (3, 3), **options),
    ]
    assert_same_notes(on_page(page, code, argument), frames_of(expected))


def test_similarity_1_is_the_music_itself(page, model):
    music = model.sample(1, seed=2, tempo=120.0)
    code = """
      const music = Float32Array.from(argument);
      const playing = { seed: 4, temperature: 1, tempo: 120 };
      return model.similar(music, 1, playing).map((frames) => [...frames]);"""
    made = on_page(page, code, frames_of(music)[0].tolist())
    assert_same_notes(made, frames_of(music))


def test_what_is_kept_comes_out_bit_for_bit(page, model):
    frames = frames_of(model.sample(1, seed=6, tempo=120.0))[0]
    mask = np.zeros_like(frames).reshape(-1, 27)
    mask[:16, ::NUM_DRUMS] = 1  # the kick of the first bar
    mask[20:, 1::NUM_DRUMS] = 1  # the snare from there on
    argument = [frames.tolist(), mask.ravel().tolist()]
    code = """
      const [values, mask] = argument.map((numbers) => Float32Array.from(numbers));
      const playing = { seed: 9, temperature: 1.2, tempo: 120, kept: { values, mask } };
      return model.similar(values, 0, playing).map((frames) => [...frames]);"""
    made = on_page(page, code, argument)[0]
    kept = mask.ravel() == 1
    np.testing.assert_array_equal(made[kept], frames[kept])
    assert (made[~kept] != frames[~kept]).any()


def test_weights_in_half_precision_are_read(model, new_page):
    server = StudioServer(web_files(model))
    with running(server):
        page = new_page(server.address)
        name = "decoder.lstm.0.kernel"
        code = "return [...weights.decoder.lstm[0].kernel.data];"
        read = on_page(page, code, None)
    expected = named_weights(model)[name].astype(np.float16).astype(np.float32)
    np.testing.assert_array_equal(read, expected.ravel())
