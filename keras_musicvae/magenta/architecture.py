"""Which model a Magenta checkpoint holds, from the names and shapes of its variables.

The names are those of Magenta's `lstm_models.py`: a flat decoder lives under
`decoder/`, a hierarchical one has its conductor under
`decoder/hierarchical_level_0/` and its note decoder under `core_decoder/decoder/`; a
hierarchical encoder has `encoder/hierarchical_level_{0,1}/`.

The widths follow from a few shapes. From the widths, the list of all variables and
their shapes follows again, and the checkpoint must hold exactly these, besides what an
optimizer left behind: that is how a foreign model is told from a groove model.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from keras_musicvae.errors import CheckpointError

FRAME_DIM = 27
CONTROL_DIMS = (0, 9)
_MAX_LAYERS = 16
_MAX_WIDTH = 1 << 16
_BIDIRECTIONAL = "cell_{}/bidirectional_rnn/{}/multi_rnn_cell/cell_0/lstm_cell"
_DIRECTIONS = (("fw", "forward_layers"), ("bw", "backward_layers"))
# The bar encoder and the encoder of the bars' summaries; "" is the flat encoder.
_FLAT_ENCODER = ("encoder",)
_HIERARCHICAL_ENCODER = (
    "encoder/hierarchical_level_0",
    "encoder/hierarchical_level_1",
)
_CONDUCTOR = "decoder/hierarchical_level_0"
_FLAT_DECODER = "decoder"
_NOTE_DECODER = "core_decoder/decoder"

# What TensorFlow 1's training leaves beside the weights. Training on cuDNN, as some of
# Magenta's, also saves the LSTMs' weights a second time, in cuDNN's secret order.
_TRAINING_STATE = re.compile(
    r"(global_step|beta[12]_power)(_\d+)?|(.+/)?opaque_kernel(/Adam(_1)?)?"
)
_SLOT = re.compile(
    r"(.+)/(Adam|Momentum|RMSProp|Adagrad|Adadelta|Ftrl|ExponentialMovingAverage)(_\d+)?"
)


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
class Architecture:
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
        levels = {"encoder": _FLAT_ENCODER[0]}
        if self.hierarchical_encoder:
            levels = dict(
                zip(
                    ("encoder.bar_encoder", "encoder.bars_encoder"),
                    _HIERARCHICAL_ENCODER,
                    strict=True,
                )
            )
        width = FRAME_DIM + self.control_dim
        for path, prefix in levels.items():
            for index, units in enumerate(self.encoder_units):
                for scope, layers in _DIRECTIONS:
                    name = f"{prefix}/{_BIDIRECTIONAL.format(index, scope)}"
                    place = f"{path}.{layers}.{index}"
                    yield Layer(name, place, "lstm", width, units)
                width = 2 * units

    def _latent(self) -> Iterable[Layer]:
        width = 2 * self.encoder_units[-1]
        yield Layer("encoder/mu", "latent.mean", "dense", width, self.latent_dim)
        yield Layer("encoder/sigma", "latent.stddev", "dense", width, self.latent_dim)

    def _decoder(self) -> Iterable[Layer]:
        if not self.hierarchical_decoder:
            yield from self._note_decoder("decoder", _FLAT_DECODER, self.latent_dim)
            return
        width = 1
        if self.autoregressive_conductor:
            width = 2 * sum(self.decoder_units) + self.latent_dim
        yield Layer(
            f"{_CONDUCTOR}/initial_state",
            "decoder.initial_state.dense",
            "dense",
            self.latent_dim,
            2 * sum(self.conductor_units),
        )
        for index, units in enumerate(self.conductor_units):
            name = f"{_CONDUCTOR}/cell_{index}/lstm_cell"
            yield Layer(name, f"decoder.cells.{index}", "lstm", width, units)
            width = units
        yield from self._note_decoder("decoder.note_decoder", _NOTE_DECODER, width)

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


def split_variables(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Tells a model's variables from what training left beside them.

    Args:
        names: all names of a checkpoint.

    Returns:
        The names of weights, known or not, and those to ignore: the step counter,
        Adam's powers, the optimizer's slots of variables that are there, and cuDNN's
        copies of the weights.
    """
    names = list(names)
    present = set(names)
    weights: list[str] = []
    ignored: list[str] = []
    for name in names:
        slot = _SLOT.fullmatch(name)
        is_state = _TRAINING_STATE.fullmatch(name) or (slot and slot[1] in present)
        (ignored if is_state else weights).append(name)
    return weights, ignored


def summarize(ignored: Iterable[str]) -> list[str]:
    """Ignored variables in a few words, an optimizer's slots counted by their name.

    Args:
        ignored: the names, as `split_variables` gives them.

    Returns:
        Such as `["16 slots */Adam", "16 slots */Adam_1", "global_step"]`.
    """
    slots: dict[str, int] = {}
    others = []
    for name in ignored:
        if _SLOT.fullmatch(name):
            suffix = name.rpartition("/")[2]
            slots[suffix] = slots.get(suffix, 0) + 1
        else:
            others.append(name)
    return [f"{count} slots */{suffix}" for suffix, count in slots.items()] + others


