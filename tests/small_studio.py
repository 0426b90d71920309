"""A small model of the kind that the page and the graphs run, with random weights."""

import keras
import numpy as np

from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.models.music_vae import MusicVAE

CONDITIONS = {
    "style": ["funk", "jazz", "rock"],
    "fill": True,
    "tempo": {"mean": 110.0, "stddev": 30.0},
    "density": np.linspace(2, 60, 33).tolist(),
    "loudness": np.linspace(0.1, 0.9, 33).tolist(),
    "swing": np.linspace(-0.5, 0.5, 33).tolist(),
    "repetition": np.linspace(0.0, 1.0, 33).tolist(),
    "phrase": ["1", "2"],
}
# Logits of hits: kick, snare and closed hi-hat often, the others seldom.
HIT_BIASES = (-1.0, -1.5, 0.0, -2.0, -3.0, -3.0, -3.0, -3.0, -2.0)


def small_model(**changes) -> MusicVAE:
    """Two bars, all that the page knows: conditions, flow, lookback, temperatures."""
    conditions = changes.pop("conditions", CONDITIONS)
    arguments = {
        "encoder_units": (12,),
        "hierarchical_encoder": True,
        "latent_dim": 6,
        "prior_units": 16,
        "conductor_units": None,
        "decoder_units": (24,),
        "lookback": 1,
        "heads": "chained",
        "hit_threshold": 0.4,
        "hit_temperature": 0.9,
        "velocity_temperature": 0.8,
        "timing_temperature": 0.7,
    }
    model = MusicVAE(
        preprocessor=GrooveConverter(num_bars=2, conditions=conditions),
        **{**arguments, **changes},
    )
    random = np.random.default_rng(20190513)
    for weight in model.weights:
        if weight.dtype == "float32":
            scale = 1.5 / np.sqrt(weight.shape[0])
            weight.assign(random.normal(0, scale, weight.shape).astype("float32"))
    output = model.decoder.output_projection
    kernel, bias = (keras.ops.convert_to_numpy(part).copy() for part in output.weights)
    bias[: len(HIT_BIASES)] = HIT_BIASES
    output.set_weights([kernel, bias])
    return model
