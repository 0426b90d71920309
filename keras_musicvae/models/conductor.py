"""Hierarchical decoder: a conductor plans the bars, the note decoder plays them.

Each bar starts from the conductor's output alone, so the notes cannot simply follow
from those before, and the model must use the latent (Roberts et al. 2018, section 3.2).
"""

from typing import Any

import keras
from keras import ops

from keras_musicvae.backends import native
from keras_musicvae.models.decoder import (
    InitialState,
    NoteDecoder,
    State,
    flatten_state,
)
from keras_musicvae.models.encoder import fold_bars, unfold_bars
from keras_musicvae.models.random import Dropout
from keras_musicvae.models.recurrent import LSTM, step_layers


class ConductorDecoder(keras.layers.Layer):
    """Conductor LSTMs over the bars, and a `NoteDecoder` seeded by them bar by bar.

    Args:
        num_bars: Number of bars.
        units: Units of each conductor layer.
        note_decoder: Decodes a bar from the conductor's output, its "z".
        autoregressive: Whether the conductor reads, before each bar, the final state
            of the note decoder in the bar before, and z. False (the paper's setting):
            it reads zeros, and bars can be decoded side by side in training.
        dropout: Drops inputs of the conductor in training, in `len(units)` draws a
            step and bar. The original drops at inference too, a fault that is not
            copied.
    """

    def __init__(
        self,
        num_bars: int,
        units: tuple[int, ...],
        note_decoder: NoteDecoder,
        dropout: Dropout,
        *,
        autoregressive: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_bars = num_bars
        self.units = tuple(units)
        self.autoregressive = autoregressive
        self.dropout = dropout
        self.initial_state = InitialState(self.units, dtype=self.dtype_policy)
        self.cells = [
            LSTM(
                n,
                return_sequences=True,
                return_state=True,
                dtype=self.dtype_policy,
                name=f"conductor_{layer}",
            )
            for layer, n in enumerate(self.units)
        ]
        self.note_decoder = note_decoder

    def build(self, frames_shape: tuple, latent_dim: int, step_input_dim: int) -> None:
        """Creates the weights."""
        batch, steps, width_read = frames_shape
        self.initial_state.build((None, latent_dim))
        # Without autoregression the input is one zero: it makes the weights those of
        # the original, whose kernels have a row for it.
        width = 1
        if self.autoregressive:
            width = 2 * sum(self.note_decoder.units) + latent_dim
        for cell, units in zip(self.cells, self.units, strict=True):
            cell.build((batch, self.num_bars, width))
            width = units
        self.note_decoder.build(
            (batch, steps // self.num_bars, width_read), self.units[-1], step_input_dim
        )
        self.built = True

    def compute_output_shape(self, frames_shape: tuple, **_: Any) -> tuple:
        """One output for each frame."""
        return self.note_decoder.compute_output_shape(frames_shape)

    def call(
        self,
        previous: Any,
        z: Any,
        step_inputs: Any = None,
        training: bool = False,
    ) -> tuple[Any, State]:
        """Teacher forcing; see `NoteDecoder.call`.

        The first step of a bar reads the last frame of the bar before.
        """
        if self.autoregressive:
            return self._call_autoregressive(previous, z, step_inputs, training)
        embeddings, _ = self._conduct(
            self._no_inputs(z, self.num_bars), self.initial_state(z), 0, training
        )
        # All bars side by side, as one batch: four times fewer steps to wait for.
        outputs, final = self.note_decoder(
            fold_bars(previous, self.num_bars),
            ops.reshape(embeddings, (-1, self.units[-1])),
            None if step_inputs is None else fold_bars(step_inputs, self.num_bars),
            training=training,
        )
        last = [
            tuple(ops.reshape(x, (-1, self.num_bars, x.shape[-1]))[:, -1] for x in pair)
            for pair in final
        ]
        return unfold_bars(outputs, self.num_bars), last

    def _call_autoregressive(
        self, previous: Any, z: Any, step_inputs: Any, training: bool
    ) -> tuple[Any, State]:
        state = self.initial_state(z)
        bars = ops.split(previous, self.num_bars, axis=1)
        bar_inputs = self._split(step_inputs)
        feedback = self._no_feedback(z)
        outputs = []
        for bar in range(self.num_bars):
            inputs = ops.concatenate([feedback, z], axis=-1)[:, None]
            embeddings, state = self._conduct(inputs, state, bar, training)
            output, final = self.note_decoder(
                bars[bar],
                embeddings[:, 0],
                bar_inputs[bar],
                bar=bar,
                training=training,
            )
            outputs.append(output)
            feedback = flatten_state(final)
        return ops.concatenate(outputs, axis=1), final

    def free_running(
        self,
        heads: Any,
        z: Any,
        history: Any,
        thresholds: Any,
        step_inputs: Any = None,
        kept: Any = None,
    ) -> tuple[Any, State, Any]:
        """Free running; see `NoteDecoder.free_running`."""
        z = ops.cast(z, self.compute_dtype)
        layers = [cell.step_weights() for cell in self.cells]
        nothing = self._no_inputs(z, 1)[:, 0]
        inputs = {"thresholds": _by_bar(thresholds, self.num_bars)}
        if step_inputs is not None:
            inputs["step_inputs"] = _by_bar(step_inputs, self.num_bars)

        if kept is not None:
            inputs["kept"] = _by_bar(kept, self.num_bars)

        def run_bar(carry: tuple, bar: dict) -> tuple:
            past, notes, conductor = carry
            read = nothing
            if self.autoregressive:
                read = ops.concatenate([flatten_state(notes), z], axis=-1)
            conductor = step_layers(layers, read, conductor)
            embedding, _ = conductor[-1]
            frames, notes, past = self.note_decoder.free_running(
                heads,
                embedding,
                past,
                bar["thresholds"],
                bar.get("step_inputs"),
                bar.get("kept"),
            )
            return (past, notes, conductor), frames

        carry = (history, self.note_decoder.no_state(z), self.initial_state(z))
        (history, final, _), bars = native.scan(run_bar, carry, inputs)
        _, number, steps, features = bars.shape
        frames = ops.reshape(bars, (-1, number * steps, features))
        return frames, final, history

    def _conduct(
        self, sequences: Any, state: State, bar: int, training: bool
    ) -> tuple[Any, State]:
        """The conductor over the bars in `sequences`: (batch, bars, units), state."""
        following: State = []
        for layer, (cell, cell_state) in enumerate(zip(self.cells, state, strict=True)):
            if training:
                sequences = self.dropout(sequences, bar * len(self.units) + layer)
            sequences, h, c = cell(sequences, initial_state=list(cell_state))
            following.append((h, c))
        return sequences, following

    def _no_inputs(self, z: Any, bars: int) -> Any:
        return ops.zeros((ops.shape(z)[0], bars, 1), dtype=self.compute_dtype)

    def _no_feedback(self, z: Any) -> Any:
        width = 2 * sum(self.note_decoder.units)
        return ops.zeros((ops.shape(z)[0], width), dtype=self.compute_dtype)

    def _split(self, step_inputs: Any) -> list:
        if step_inputs is None:
            return [None] * self.num_bars
        return ops.split(step_inputs, self.num_bars, axis=1)


def _by_bar(sequences: Any, num_bars: int) -> Any:
    """(batch, steps, features) -> (batch, bars, steps of a bar, features)."""
    _, steps, features = sequences.shape
    return ops.reshape(sequences, (-1, num_bars, steps // num_bars, features))