def find_architecture(
    shapes: Mapping[str, tuple[int, ...]], label: str
) -> Architecture:
    """Finds the architecture of a checkpoint.

    Args:
        shapes: the shape of each weight, without the ignored variables.
        label: what messages call the checkpoint.

    Returns:
        The architecture, whose `variables` are exactly `shapes`.

    Raises:
        CheckpointError: variables are missing, unknown or of the wrong shape; the
            message names them.
    """
    architecture = _Finder(shapes, label).architecture()
    expected = architecture.variables
    problems = [
        *_named("lacks", [name for name in expected if name not in shapes]),
        *_named("has unknown variables:", [n for n in shapes if n not in expected]),
        *(
            f"{name!r} has the shape {shapes[name]}, {shape} was expected"
            for name, shape in expected.items()
            if name in shapes and shapes[name] != shape
        ),
    ]
    if problems:
        raise CheckpointError(
            f"{label} is not a groove model of Magenta's: it "
            + "; ".join(problems[:5])
            + "."
        )
    return architecture


class _Finder:
    """Reads the widths off the shapes; the caller checks that they fit together."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], label: str) -> None:
        self._shapes = shapes
        self._label = label

    def architecture(self) -> Architecture:
        has = self._shapes.__contains__
        hierarchical_decoder = any(n.startswith(f"{_CONDUCTOR}/") for n in self._shapes)
        decoder = _NOTE_DECODER if hierarchical_decoder else _FLAT_DECODER
        output = self._kernel(f"{decoder}/output_projection")[1]
        if output != FRAME_DIM:
            raise CheckpointError(
                f"{self._label} is not a groove model of Magenta's: its frames have "
                f"{output} values; {FRAME_DIM} are allowed (hits, velocities and "
                "offsets of nine drums). Melody, trio and one-hot drum models are not "
                "supported."
            )
        latent_dim = self._kernel("encoder/mu")[1]
        decoder_units = self._units(decoder + "/multi_rnn_cell/cell_{}/lstm_cell")
        z = latent_dim
        conductor_units: tuple[int, ...] = ()
        autoregressive = False
        if hierarchical_decoder:
            conductor = _CONDUCTOR + "/cell_{}/lstm_cell"
            conductor_units = self._units(conductor)
            z = conductor_units[-1]
            rows = self._kernel(conductor.format(0))[0]
            autoregressive = rows - conductor_units[0] != 1
        rows = self._kernel(f"{decoder}/multi_rnn_cell/cell_0/lstm_cell")[0]
        control_dim = rows - decoder_units[0] - z - FRAME_DIM
        if control_dim not in CONTROL_DIMS:
            raise CheckpointError(
                f"{self._label} is not a groove model of Magenta's: its note decoder "
                f"reads {rows - decoder_units[0]} values a step, of which {FRAME_DIM} "
                f"are the frame and {z} the latent; controls of width 9, or none, are "
                "allowed."
            )
        hierarchical_encoder = has(
            f"{_HIERARCHICAL_ENCODER[0]}/{_BIDIRECTIONAL.format(0, 'fw')}/kernel"
        )
        level = (_HIERARCHICAL_ENCODER if hierarchical_encoder else _FLAT_ENCODER)[0]
        return Architecture(
            encoder_units=self._units(f"{level}/{_BIDIRECTIONAL.format('{}', 'fw')}"),
            hierarchical_encoder=hierarchical_encoder,
            latent_dim=latent_dim,
            decoder_units=decoder_units,
            conductor_units=conductor_units,
            autoregressive_conductor=autoregressive,
            control_dim=control_dim,
        )

    def _kernel(self, layer: str) -> tuple[int, int]:
        name = f"{layer}/kernel"
        shape = self._shapes.get(name)
        if shape is None:
            raise CheckpointError(
                f"{self._label} is not a groove model of Magenta's: it lacks {name!r}; "
                f"it has {_listed(list(self._shapes)) or 'no weights'}."
            )
        if len(shape) != 2 or not all(0 < size <= _MAX_WIDTH for size in shape):
            raise CheckpointError(
                f"{self._label}: {name!r} has the impossible shape {shape}."
            )
        return shape[0], shape[1]

    def _units(self, layers: str) -> tuple[int, ...]:
        """Units of the LSTMs that are numbered from 0."""
        units = [self._kernel(layers.format(0))[1] // 4]
        while f"{layers.format(len(units))}/kernel" in self._shapes:
            if len(units) == _MAX_LAYERS:
                raise CheckpointError(
                    f"{self._label}: more than {_MAX_LAYERS} layers at {layers!r}."
                )
            units.append(self._kernel(layers.format(len(units)))[1] // 4)
        return tuple(units)


def _named(verb: str, names: list[str]) -> list[str]:
    return [f"{verb} {_listed(names)}"] if names else []


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:6])
    return shown + (f" and {len(names) - 6} more" if len(names) > 6 else "")
