"""Encoder: reads a whole groove and sums it up in one vector."""

from typing import Any

import keras
from keras import ops

from keras_musicvae.models.random import Dropout
from keras_musicvae.models.recurrent import LSTM


class BidirectionalEncoder(keras.layers.Layer):
    """Stacked bidirectional LSTMs; the result is the last layer's two final states.

    Each layer reads both directions of the one below. Sequences may be shorter than
    the array that holds them: states are then taken at the last step of each, and the
    backward direction starts there.

    Args:
        units: Units of each direction, one entry per layer.
        dropout: Drops inputs of the layers in training, in `num_draws` draws a step.
    """

    def __init__(
        self,
        units: tuple[int, ...],
        dropout: Dropout,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = tuple(units)
        self.dropout = dropout
        self.forward_layers = self._stack("forward")
        self.backward_layers = self._stack("backward")

    def _stack(self, direction: str) -> list[LSTM]:
        return [
            LSTM(
                units,
                return_sequences=True,
                dtype=self.dtype_policy,
                name=f"{direction}_{layer}",
            )
            for layer, units in enumerate(self.units)
        ]

    @property
    def output_dim(self) -> int:
        """Width of the summary."""
        return 2 * self.units[-1]

    @property
    def num_draws(self) -> int:
        """Draws of random numbers in a training step."""
        return 2 * len(self.units)

    def build(self, input_shape: tuple) -> None:
        """Creates the weights."""
        for forward, backward, units in zip(
            self.forward_layers, self.backward_layers, self.units, strict=True
        ):
            forward.build(input_shape)
            backward.build(input_shape)
            input_shape = (*input_shape[:-1], 2 * units)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """One summary for each sequence."""
        return (input_shape[0], self.output_dim)

    def call(
        self,
        sequences: Any,
        lengths: Any = None,
        training: bool = False,
    ) -> Any:
        """Sums up sequences.

        Args:
            sequences: (batch, steps, features).
            lengths: (batch,) integers, the number of valid steps; None: all.
            training: Whether dropout is on.

        Returns:
            (batch, output_dim); zeros for a sequence of length 0.
        """
        drop = self.dropout if training else _unchanged
        for layer, (forward, backward) in enumerate(
            zip(self.forward_layers, self.backward_layers, strict=True)
        ):
            # Each direction drops inputs of its own, as in the original.
            ahead = forward(drop(sequences, 2 * layer))
            behind = backward(_reverse(drop(sequences, 2 * layer + 1), lengths))
            if layer + 1 < len(self.units):
                sequences = ops.concatenate([ahead, _reverse(behind, lengths)], axis=-1)
        return ops.concatenate([_last(ahead, lengths), _last(behind, lengths)], axis=-1)


class HierarchicalEncoder(keras.layers.Layer):
    """Encodes each bar, then the sequence of the bars' summaries.

    The original's `HierarchicalLstmEncoder` with the level lengths
    (steps per bar, bars).

    Args:
        num_bars: Number of bars.
        steps_per_bar: Steps of a bar.
        units: Units of each direction, one entry per layer, at both levels.
        dropout: As in `BidirectionalEncoder`.
    """

    def __init__(
        self,
        num_bars: int,
        steps_per_bar: int,
        units: tuple[int, ...],
        dropout: Dropout,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.num_bars = num_bars
        self.steps_per_bar = steps_per_bar
        dtype = self.dtype_policy
        self.bar_encoder = BidirectionalEncoder(units, dropout, dtype=dtype)
        after = dropout.after(self.bar_encoder.num_draws)
        self.bars_encoder = BidirectionalEncoder(units, after, dtype=dtype)

    @property
    def output_dim(self) -> int:
        """Width of the summary."""
        return self.bars_encoder.output_dim

    def build(self, input_shape: tuple) -> None:
        """Creates the weights."""
        self.bar_encoder.build((None, self.steps_per_bar, input_shape[-1]))
        self.bars_encoder.build((None, self.num_bars, self.bar_encoder.output_dim))

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        """One summary for each sequence."""
        return (input_shape[0], self.output_dim)

    def call(
        self,
        sequences: Any,
        lengths: Any = None,
        training: bool = False,
    ) -> Any:
        """Sums up sequences; see `BidirectionalEncoder.call`.

        `lengths` may also be (batch, num_bars): the valid steps of each bar. The bars
        are encoded side by side, as one batch.
        """
        bars = fold_bars(sequences, self.num_bars)
        if lengths is not None:
            lengths = ops.reshape(
                bar_lengths(lengths, self.num_bars, self.steps_per_bar), (-1,)
            )
        summaries = self.bar_encoder(bars, lengths, training=training)
        summaries = ops.reshape(summaries, (-1, self.num_bars, summaries.shape[-1]))
        return self.bars_encoder(summaries, None, training=training)


def fold_bars(sequences: Any, num_bars: int) -> Any:
    """(batch, bars * steps, features) -> (batch * bars, steps, features)."""
    _, steps, features = sequences.shape
    return ops.reshape(sequences, (-1, steps // num_bars, features))


def unfold_bars(bars: Any, num_bars: int) -> Any:
    """(batch * bars, steps, features) -> (batch, bars * steps, features)."""
    _, steps, features = bars.shape
    return ops.reshape(bars, (-1, steps * num_bars, features))


def bar_lengths(lengths: Any, num_bars: int, steps_per_bar: int) -> Any:
    """(batch,) valid steps of each groove -> (batch, bars) valid steps of each bar.

    Lengths that are given bar by bar, (batch, bars), are returned as they are.
    """
    if len(lengths.shape) == 2:
        return lengths
    starts = ops.arange(num_bars, dtype=lengths.dtype) * steps_per_bar
    return ops.clip(lengths[:, None] - starts[None], 0, steps_per_bar)


def _unchanged(sequences: Any, draw: int) -> Any:
    return sequences


def _reverse(sequences: Any, lengths: Any) -> Any:
    """Reverses the valid steps of each sequence; the rest stays behind them."""
    if lengths is None:
        return ops.flip(sequences, axis=1)
    steps = ops.arange(sequences.shape[1], dtype=lengths.dtype)[None]
    source = ops.where(steps < lengths[:, None], lengths[:, None] - 1 - steps, steps)
    return ops.take_along_axis(sequences, source[..., None], axis=1)


def _last(sequences: Any, lengths: Any) -> Any:
    """The last valid step of each sequence; zeros where there is none."""
    if lengths is None:
        return sequences[:, -1]
    index = ops.maximum(lengths - 1, 0)[:, None, None]
    last = ops.take_along_axis(sequences, index, axis=1)[:, 0]
    return last * ops.cast(lengths > 0, last.dtype)[:, None]
