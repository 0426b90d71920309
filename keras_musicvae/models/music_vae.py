"""MusicVAE: the whole model, from a groove to its latent and back.

Read it from the top: `call` is the way of a batch through the model in training,
`compute_loss` what it is trained for, `free_running` how it decodes on its own.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.drum_maps import NUM_DRUMS
from keras_musicvae.grooves.examples import Examples
from keras_musicvae.grooves.frames import NUM_FEATURES
from keras_musicvae.models.batch import (
    as_floats,
    check_batch,
    check_weights,
    needed_shapes,
)
from keras_musicvae.models.conductor import ConductorDecoder
from keras_musicvae.models.config import Architecture, configure, documented, to_json
from keras_musicvae.models.decoder import (
    NoteDecoder,
    frames_before,
    lookback_lags,
)
from keras_musicvae.models.encoder import (
    BidirectionalEncoder,
    HierarchicalEncoder,
    bar_lengths,
)
from keras_musicvae.models.groove_model import GrooveModel
from keras_musicvae.models.heads import make_heads
from keras_musicvae.models.initial_weights import assign_initial_weights, zeros
from keras_musicvae.models.known import KNOWN_PATHS
from keras_musicvae.models.latent import GaussianLatent, kl_divergence
from keras_musicvae.models.losses import (
    NATS_PER_BIT,
    active_units,
    kl_cost,
    reconstruction_losses,
)
from keras_musicvae.models.preset_model import PresetModel
from keras_musicvae.models.prior import FlowPrior
from keras_musicvae.models.random import Dropout, TrainingNoise
from keras_musicvae.models.schedules import beta_at
from keras_musicvae.models.wishes import Wishes

# A logit that no hit or rest is as certain as.
_BEYOND_EVERY_LOGIT = 1e9
# Draws of random numbers in a training step; the modules take ranges of them.
_SITE_LATENT, _SITE_ENCODER, _SITE_NOTES, _SITE_CONDUCTOR = 0, 100, 200, 1000


@documented
@keras.saving.register_keras_serializable(package="keras_musicvae")
class MusicVAE(Wishes, PresetModel, GrooveModel):
    """Hierarchical variational autoencoder of expressive drum grooves.

    A groove is an array (steps, 27): hits | velocities | offsets. The
    encoder reads it whole; the latent is Gaussian; a conductor unfolds z into one
    embedding per bar, and the note decoder plays each bar from its embedding. Without
    a conductor the decoder is flat: z seeds all the steps. Sources: Roberts et al.
    2018 (arXiv 1803.05428), Gillick et al. 2019 (arXiv 1905.06118).

    The defaults are the original's `groovae_4bar`, with the paper's conductor.

    Args:
        **arguments: The fields of `Architecture` and `Objective` in `config.py`, by
            name; they are listed below.
        preprocessor: A `GrooveConverter`: the model takes and gives music. Defaults to
            one that fits `num_bars` and `steps_per_bar`. None: the model takes and
            gives arrays.
        name: As in `keras.Model`.
        dtype: As in `keras.Model`.
        trainable: As in `keras.Model`.

    Raises:
        ConfigError: An argument is impossible or outside its limits.

    Example:
        >>> import numpy as np
        >>> from keras_musicvae import MusicVAE
        >>> model = MusicVAE(
        ...     num_bars=2, encoder_units=(8,), latent_dim=4,
        ...     conductor_units=(8,), decoder_units=(8,),
        ... )
        >>> model.compile()
        >>> grooves = np.zeros((4, 32, 27), "float32")
        >>> history = model.fit(grooves, verbose=0)
        >>> len(model.sample(3))
        3
    """

    def __init__(
        self,
        *,
        preprocessor: GrooveConverter | str | None = "default",
        name: str | None = None,
        dtype: Any = None,
        trainable: bool = True,
        **arguments: Any,
    ) -> None:
        if isinstance(preprocessor, GrooveConverter):
            arguments = {**_fitting(preprocessor), **arguments}
        architecture, objective = configure(arguments)
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        self.architecture = architecture
        self.objective = objective
        for key, value in {**asdict(architecture), **asdict(objective)}.items():
            if key not in ("heads", "known"):
                setattr(self, key, value)
        self.heads = make_heads(
            architecture.heads,
            hit_threshold=architecture.hit_threshold,
            hit_temperature=architecture.hit_temperature,
            velocity_temperature=architecture.velocity_temperature,
            timing_temperature=architecture.timing_temperature,
        )
        self.lags = lookback_lags(architecture.bars_back, self.steps_per_bar)
        self.known_path = KNOWN_PATHS[architecture.known]
        if preprocessor == "default":
            preprocessor = GrooveConverter.fitting(self.num_bars, self.steps_per_bar)
        self.preprocessor = preprocessor
        # Drives annealing and noise. A weight, so that it is saved with the others and
        # a loaded model resumes where it was.
        self.step = self.add_weight(
            shape=(),
            dtype="int32",
            initializer="zeros",
            trainable=False,
            aggregation="only_first_replica",
            name="step",
        )
        self.noise = TrainingNoise(self.seed, self.step)
        self.encoder = self._make_encoder()
        self.latent = GaussianLatent(
            self.latent_dim, dtype=self.dtype_policy, name="latent"
        )
        self.prior = FlowPrior(
            self.prior_units, self.latent_dim, self.condition_dim, name="prior"
        )
        self.plan = self._make_plan()
        self.decoder = self._make_decoder()
        self._make_trackers()
        self.build()

    # --- Layers ---------------------------------------------------------------

    def _make_encoder(self) -> keras.layers.Layer:
        dropout = self._dropout(_SITE_ENCODER)
        shared: dict[str, Any] = {"dtype": self.dtype_policy, "name": "encoder"}
        if self.hierarchical_encoder:
            return HierarchicalEncoder(
                self.num_bars,
                self.steps_per_bar,
                self.encoder_units,
                dropout,
                **shared,
            )
        return BidirectionalEncoder(self.encoder_units, dropout, **shared)

    def _make_plan(self) -> keras.layers.Layer | None:
        if not self.plan_dim:
            return None
        return keras.layers.Dense(
            self.num_steps * self.plan_dim,
            kernel_initializer=zeros,
            dtype=self.dtype_policy,
            name="plan",
        )

    def _make_decoder(self) -> keras.layers.Layer:
        notes = NoteDecoder(
            self.decoder_units,
            self.heads.output_dim,
            self.lags,
            self._dropout(_SITE_NOTES),
            dtype=self.dtype_policy,
            name="note_decoder",
        )
        if self.conductor_units is None:
            return notes
        return ConductorDecoder(
            self.num_bars,
            self.conductor_units,
            notes,
            self._dropout(_SITE_CONDUCTOR),
            autoregressive=self.conductor_autoregressive,
            dtype=self.dtype_policy,
            name="conductor_decoder",
        )

    def _dropout(self, site: int) -> Dropout:
        return Dropout(self.noise, self.dropout, site)

    def build(self, input_shape: Any = None) -> None:
        """Creates the weights; the constructor has called it."""
        if getattr(self, "built", False):
            return
        inputs = self.known_path.encoder_dim
        self.encoder.build((None, self.num_steps, inputs))
        skipped = self.num_steps * inputs if self.encoder_skip else 0
        summary = self.encoder.output_dim + skipped + self.condition_dim
        self.latent.build((None, summary))
        self.prior.build((None, self.latent_dim))
        # The decoder reads the condition beside z.
        z = self.latent_dim + self.condition_dim
        if self.plan is not None:
            self.plan.build((None, z))
        place = self.steps_per_bar + self.num_bars if self.architecture.bars_back else 0
        step_inputs = self.known_path.decoder + self.plan_dim + place
        read = len(self.lags) * self.frame_dim
        self.decoder.build((None, self.num_steps, read), z, step_inputs)
        if isinstance(self.heads, keras.layers.Layer):
            self.heads.build()
        self.built = True
        assign_initial_weights(self, self.seed)

    @property
    def num_steps(self) -> int:
        """Steps of a groove."""
        return self.num_bars * self.steps_per_bar

    @property
    def frame_dim(self) -> int:
        """Width of a frame: hits, velocities and offsets of the drums."""
        return NUM_FEATURES

    # --- The preprocessor -----------------------------------------------------

    @property
    def preprocessor(self) -> GrooveConverter | None:
        """Between music and arrays; None: the model takes and gives arrays.

        Raises:
            ConfigError: It is set to a converter that is not for this model.
        """
        return self._preprocessor

    @preprocessor.setter
    def preprocessor(self, preprocessor: Any) -> None:
        if not isinstance(preprocessor, GrooveConverter | None):
            raise ConfigError(
                "`preprocessor` must be a GrooveConverter, or None for arrays. "
                f"Received: preprocessor={preprocessor!r}"
            )
        if preprocessor is not None:
            _check_fit(preprocessor, self.architecture)
        self._preprocessor = preprocessor
        self._inference = None

    def to_batch(self, examples: Examples, **options: Any) -> dict[str, Any]:
        """The batch of some windows, for `fit`, `evaluate` and `predict`.

        Args:
            examples: Windows of performances.
            **options: As in `GrooveConverter.to_batch`.

        Raises:
            ConfigError: The model reads a known part or conditions, and has no
                preprocessor that makes them.
        """
        if self.preprocessor is not None:
            return self.preprocessor.to_batch(examples, **options)
        if self.known_path.is_read or self.condition_dim:
            raise ConfigError(
                "This model reads `known` or `condition`, which its preprocessor "
                "makes; it has none. Set `model.preprocessor`, or make the batch "
                "yourself."
            )
        return {"grooves": examples.grooves}

    # --- A batch in training --------------------------------------------------

    def call(self, x: Any, training: bool = False) -> dict[str, Any]:
        """Encodes grooves and reconstructs them with teacher forcing.

        Args:
            x: Grooves (batch, num_steps, 27), or a batch as in `batch.check_batch`.
            training: In training z is drawn from the posterior and dropout is on;
                otherwise z is the posterior's mean.

        Returns:
            `outputs` (batch, num_steps, output_dim), `z_mean` and `z_stddev`
            (batch, latent_dim).

        Raises:
            GrooveError: The batch is not one of this model.
        """
        batch = as_floats(check_batch(x, self.architecture), self.compute_dtype)
        z_mean, z_stddev = self.posterior(batch, training)
        z = z_mean
        if training or "noise" in batch:
            epsilon = batch.get("noise")
            if epsilon is None:
                epsilon = self.noise.normal(ops.shape(z_mean), _SITE_LATENT)
            z = z_mean + z_stddev * epsilon
        outputs = self.teacher_forced(z, batch, training)
        return {"outputs": outputs, "z_mean": z_mean, "z_stddev": z_stddev}

    def posterior(
        self, batch: Mapping[str, Any], training: bool = False
    ) -> tuple[Any, Any]:
        """q(z | grooves, known, condition) of a batch of tensors.

        Args:
            batch: `grooves` and, where the model reads them, `known` and `condition`;
                `lengths` if not all steps count.
            training: Whether dropout is on.

        Returns:
            z_mean and z_stddev, each (batch, latent_dim) float32.
        """
        path, lengths = self.known_path, batch.get("lengths")
        parts = [batch["grooves"]] if path.reads_grooves else []
        if path.encoder:
            parts.append(batch["known"][..., : path.encoder])
        inputs = ops.concatenate(parts, axis=-1) if len(parts) > 1 else parts[0]
        summary = self.encoder(inputs, lengths, training=training)
        summaries = [summary]
        if self.encoder_skip:
            if lengths is not None:
                valid = self.valid_steps({"lengths": lengths})[..., None]
                inputs = inputs * ops.cast(valid, inputs.dtype)
            summaries.append(ops.reshape(inputs, (-1, np.prod(inputs.shape[1:]))))
        if self.condition_dim:
            summaries.append(batch["condition"])
        if len(summaries) > 1:
            summaries = [ops.cast(part, summary.dtype) for part in summaries]
            summary = ops.concatenate(summaries, axis=-1)
        return self.latent(summary)

    def teacher_forced(
        self, z: Any, batch: Mapping[str, Any], training: bool = False
    ) -> Any:
        """The decoder's outputs where each step reads the true frame before it."""
        z, step_inputs = self._decoder_inputs(z, batch)
        frames = frames_before(batch["grooves"], self.lags)
        outputs, _ = self.decoder(frames, z, step_inputs, training=training)
        return ops.cast(outputs, "float32")

    def free_running(
        self,
        z: Any,
        noise: Any,
        temperature: Any,
        given: Mapping[str, Any] | None = None,
        kept: Any = None,
    ) -> Any:
        """Decodes latents, each step reading the frame drawn before it.

        Args:
            z: (batch, latent_dim).
            noise: (batch, num_steps, heads.noise_dim), uniform in (0, 1).
            temperature: Scalar; 0 is deterministic.
            given: `known` and `condition`, where the model reads them.
            kept: (batch, num_steps, 54), values and mask, what is in the result bit
                for bit; None: nothing.

        Returns:
            Grooves (batch, num_steps, 27), as a tensor.
        """
        thresholds = self.heads.noise_thresholds(noise, temperature)
        if kept is not None:
            thresholds = _forcing_hits(thresholds, kept)
        history = (ops.shape(z)[0], max(self.lags), self.frame_dim)
        z, step_inputs = self._decoder_inputs(z, given or {})
        grooves, _, _ = self.decoder.free_running(
            self.heads,
            z,
            ops.zeros(history, dtype="float32"),
            thresholds,
            step_inputs,
            kept,
        )
        return grooves

    def noise_behind(
        self,
        z: Any,
        chance: Any,
        temperature: Any,
        batch: Mapping[str, Any],
    ) -> Any:
        """The noise from which `free_running` would make given grooves.

        Args:
            z: (batch, latent_dim).
            chance: (batch, num_steps, heads.noise_dim), uniform in (0, 1), where the
                grooves leave it open.
            temperature: Scalar above 0.
            batch: `grooves`, and `known` and `condition` where the model reads them.

        Returns:
            (batch, num_steps, heads.noise_dim).
        """
        outputs = self.teacher_forced(z, batch)
        grooves = ops.cast(batch["grooves"], "float32")
        return self.heads.noise_behind(outputs, grooves, chance, temperature)

    def _decoder_inputs(self, z: Any, given: Mapping[str, Any]) -> tuple[Any, Any]:
        """Z with the condition beside it, and what is read at each step."""
        dtype = self.compute_dtype
        if self.condition_dim:
            condition = ops.cast(given["condition"], z.dtype)
            z = ops.concatenate([z, condition], axis=-1)
        parts = []
        if self.known_path.decoder:
            known = given["known"][..., : self.known_path.decoder]
            parts.append(ops.cast(known, dtype))
        if self.plan is not None:
            shape = (-1, self.num_steps, self.plan_dim)
            parts.append(ops.reshape(self.plan(z), shape))
        if self.architecture.bars_back:
            places = ops.convert_to_tensor(_places(self.num_bars, self.steps_per_bar))
            shape = (ops.shape(z)[0], *places.shape)
            parts.append(ops.broadcast_to(ops.cast(places, dtype), shape))
        if len(parts) < 2:
            return z, parts[0] if parts else None
        return z, ops.concatenate(parts, axis=-1)

    # --- Objective ------------------------------------------------------------

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """mean(reconstruction) + beta * mean(max(KL - free bits, 0)), a scalar.

        The trackers of the progress bar are updated on the way, and the step counter
        advances if `training`. `y` is not used: the target is in `x`.
        """
        batch = as_floats(check_batch(x, self.architecture), "float32")
        step = ops.convert_to_tensor(self.step)
        terms = reconstruction_losses(
            self.heads, y_pred["outputs"], batch["grooves"], self.valid_steps(batch)
        )
        reconstruction = terms["hits"] + terms["velocities"] + terms["offsets"]
        kl = kl_divergence(y_pred["z_mean"], y_pred["z_stddev"])
        beta = beta_at(step, self.beta, self.beta_rate)
        cost = reconstruction + beta * kl_cost(kl, self.free_bits)
        if sample_weight is not None:
            check_weights(sample_weight)
            cost = cost * ops.cast(sample_weight, cost.dtype)
        self.reconstruction_tracker.update_state(reconstruction)
        for name, tracker in self.term_trackers.items():
            tracker.update_state(terms[name])
        self.kl_bits_tracker.update_state(kl / NATS_PER_BIT)
        self.active_units_tracker.update_state(active_units(y_pred["z_mean"]))
        self.beta_tracker.update_state(beta)
        if training:
            self.step.assign(self.step + 1)
        return ops.mean(cost)

    def _make_trackers(self) -> None:
        mean = keras.metrics.Mean
        self.reconstruction_tracker = mean(name="reconstruction")
        self.term_trackers = {
            name: mean(name=name) for name in ("hits", "velocities", "offsets")
        }
        self.kl_bits_tracker = mean(name="kl_bits")
        self.active_units_tracker = mean(name="active_units")
        self.beta_tracker = mean(name="beta")
        self.gradient_norm_tracker = mean(name="gradient_norm")
        self.skipped_steps_tracker = keras.metrics.Sum(name="skipped_steps")

    # --- Helpers --------------------------------------------------------------

    def _input_signature(self) -> list[Any]:
        shapes = {
            name: keras.InputSpec(dtype="float32", shape=(None, *shape))
            for name, shape in needed_shapes(self.architecture).items()
        }
        return [shapes if len(shapes) > 1 else shapes["grooves"]]

    def valid_steps(self, batch: dict[str, Any]) -> Any:
        """(batch, num_steps), 1 where a step counts; None if all do."""
        lengths = batch.get("lengths")
        if lengths is None:
            return None
        lengths = bar_lengths(lengths, self.num_bars, self.steps_per_bar)
        steps = ops.arange(self.steps_per_bar, dtype=lengths.dtype)
        valid = ops.cast(steps < lengths[..., None], "float32")
        return ops.reshape(valid, (-1, self.num_steps))

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON."""
        return {
            **super().get_config(),
            **to_json(self.architecture, self.objective),
            "preprocessor": self.preprocessor and self.preprocessor.get_config(),
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MusicVAE":
        """A new model, with new weights, from `get_config()`."""
        config = dict(config)
        if isinstance(config.get("preprocessor"), dict):
            config["preprocessor"] = GrooveConverter.from_config(config["preprocessor"])
        return cls(**config)


def _places(num_bars: int, steps_per_bar: int) -> Any:
    """Which step of its bar and which bar each step is, (num_steps, steps + bars)."""
    steps = np.tile(np.eye(steps_per_bar, dtype="float32"), (num_bars, 1))
    bars = np.repeat(np.eye(num_bars, dtype="float32"), steps_per_bar, axis=0)
    return np.concatenate([steps, bars], axis=1)


def _fitting(converter: GrooveConverter) -> dict[str, Any]:
    """The arguments of a model for which a converter makes the batches."""
    return {
        "num_bars": converter.num_bars,
        "steps_per_bar": converter.steps_per_bar,
        "known": "everywhere" if converter.task.knows else "nowhere",
        "condition_dim": converter.condition_dim,
    }


def _check_fit(converter: GrooveConverter, architecture: Architecture) -> None:
    fitting = _fitting(converter)
    if KNOWN_PATHS[architecture.known].is_read == converter.task.knows:
        fitting["known"] = architecture.known
    for name, value in fitting.items():
        if getattr(architecture, name) != value:
            raise ConfigError(
                "The preprocessor is for another model. Received: one for "
                f"{name}={value!r}, a model with {getattr(architecture, name)!r}"
            )


def _forcing_hits(thresholds: Any, known: Any) -> Any:
    """Noise thresholds by which hits that are known fall as they are known."""
    hits = ops.cast(known[..., :NUM_DRUMS] > 0.5, "float32")
    mask = ops.cast(known[..., NUM_FEATURES : NUM_FEATURES + NUM_DRUMS], "float32")
    free = thresholds[..., :NUM_DRUMS] * (1.0 - mask)
    forced = free + mask * (1.0 - 2.0 * hits) * _BEYOND_EVERY_LOGIT
    return ops.concatenate([forced, thresholds[..., NUM_DRUMS:]], axis=-1)
