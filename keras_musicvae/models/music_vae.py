"""MusicVAE: the whole model, from a groove to its latent and back.

Read it from the top: `call` is the way of a batch through the model in training,
`compute_loss` what it is trained for, `write` how it plays on its own.
"""

from typing import Any

import keras
from keras import ops

from keras_musicvae.models import noise
from keras_musicvae.models.conductor import ConductorDecoder
from keras_musicvae.models.decoder import NoteDecoder
from keras_musicvae.models.encoder import (
    BidirectionalEncoder,
    HierarchicalEncoder,
    bar_lengths,
)
from keras_musicvae.models.heads import HEADS
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
from keras_musicvae.models.schedules import beta_at, sampling_probability
from keras_musicvae.models.trainer import GrooveTrainer
from keras_musicvae.models.validation import check_base_arguments, check_config
from keras_musicvae.models.verbs import MusicVerbs

# Draws of random numbers in a training step; the modules take ranges of them.
_SITE_LATENT, _SITE_OWN_FRAMES, _SITE_OWN_STEPS, _SITE_HIDDEN_STEPS = 0, 1, 2, 3
_SITE_ENCODER, _SITE_NOTES, _SITE_CONDUCTOR = 100, 200, 1000


@keras.saving.register_keras_serializable(package="keras_musicvae")
class MusicVAE(MusicVerbs, PresetModel, GrooveTrainer):
    """Hierarchical variational autoencoder of expressive drum grooves.

    A groove is an array (steps, 3 * num_drums): hits | velocities | offsets. The
    encoder reads it whole; the latent is Gaussian; a conductor unfolds z into one
    embedding per bar, and the note decoder plays each bar from its embedding. Without
    a conductor the decoder is flat: z seeds all the steps. Sources: Roberts et al.
    2018 (arXiv 1803.05428), Gillick et al. 2019 (arXiv 1905.06118).

    The defaults are the original's `groovae_4bar`, with the paper's conductor.

    Args:
        num_bars: Bars of a groove. Defaults to 4.
        steps_per_bar: Steps of a bar; 16 for 4/4 in sixteenths. Defaults to 16.
        num_drums: Drums of the kit. Defaults to 9.
        encoder_units: Units of each direction of the encoder, one entry per layer.
        hierarchical_encoder: Whether bars are encoded first, then their sequence.
        encoder_skip: Whether the latent also sees the groove itself, not only the
            encoder's summary of it: a linear path beside the LSTMs.
        latent_dim: Dimensions of z. Defaults to 256.
        prior_components: Grooves around which samples are drawn, towards those that
            are like them: their latents are kept after training, see `prior.py`; some
            hundreds or more. 0, the default: samples are drawn from N(0, I).
        conductor_units: Units of the conductor's layers; None for a flat decoder.
        conductor_autoregressive: Whether the conductor hears the bar before.
        decoder_units: Units of the note decoder's layers.
        plan_dim: Numbers that z says of each step, by a linear map, and that the note
            decoder reads there, besides the state that z seeds; 0, the default: none.
        control_dim: Channels of controls that encoder and decoder read at each step;
            0: none.
        heads: How the outputs are read, see `heads/`. Defaults to the original's
            `"squared_error"`; `"histogram"` and `"logistic_mixture"` have distributions
            of velocity and offset.
        hit_threshold: At temperature 0 a hit is played where its probability exceeds
            this. Defaults to the original's 0.5.
        free_bits: Bits of KL per example that cost nothing. Defaults to 48.
        beta: Weight of the KL above the free bits. Defaults to 0.2.
        beta_rate: Annealing, `beta * (1 - beta_rate ** step)`; 0: none.
        dropout: Share of the inputs of every LSTM layer that is dropped in training.
            The original's keep probability of 0.3 is a dropout of 0.7 here.
        dropout_per_sequence: One mask per sequence instead of one per step.
        frame_dropout: Share of the steps at which the decoder does not see the frame
            before in training (word dropout, Bowman et al. 2016, arXiv 1511.06349), so
            that it listens to the latent. Defaults to 0.
        sampling_schedule: Scheduled sampling: `"constant"`, `"exponential"` or
            `"inverse_sigmoid"`.
        sampling_rate: Rate of that schedule; with `"constant"`, 0 is pure teacher
            forcing.
        gradient_clip_norm: Global norm to which gradients are clipped; None: never.
        gradient_skip_norm: Global norm from which a step is skipped; None: never.
        seed: Seed of the initial weights and of all noise in training.
        preprocessor: A `GrooveConverter`, so that the model takes and gives music;
            None: it takes and gives arrays.

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
        >>> float(model.count_params())
        3128.0
    """

    def __init__(
        self,
        num_bars: int = 4,
        steps_per_bar: int = 16,
        num_drums: int = 9,
        *,
        encoder_units: tuple[int, ...] = (512,),
        hierarchical_encoder: bool = False,
        encoder_skip: bool = False,
        latent_dim: int = 256,
        prior_components: int = 0,
        conductor_units: tuple[int, ...] | None = (256, 256),
        conductor_autoregressive: bool = False,
        decoder_units: tuple[int, ...] = (256, 256),
        plan_dim: int = 0,
        control_dim: int = 0,
        heads: str = "squared_error",
        hit_threshold: float = 0.5,
        free_bits: float = 48.0,
        beta: float = 0.2,
        beta_rate: float = 0.0,
        dropout: float = 0.0,
        dropout_per_sequence: bool = False,
        frame_dropout: float = 0.0,
        sampling_schedule: str = "constant",
        sampling_rate: float = 0.0,
        gradient_clip_norm: float | None = 1.0,
        gradient_skip_norm: float | None = 1e4,
        seed: int = 0,
        preprocessor: Any = None,
        **kwargs: Any,
    ) -> None:
        self._config = check_config(
            {
                "num_bars": num_bars,
                "steps_per_bar": steps_per_bar,
                "num_drums": num_drums,
                "encoder_units": encoder_units,
                "hierarchical_encoder": hierarchical_encoder,
                "encoder_skip": encoder_skip,
                "latent_dim": latent_dim,
                "prior_components": prior_components,
                "conductor_units": conductor_units,
                "conductor_autoregressive": conductor_autoregressive,
                "decoder_units": decoder_units,
                "plan_dim": plan_dim,
                "control_dim": control_dim,
                "heads": heads,
                "hit_threshold": hit_threshold,
                "free_bits": free_bits,
                "beta": beta,
                "beta_rate": beta_rate,
                "dropout": dropout,
                "dropout_per_sequence": dropout_per_sequence,
                "frame_dropout": frame_dropout,
                "sampling_schedule": sampling_schedule,
                "sampling_rate": sampling_rate,
                "gradient_clip_norm": gradient_clip_norm,
                "gradient_skip_norm": gradient_skip_norm,
                "seed": seed,
            }
        )
        check_base_arguments(kwargs)
        super().__init__(**kwargs)
        for name, value in self._config.items():
            if name != "heads":
                setattr(self, name, value)
        self.heads = HEADS[heads](num_drums, hit_threshold)
        self.preprocessor = preprocessor
        self._compiled_player = None
        self.encoder = self._make_encoder()
        self.latent = GaussianLatent(latent_dim, dtype=self.dtype_policy, name="latent")
        self.prior = ParzenPrior(prior_components, latent_dim, name="prior")
        self.plan = self._make_plan()
        self.decoder = self._make_decoder()
        # Drives annealing, scheduled sampling and noise. A weight, so that it is saved
        # with the others and a loaded model resumes where it was.
        self.step = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False, name="step"
        )
        self._make_trackers()
        self.build()

    # --- Layers ---------------------------------------------------------------

    def _make_encoder(self) -> keras.layers.Layer:
        shared = {**self._dropout(_SITE_ENCODER), "name": "encoder"}
        if self.hierarchical_encoder:
            return HierarchicalEncoder(
                self.num_bars, self.steps_per_bar, self.encoder_units, **shared
            )
        return BidirectionalEncoder(self.encoder_units, **shared)

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
            **self._dropout(_SITE_NOTES),
            name="note_decoder",
        )
        if self.conductor_units is None:
            return notes
        return ConductorDecoder(
            self.num_bars,
            self.conductor_units,
            notes,
            autoregressive=self.conductor_autoregressive,
            **self._dropout(_SITE_CONDUCTOR),
            name="conductor_decoder",
        )

    def _dropout(self, site: int) -> dict[str, Any]:
        return {
            "dropout": self.dropout,
            "dropout_per_sequence": self.dropout_per_sequence,
            "seed": self.seed,
            "site": site,
            "dtype": self.dtype_policy,
        }

    def build(self, input_shape: Any = None) -> None:
        """Creates the weights; the constructor has called it."""
        if getattr(self, "built", False):
            return
        shape = (None, self.num_steps, self.frame_dim)
        heard = self.frame_dim + self.control_dim
        self.encoder.build((None, self.num_steps, heard))
        skipped = self.num_steps * heard if self.encoder_skip else 0
        self.latent.build((None, self.encoder.output_dim + skipped))
        self.prior.build()
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
        return 3 * self.num_drums

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
                epsilon = self._normal(ops.shape(z_mean))
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
        summary = self.encoder(inputs, lengths, self._step(), training=training)
        if self.encoder_skip:
            if lengths is not None:
                inputs = inputs * self.valid_steps({"lengths": lengths})[..., None]
            flat = ops.reshape(inputs, (-1, self.num_steps * inputs.shape[-1]))
            summary = ops.concatenate([summary, ops.cast(flat, summary.dtype)], axis=-1)
        return self.latent(summary)

    def teacher_forced(
        self, z: Any, grooves: Any, controls: Any = None, training: bool = False
    ) -> Any:
        """The decoder's outputs where each step reads the true frame before it.

        In training with scheduled sampling, some steps read the model's own frame
        instead. These come from a first, teacher-forced pass (Mihaylova & Martins
        2019, arXiv 1906.07651): two parallel passes instead of a step-by-step loop.
        """
        previous = _shift(grooves)
        controls = self._with_plan(z, controls)
        if training and self._samples_own_frames:
            outputs, _ = self.decoder(previous, z, controls, self._step())
            shape = (*ops.shape(outputs)[:-1], self.heads.noise_dim)
            own = self.heads.draw(
                ops.cast(ops.stop_gradient(outputs), "float32"),
                self.heads.levels(self._uniform(shape, _SITE_OWN_FRAMES), 1.0),
            )
            probability = sampling_probability(
                self._step(), self.sampling_schedule, self.sampling_rate
            )
            coin = self._uniform((*ops.shape(outputs)[:-1], 1), _SITE_OWN_STEPS)
            previous = ops.where(coin < probability, _shift(own), previous)
        if training and self.frame_dropout:
            coin = self._uniform((*ops.shape(grooves)[:-1], 1), _SITE_HIDDEN_STEPS)
            previous = ops.where(coin < self.frame_dropout, 0.0, previous)
        outputs, _ = self.decoder(
            previous, z, controls, self._step(), training=training
        )
        return ops.cast(outputs, "float32")

    def write(self, z: Any, noise: Any, temperature: Any, controls: Any = None) -> Any:
        """Plays grooves from latents, each step reading the frame drawn before it.

        Args:
            z: (batch, latent_dim).
            noise: (batch, num_steps, heads.noise_dim), uniform in (0, 1).
            temperature: Scalar; 0 is deterministic.
            controls: (batch, num_steps, control_dim), if the model has controls.

        Returns:
            Grooves (batch, num_steps, frame_dim), as a tensor.
        """
        first = ops.zeros((ops.shape(z)[0], self.frame_dim), dtype="float32")
        levels = self.heads.levels(noise, temperature)
        grooves, _ = self.decoder.write(
            self.heads, z, first, levels, self._with_plan(z, controls)
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
        step = self._step()
        terms = reconstruction_losses(
            self.heads, y_pred["outputs"], batch["grooves"], self.valid_steps(batch)
        )
        reconstruction = terms["hits"] + terms["velocities"] + terms["offsets"]
        kl = kl_divergence(y_pred["z_mean"], y_pred["z_stddev"])
        beta = beta_at(step, self.beta, self.beta_rate)
        cost = reconstruction + beta * kl_cost(kl, self.free_bits)
        if sample_weight is not None:
            cost = cost * sample_weight
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

    @property
    def _samples_own_frames(self) -> bool:
        return self.sampling_schedule != "constant" or self.sampling_rate > 0.0

    def _step(self) -> Any:
        return ops.convert_to_tensor(self.step)

    def _normal(self, shape: tuple) -> Any:
        return noise.normal(shape, self.seed, self._step(), _SITE_LATENT)

    def _uniform(self, shape: tuple, site: int) -> Any:
        return noise.uniform(shape, self.seed, self._step(), site)

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor, as JSON."""
        preprocessor = self.preprocessor and self.preprocessor.get_config()
        return {**super().get_config(), **self._config, "preprocessor": preprocessor}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "MusicVAE":
        """A new model, with new weights, from `get_config()`."""
        config = dict(config)
        if isinstance(config.get("preprocessor"), dict):
            from keras_musicvae.grooves.converter import GrooveConverter

            config["preprocessor"] = GrooveConverter.from_config(config["preprocessor"])
        return cls(**config)


def _shift(frames: Any) -> Any:
    """The frame before each step; zeros before the first."""
    return ops.pad(frames[:, :-1], ((0, 0), (1, 0), (0, 0)))
