"""What Magenta calls the layers of a model, and their shapes.

The names are those of Magenta's `lstm_models.py`: a flat decoder lives under
`decoder/`, a hierarchical one has its conductor under
`decoder/hierarchical_level_0/` and its note decoder under `core_decoder/decoder/`; a
hierarchical encoder has `encoder/hierarchical_level_{0,1}/`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

FRAME_DIM = 27
CONTROL_DIMS = (0, 9)
# Where the levels of the encoder are in our model, and what Magenta calls them.
FLAT_ENCODER = {"encoder": "encoder"}
HIERARCHICAL_ENCODER = {
    "encoder.bar_encoder": "encoder/hierarchical_level_0",
    "encoder.bars_encoder": "encoder/hierarchical_level_1",
}
BIDIRECTIONAL = "cell_{}/bidirectional_rnn/{}/multi_rnn_cell/cell_0/lstm_cell"
CONDUCTOR = "decoder/hierarchical_level_0"
FLAT_DECODER = "decoder"
NOTE_DECODER = "core_decoder/decoder"
_DIRECTIONS = (("fw", "forward_layers"), ("bw", "backward_layers"))


@dataclass(frozen=True)
class Layer:
    """A layer of the model, and what Magenta calls it.

    Attributes:
        name: the prefix of Magenta's variables: `NAME/kernel` and `NAME/bias`.
        path: the attribute path of the layer in our `MusicVAE`.
        kind: "lstm" or "dense".
        input_dim: width of its input, for an LSTM without the recurrent part.
        units: width of its output.
    """

    name: str
    path: str
    kind: Literal["lstm", "dense"]
    input_dim: int
    units: int

    @property
    def kernel_shape(self) -> tuple[int, int]:
        """The shape of Magenta's kernel; an LSTM has rows [x; h] and four gates."""
        if self.kind == "lstm":
            return self.input_dim + self.units, 4 * self.units
        return self.input_dim, self.units

    @property
    def variables(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of Magenta's two variables."""
        return {
            f"{self.name}/kernel": self.kernel_shape,
            f"{self.name}/bias": self.kernel_shape[1:],
        }


@dataclass(frozen=True)
class MagentaArchitecture:
    """The widths of a Magenta groove model.

    Attributes:
        encoder_units: units of each direction, one entry per encoder layer.
        hierarchical_encoder: whether bars are encoded first, then their summaries.
        latent_dim: width of z.
        decoder_units: units of each layer of the note decoder.
        conductor_units: units of each layer of the conductor; empty: a flat decoder.
        autoregressive_conductor: whether the conductor reads the note decoder's state.
        control_dim: width of the controls that encoder and decoder read: 0, or 9 hits.
    """

    encoder_units: tuple[int, ...]
    hierarchical_encoder: bool
    latent_dim: int
    decoder_units: tuple[int, ...]
    conductor_units: tuple[int, ...] = ()
    autoregressive_conductor: bool = False
    control_dim: int = 0

    @property
    def hierarchical_decoder(self) -> bool:
        """Whether a conductor seeds the note decoder bar by bar."""
        return bool(self.conductor_units)

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers, in the order of Magenta's graph."""
        return (*self._encoder(), *self._latent(), *self._decoder())

    @property
    def variables(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of all of Magenta's weights."""
        return {
            name: shape
            for layer in self.layers
            for name, shape in layer.variables.items()
        }

    def _encoder(self) -> Iterable[Layer]:
        levels = HIERARCHICAL_ENCODER if self.hierarchical_encoder else FLAT_ENCODER
        width = FRAME_DIM + self.control_dim
        for path, prefix in levels.items():
            for index, units in enumerate(self.encoder_units):
                for scope, layers in _DIRECTIONS:
                    name = f"{prefix}/{BIDIRECTIONAL.format(index, scope)}"
                    place = f"{path}.{layers}.{index}"
                    yield Layer(name, place, "lstm", width, units)
                width = 2 * units

    def _latent(self) -> Iterable[Layer]:
        width = 2 * self.encoder_units[-1]
        yield Layer("encoder/mu", "latent.mean", "dense", width, self.latent_dim)
        yield Layer("encoder/sigma", "latent.stddev", "dense", width, self.latent_dim)

    def _decoder(self) -> Iterable[Layer]:
        if not self.hierarchical_decoder:
            yield from self._note_decoder("decoder", FLAT_DECODER, self.latent_dim)
            return
        width = 1
        if self.autoregressive_conductor:
            width = 2 * sum(self.decoder_units) + self.latent_dim
        yield Layer(
            f"{CONDUCTOR}/initial_state",
            "decoder.initial_state.dense",
            "dense",
            self.latent_dim,
            2 * sum(self.conductor_units),
        )
        for index, units in enumerate(self.conductor_units):
            name = f"{CONDUCTOR}/cell_{index}/lstm_cell"
            yield Layer(name, f"decoder.cells.{index}", "lstm", width, units)
            width = units
        yield from self._note_decoder("decoder.note_decoder", NOTE_DECODER, width)

    def _note_decoder(self, path: str, prefix: str, z: int) -> Iterable[Layer]:
        yield Layer(
            f"{prefix}/z_to_initial_state",
            f"{path}.initial_state.dense",
            "dense",
            z,
            2 * sum(self.decoder_units),
        )
        width = FRAME_DIM + z + self.control_dim
        for index, units in enumerate(self.decoder_units):
            name = f"{prefix}/multi_rnn_cell/cell_{index}/lstm_cell"
            yield Layer(name, f"{path}.cells.{index}", "lstm", width, units)
            width = units
        name = f"{prefix}/output_projection"
        yield Layer(name, f"{path}.output_projection", "dense", width, FRAME_DIM)
