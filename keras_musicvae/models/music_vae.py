"""MusicVAE: the whole model, from a groove to its latent and back.

Read it from the top: `call` is the way of a batch through the model in training,
`compute_loss` what it is trained for, `free_running` how it decodes on its own.
"""

from dataclasses import asdict
from typing import Any

import keras
from keras import ops

from keras_musicvae.errors import ConfigError
from keras_musicvae.grooves.converter import GrooveConverter
from keras_musicvae.grooves.frames import NUM_FEATURES
from keras_musicvae.models.conductor import ConductorDecoder
from keras_musicvae.models.config import configure, documented, to_json
from keras_musicvae.models.decoder import NoteDecoder
from keras_musicvae.models.encoder import (
    BidirectionalEncoder,
    HierarchicalEncoder,
    bar_lengths,
)
from keras_musicvae.models.groove_model import GrooveModel
from keras_musicvae.models.heads import make_heads
from keras_musicvae.models.initial_weights import assign_initial_weights, zeros
from keras_musicvae.models.latent import GaussianLatent, kl_divergence
from keras_musicvae.models.losses import (
    NATS_PER_BIT,
    active_units,
    kl_cost,
    reconstruction_losses,
)
from keras_musicvae.models.preset_model import PresetModel
from keras_musicvae.models.prior import ParzenPrior
from keras_musicvae.models.random import Dropout, TrainingNoise
from keras_musicvae.models.schedules import beta_at
from keras_musicvae.models.verbs import MusicVerbs

# Draws of random numbers in a training step; the modules take ranges of them.
_SITE_LATENT, _SITE_ENCODER, _SITE_NOTES, _SITE_CONDUCTOR = 0, 100, 200, 1000


