"""Which model a Magenta checkpoint holds, from the names and shapes of its variables.

The widths follow from a few shapes. From the widths, the list of all variables and
their shapes follows again, and the checkpoint must hold exactly these, besides what an
optimizer left behind: this separates groove models from all others.
"""

import re
from collections.abc import Iterable, Mapping

from keras_musicvae.magenta.architecture import (
    BIDIRECTIONAL,
    CONDUCTOR,
    CONTROL_DIMS,
    FLAT_DECODER,
    FLAT_ENCODER,
    FRAME_DIM,
    HIERARCHICAL_ENCODER,
    NOTE_DECODER,
    MagentaArchitecture,
)
from keras_musicvae.magenta.files import reading

_FOREIGN = "it is not a groove model of Magenta's"
_MAX_LAYERS = 16
_MAX_WIDTH = 1 << 16

# What TensorFlow 1's training leaves beside the weights. Training on cuDNN, as some of
# Magenta's, also saves the LSTMs' weights a second time, in cuDNN's secret order.
_TRAINING_STATE = re.compile(
    r"(global_step|beta[12]_power)(_\d+)?|(.+/)?opaque_kernel(/Adam(_1)?)?"
)
_SLOT = re.compile(
    r"(.+)/(Adam|Momentum|RMSProp|Adagrad|Adadelta|Ftrl|ExponentialMovingAverage)(_\d+)?"
)


def split_variables(names: Iterable[str]) -> tuple[list[str], list[str]]:
    """Separates a model's variables from what training left beside them.

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
) -> MagentaArchitecture:
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
    with reading(label):
        architecture = _Finder(shapes).architecture()
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
            raise ValueError(f"{_FOREIGN}: it {'; '.join(problems[:5])}")
        return architecture


class _Finder:
    """Reads the widths off the shapes; the caller checks that they fit together."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self._shapes = shapes

    def architecture(self) -> MagentaArchitecture:
        hierarchical_decoder = self._has(CONDUCTOR)
        decoder = NOTE_DECODER if hierarchical_decoder else FLAT_DECODER
        output = self._kernel(f"{decoder}/output_projection")[1]
        if output != FRAME_DIM:
            raise ValueError(
                f"{_FOREIGN}: its frames have {output} values; {FRAME_DIM} are allowed "
                "(hits, velocities and offsets of nine drums), no melody, trio or "
                "one-hot drum models"
            )
        latent_dim = self._kernel("encoder/mu")[1]
        decoder_units = self._units(decoder + "/multi_rnn_cell/cell_{}/lstm_cell")
        z = latent_dim
        conductor_units: tuple[int, ...] = ()
        autoregressive = False
        if hierarchical_decoder:
            conductor = CONDUCTOR + "/cell_{}/lstm_cell"
            conductor_units = self._units(conductor)
            z = conductor_units[-1]
            rows = self._kernel(conductor.format(0))[0]
            autoregressive = rows - conductor_units[0] != 1
        rows = self._kernel(f"{decoder}/multi_rnn_cell/cell_0/lstm_cell")[0]
        control_dim = rows - decoder_units[0] - z - FRAME_DIM
        if control_dim not in CONTROL_DIMS:
            raise ValueError(
                f"{_FOREIGN}: beside the frame and the latent, its note decoder reads "
                f"{control_dim} values a step; controls of width 9, or none, are "
                "allowed"
            )
        encoder = HIERARCHICAL_ENCODER["encoder.bar_encoder"]
        hierarchical_encoder = self._has(encoder)
        if not hierarchical_encoder:
            encoder = FLAT_ENCODER["encoder"]
        return MagentaArchitecture(
            encoder_units=self._units(f"{encoder}/{BIDIRECTIONAL.format('{}', 'fw')}"),
            hierarchical_encoder=hierarchical_encoder,
            latent_dim=latent_dim,
            decoder_units=decoder_units,
            conductor_units=conductor_units,
            autoregressive_conductor=autoregressive,
            control_dim=control_dim,
        )

    def _has(self, scope: str) -> bool:
        return any(name.startswith(f"{scope}/") for name in self._shapes)

    def _kernel(self, layer: str) -> tuple[int, int]:
        name = f"{layer}/kernel"
        shape = self._shapes.get(name)
        if shape is None:
            found = _listed(list(self._shapes)) or "no weights"
            raise ValueError(f"{_FOREIGN}: it lacks {name!r}; it has {found}")
        if len(shape) != 2 or not all(0 < size <= _MAX_WIDTH for size in shape):
            raise ValueError(f"{name!r} has the impossible shape {shape}")
        return shape[0], shape[1]

    def _units(self, layers: str) -> tuple[int, ...]:
        """Units of the LSTMs that are numbered from 0."""
        units = [self._kernel(layers.format(0))[1] // 4]
        while f"{layers.format(len(units))}/kernel" in self._shapes:
            if len(units) == _MAX_LAYERS:
                raise ValueError(f"more than {_MAX_LAYERS} layers at {layers!r}")
            units.append(self._kernel(layers.format(len(units)))[1] // 4)
        return tuple(units)


def _named(verb: str, names: list[str]) -> list[str]:
    return [f"{verb} {_listed(names)}"] if names else []


def _listed(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:6])
    return shown + (f" and {len(names) - 6} more" if len(names) > 6 else "")
