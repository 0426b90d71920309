"""Decoder: a latent becomes frames, one step after the other."""

from typing import Any

import keras
from keras import ops

from keras_musicvae.backends import native
from keras_musicvae.models.initial_weights import zeros
from keras_musicvae.models.random import Dropout
from keras_musicvae.models.recurrent import LSTM, in_dtype, step_layers

State = list[tuple[Any, Any]]  # (h, c) of each layer, each (batch, units)


class NoteDecoder(keras.layers.Layer):
    """Stacked LSTMs that draw frames, each seeing the frame before.

    The initial state is tanh(dense(z)); the input of a step is the frame before, the
    frames of the bars before at the same place (lookback), z and, if the model has any,
    the inputs of this step. With lookback the outputs also see these frames themselves:
    an accent of the bar before need not pass through the state. It is the flat decoder,
    and also what the conductor seeds bar by bar.

    Args:
        units: Units of each layer.
        output_dim: Width of the outputs, given by the heads.
        lags: How many steps ago the frames are that a step reads, see `lookback_lags`.
        dropout: Drops inputs of the layers in training, in `len(units)` draws a step
            and bar.
    """

    def __init__(
        self,
        units: tuple[int, ...],
        output_dim: int,
        lags: tuple[int, ...],
        dropout: Dropout,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = tuple(units)
        self.lags = lags
        self.dropout = dropout
        self.initial_state = InitialState(self.units, dtype=self.dtype_policy)
        self.cells = [
            LSTM(
                n,
                return_sequences=True,
                return_state=True,
                dtype=self.dtype_policy,
                name=f"lstm_{layer}",
            )
            for layer, n in enumerate(self.units)
        ]
        self.output_projection = keras.layers.Dense(
            output_dim,
            kernel_initializer=zeros,
            dtype=self.dtype_policy,
            name="output_projection",
        )

    def build(self, frames_shape: tuple, latent_dim: int, step_input_dim: int) -> None:
        """Creates the weights."""
        self.read_dim = frames_shape[-1]
        self.latent_dim = latent_dim
        self.initial_state.build((None, latent_dim))
        width = self.read_dim + latent_dim + step_input_dim
        for cell, units in zip(self.cells, self.units, strict=True):
            cell.build((*frames_shape[:-1], width))
            width = units
        if self.looks_back:
            width += self.read_dim
        self.output_projection.build((*frames_shape[:-1], width))
        self.built = True

    @property
    def looks_back(self) -> bool:
        """Whether a step reads more than the frame before."""
        return len(self.lags) > 1

    def compute_output_shape(self, frames_shape: tuple, **_: Any) -> tuple:
        """One output for each frame."""
        return (*frames_shape[:-1], self.output_projection.units)

    def call(
        self,
        previous: Any,
        z: Any,
        step_inputs: Any = None,
        bar: int = 0,
        training: bool = False,
    ) -> tuple[Any, State]:
        """Teacher forcing: every step reads the given frames before it.

        Args:
            previous: (batch, steps, lags * frame_dim), see `frames_before`.
            z: (batch, latent_dim).
            step_inputs: (batch, steps, step_input_dim), or None.
            bar: Which bar this is, where bars are decoded one after the other: each
                drops inputs of its own.
            training: Whether dropout is on.

        Returns:
            outputs (batch, steps, output_dim), and the state after the last step.
        """
        steps = previous.shape[1]
        parts = [previous, ops.repeat(z[:, None], steps, axis=1)]
        if step_inputs is not None:
            parts.append(step_inputs)
        sequences = ops.concatenate(
            [ops.cast(part, self.compute_dtype) for part in parts], axis=-1
        )
        final: State = []
        initial = self.initial_state(z)
        for layer, (cell, state) in enumerate(zip(self.cells, initial, strict=True)):
            if training:
                sequences = self.dropout(sequences, bar * len(self.units) + layer)
            sequences, *state = cell(sequences, initial_state=list(state))
            final.append((state[0], state[1]))
        if self.looks_back:
            seen = ops.cast(previous, sequences.dtype)
            sequences = ops.concatenate([sequences, seen], axis=-1)
        return self.output_projection(sequences), final

    def free_running(
        self,
        heads: Any,
        z: Any,
        history: Any,
        thresholds: Any,
        step_inputs: Any = None,
        kept: Any = None,
    ) -> tuple[Any, State, Any]:
        """Free running: every step reads the frames that were drawn before it.

        Args:
            heads: Draws a frame from an output; see `heads/`.
            z: (batch, latent_dim).
            history: (batch, max(lags), frame_dim), the frames before the first step.
            thresholds: (batch, steps, noise_dim), see `heads.noise_thresholds`.
            step_inputs: (batch, steps, step_input_dim), or None.
            kept: (batch, steps, 2 * frame_dim), values and mask: where the mask is 1
                the value takes the place of what was drawn. None: nothing is kept.

        Returns:
            frames (batch, steps, frame_dim), the state after the last step, and the
            last `max(lags)` frames.
        """
        z = ops.cast(z, self.compute_dtype)
        bottom, *upper = [cell.step_weights() for cell in self.cells]
        kernel, kernel_z, kernel_inputs = (
            bottom.kernel[: self.read_dim],
            bottom.kernel[self.read_dim : self.read_dim + self.latent_dim],
            bottom.kernel[self.read_dim + self.latent_dim :],
        )
        inputs = {"thresholds": thresholds}
        if step_inputs is not None:
            # Not multiplied for all steps at once: of 512 grooves that would be 130 MB,
            # and took a fifth of the time on every backend.
            inputs["step_inputs"] = ops.cast(step_inputs, self.compute_dtype)
            kernel = ops.concatenate([kernel, kernel_inputs], axis=0)
        if kept is not None:
            values, mask = ops.split(ops.cast(kept, "float32"), 2, axis=-1)
            inputs |= {"kept": values * mask, "free": 1.0 - mask}
        # z is the same at every step: its share of the first layer is computed once.
        constant = ops.matmul(z, kernel_z) + bottom.bias
        layers = [bottom._replace(kernel=kernel, bias=constant), *upper]
        projection = self.output_projection
        kernel_output = in_dtype(projection.kernel, self.compute_dtype)
        if self.looks_back:
            kernel_seen = kernel_output[self.units[-1] :]
            kernel_output = kernel_output[: self.units[-1]]
        bias_output = in_dtype(projection.bias, self.compute_dtype)
        mixed = self.compute_dtype != "float32"

        longest = max(self.lags)

        def advance(carry: tuple, now: dict) -> tuple:
            past, state = carry
            read = past[:, longest - 1]
            if self.looks_back:
                frames = [past[:, longest - lag] for lag in self.lags]
                read = native.ops.concatenate(frames, axis=-1)
            if mixed:
                read = ops.cast(read, self.compute_dtype)
            inputs = read
            if "step_inputs" in now:
                inputs = native.ops.concatenate([read, now["step_inputs"]], axis=-1)
            following = step_layers(layers, inputs, state)
            output = native.add_matmul(bias_output, following[-1][0], kernel_output)
            if self.looks_back:
                output = native.add_matmul(output, read, kernel_seen)
            if mixed:
                output = ops.cast(output, "float32")
            frame = heads.draw(output, now["thresholds"])
            if "kept" in now:
                frame = frame * now["free"] + now["kept"]
            past = native.ops.concatenate([past[:, 1:], frame[:, None]], axis=1)
            return (past, following), frame

        carry = (history, self.initial_state(z))
        (history, state), frames = native.scan(advance, carry, inputs)
        return frames, state, history

    def no_state(self, z: Any) -> State:
        """A state of zeros for the examples of `z`."""
        return [
            (ops.zeros((ops.shape(z)[0], n), dtype=self.compute_dtype),) * 2
            for n in self.units
        ]


class InitialState(keras.layers.Layer):
    """The state in which stacked LSTMs start: tanh(dense(z)), cut in c0, h0, c1, h1...

    Args:
        units: Units of each LSTM.
    """

    def __init__(self, units: tuple[int, ...], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = tuple(units)
        self.dense = keras.layers.Dense(
            2 * sum(self.units),
            activation="tanh",
            kernel_initializer=zeros,
            dtype=self.dtype_policy,
            name="dense",
        )

    def build(self, input_shape: tuple) -> None:
        """Creates the weights."""
        self.dense.build(input_shape)

    def call(self, z: Any) -> State:
        """(batch, latent_dim) -> (h, c) of each LSTM."""
        flat = self.dense(z)
        state, start = [], 0
        for units in self.units:
            c = flat[:, start : start + units]
            h = flat[:, start + units : start + 2 * units]
            state.append((h, c))
            start += 2 * units
        return state


def lookback_lags(lookback: int, steps_per_bar: int) -> tuple[int, ...]:
    """How many steps ago the frames are that a step reads.

    One step, and 1 to `lookback` bars: the idea of Magenta's Lookback RNN (Waite 2016),
    whose melodies see the notes of one and two bars ago.
    """
    return (1, *(bar * steps_per_bar for bar in range(1, lookback + 1)))


def frames_before(frames: Any, lags: tuple[int, ...]) -> Any:
    """The frames that each step reads; zeros before the first.

    Args:
        frames: (batch, steps, frame_dim).
        lags: See `lookback_lags`.

    Returns:
        (batch, steps, lags * frame_dim).
    """
    steps = frames.shape[1]
    padded = ops.pad(frames, ((0, 0), (max(lags), 0), (0, 0)))
    starts = [max(lags) - lag for lag in lags]
    shifted = [padded[:, start : start + steps] for start in starts]
    return shifted[0] if len(shifted) == 1 else ops.concatenate(shifted, axis=-1)


def flatten_state(state: State) -> Any:
    """The state as one vector, in the order c0, h0, c1, h1..., (batch, 2 * units)."""
    return ops.concatenate([x for h, c in state for x in (c, h)], axis=-1)