@documented
@keras.saving.register_keras_serializable(package="keras_musicvae")
class MusicVAE(MusicVerbs, PresetModel, GrooveModel):
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
        name, dtype, trainable: As in `keras.Model`.

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
        architecture, objective = configure(arguments)
        super().__init__(name=name, dtype=dtype, trainable=trainable)
        self.architecture = architecture
        self.objective = objective
        for key, value in {**asdict(architecture), **asdict(objective)}.items():
            if key != "heads":
                setattr(self, key, value)
        self.heads = make_heads(architecture.heads, architecture.hit_threshold)
        if preprocessor == "default":
            preprocessor = GrooveConverter.fitting(self.num_bars, self.steps_per_bar)
        if not isinstance(preprocessor, GrooveConverter | None):
            raise ConfigError(
                "`preprocessor` must be a GrooveConverter, or None for arrays. "
                f"Received: preprocessor={preprocessor!r}"
            )
        self.preprocessor = preprocessor
        # Drives annealing and noise. A weight, so that it is saved with the others and
        # a loaded model resumes where it was.
        self.step = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="step"
        )
        self.noise = TrainingNoise(self.seed, self.step)
        self._compiled_player = None
        self.encoder = self._make_encoder()
        self.latent = GaussianLatent(
            self.latent_dim, dtype=self.dtype_policy, name="latent"
        )
        self.prior = ParzenPrior(self.prior_components, self.latent_dim, name="prior")
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
        shape = (None, self.num_steps, self.frame_dim)
        heard = self.frame_dim + self.control_dim
        self.encoder.build((None, self.num_steps, heard))
        skipped = self.num_steps * heard if self.encoder_skip else 0
        self.latent.build((None, self.encoder.output_dim + skipped))
        self.prior.build((None, self.latent_dim))
        if self.plan is not None:
            self.plan.build((None, self.latent_dim))
        self.decoder.build(shape, self.latent_dim, self.control_dim + self.plan_dim)
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

    # --- The way of a batch ---------------------------------------------------

    def call(self, x: Any, training: bool = False) -> dict[str, Any]:
        """Encodes grooves and reconstructs them with teacher forcing.

        Args:
            x: Grooves (batch, num_steps, frame_dim), or a dictionary with `grooves`
                and, where they apply, `inputs` (what the encoder reads instead of
                `grooves`, of the same shape: a tapped or quantised version),
                `controls` (batch, num_steps, control_dim), `lengths` (batch,) or
                (batch, num_bars) valid steps, `noise` (batch, latent_dim) standard
                normal, which replaces the model's own.
            training: In training z is drawn from the posterior and dropout is on;
                otherwise z is the posterior's mean.

        Returns:
            `outputs` (batch, num_steps, output_dim), `z_mean` and `z_stddev`
            (batch, latent_dim).
        """
        batch = self._as_batch(x)
        grooves, controls = batch["grooves"], batch.get("controls")
        z_mean, z_stddev = self.posterior(
            batch.get("inputs", grooves), controls, batch.get("lengths"), training
        )
        z = z_mean
        if training or "noise" in batch:
            epsilon = batch.get("noise")
            if epsilon is None:
                epsilon = self.noise.normal(ops.shape(z_mean), _SITE_LATENT)
            # In mixed precision Keras has cast it; the latent is float32.
            z = z_mean + z_stddev * ops.cast(epsilon, z_mean.dtype)
        outputs = self.teacher_forced(z, grooves, controls, training)
        return {"outputs": outputs, "z_mean": z_mean, "z_stddev": z_stddev}

    def posterior(
        self,
        inputs: Any,
        controls: Any = None,
        lengths: Any = None,
        training: bool = False,
    ) -> tuple[Any, Any]:
        """q(z | inputs): z_mean and z_stddev, each (batch, latent_dim), as tensors."""
        if controls is not None:
            inputs = ops.concatenate([inputs, controls], axis=-1)
        summary = self.encoder(inputs, lengths, training=training)
        if self.encoder_skip:
            if lengths is not None:
                inputs = inputs * self.valid_steps({"lengths": lengths})[..., None]
            flat = ops.reshape(inputs, (-1, self.num_steps * inputs.shape[-1]))
            summary = ops.concatenate([summary, ops.cast(flat, summary.dtype)], axis=-1)
        return self.latent(summary)

    def teacher_forced(
        self, z: Any, grooves: Any, controls: Any = None, training: bool = False
    ) -> Any:
        """The decoder's outputs where each step reads the true frame before it."""
        outputs, _ = self.decoder(
            _shift(grooves), z, self._with_plan(z, controls), training=training
        )
        return ops.cast(outputs, "float32")

    def free_running(
        self, z: Any, noise: Any, temperature: Any, controls: Any = None
    ) -> Any:
        """Decodes latents, each step reading the frame drawn before it.

        Args:
            z: (batch, latent_dim).
            noise: (batch, num_steps, heads.noise_dim), uniform in (0, 1).
            temperature: Scalar; 0 is deterministic.
            controls: (batch, num_steps, control_dim), if the model has controls.

        Returns:
            Grooves (batch, num_steps, frame_dim), as a tensor.
        """
        first = ops.zeros((ops.shape(z)[0], self.frame_dim), dtype="float32")
        thresholds = self.heads.noise_thresholds(noise, temperature)
        grooves, _ = self.decoder.free_running(
            self.heads, z, first, thresholds, self._with_plan(z, controls)
        )
        return grooves

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
        batch = self._as_batch(x)
        step = ops.convert_to_tensor(self.step)
        terms = reconstruction_losses(
            self.heads, y_pred["outputs"], batch["grooves"], self.valid_steps(batch)
        )
        reconstruction = terms["hits"] + terms["velocities"] + terms["offsets"]
        kl = kl_divergence(y_pred["z_mean"], y_pred["z_stddev"])
        beta = beta_at(step, self.beta, self.beta_rate)
        cost = reconstruction + beta * kl_cost(kl, self.free_bits)
        if sample_weight is not None:
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
        widths = {"grooves": self.frame_dim, "controls": self.control_dim}
        shapes = {
            name: keras.InputSpec(dtype="float32", shape=(None, self.num_steps, width))
            for name, width in widths.items()
            if width
        }
        return [shapes if self.control_dim else shapes["grooves"]]

    def _with_plan(self, z: Any, controls: Any) -> Any:
        """What the decoder reads at each step: controls, and the plan that z makes."""
        if self.plan is None:
            return controls
        plan = ops.reshape(self.plan(z), (-1, self.num_steps, self.plan_dim))
        if controls is None:
            return plan
        return ops.concatenate([ops.cast(controls, plan.dtype), plan], axis=-1)

    def _as_batch(self, x: Any) -> dict[str, Any]:
        return x if isinstance(x, dict) else {"grooves": x}

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


def _shift(frames: Any) -> Any:
    """The frame before each step; zeros before the first."""
    return ops.pad(frames[:, :-1], ((0, 0), (1, 0), (0, 0)))
