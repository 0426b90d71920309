import json

import pytest
from checkpoint_writers import ARCHITECTURES, FULL_SIZE, SMALL, with_training_state
from shared_data import shared_path

from keras_musicvae.errors import CheckpointError
from keras_musicvae.magenta.architecture import MagentaArchitecture
from keras_musicvae.magenta.discovery import (
    find_architecture,
    split_variables,
    summarize,
)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_architecture_is_found_from_its_variables(name):
    architecture = ARCHITECTURES[name]
    assert find_architecture(architecture.variables, "x") == architecture


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("groovae_4bar_reduced", MagentaArchitecture((20,), False, 8, (16, 12))),
        ("groovae_2bar_tap_reduced", MagentaArchitecture((20,), False, 8, (16, 12))),
        (
            "groovae_2bar_hits_control_reduced",
            MagentaArchitecture((20,), False, 8, (16, 12), control_dim=9),
        ),
        (
            "hierdec_groovae_4bar_reduced",
            MagentaArchitecture((20, 14), False, 8, (16, 12), (16, 12)),
        ),
    ],
)
def test_variables_are_those_of_magentas_graph(name, expected):
    info = json.loads(shared_path(f"golden/models/{name}/info.json").read_text())
    trainable = {variable: tuple(shape) for variable, shape in info["trainable"]}
    assert list(expected.variables.items()) == list(trainable.items())
    everything = [variable for variable, _ in info["variables"]]
    weights, ignored = split_variables(everything)
    assert weights == list(trainable)
    assert set(ignored) == set(everything) - set(trainable)
    assert find_architecture(trainable, name) == expected


def test_parameter_counts_of_the_published_sizes():
    def count(architecture: MagentaArchitecture) -> int:
        total = 0
        for shape in architecture.variables.values():
            size = 1
            for length in shape:
                size *= length
            total += size
        return total

    assert count(FULL_SIZE) == 4_085_019
    hierarchical = MagentaArchitecture((512,), False, 256, (256, 256), (256, 256))
    assert count(hierarchical) == 5_137_691


def test_slots_are_ignored_only_beside_their_variable():
    names = list(with_training_state({"encoder/mu/kernel": 1.0}))
    assert split_variables(names)[0] == ["encoder/mu/kernel"]
    for name in ("encoder/sigma/kernel/Adam", "encoder/mu/kernel/Bert", "my_step"):
        assert split_variables(["encoder/mu/kernel", name])[0][1:] == [name]


def test_copies_of_cudnn_are_ignored():
    # As in github.com/magenta/magenta/issues/1496.
    copies = [
        f"{scope}/opaque_kernel{slot}"
        for scope in ("decoder", "encoder/cell_0/bidirectional_rnn/fw")
        for slot in ("", "/Adam", "/Adam_1")
    ]
    names = [*SMALL.variables, *copies]
    assert split_variables(names) == (list(SMALL.variables), copies)
    assert summarize(copies) == [
        "2 slots */Adam",
        "2 slots */Adam_1",
        "decoder/opaque_kernel",
        "encoder/cell_0/bidirectional_rnn/fw/opaque_kernel",
    ]
    assert split_variables(["decoder/my_opaque_kernel"])[1] == []


def test_unknown_missing_and_misshapen_variables_are_named():
    shapes = SMALL.variables
    mu, sigma = "encoder/mu/kernel", "encoder/sigma/bias"
    with pytest.raises(CheckpointError, match="encoder/extra/kernel"):
        find_architecture({**shapes, "encoder/extra/kernel": (3, 3)}, "x")
    with pytest.raises(CheckpointError, match="lacks 'encoder/sigma/bias'"):
        find_architecture({n: s for n, s in shapes.items() if n != sigma}, "x")
    with pytest.raises(CheckpointError, match=r"encoder/sigma/bias.*\(9,\).*\(4,\)"):
        find_architecture({**shapes, sigma: (9,)}, "x")
    with pytest.raises(CheckpointError, match=mu):
        find_architecture({n: s for n, s in shapes.items() if n != mu}, "x")


@pytest.mark.parametrize("shape", [(), (4,), (12, 0), (12, 1 << 20), (1, 2, 3)])
def test_impossible_shapes_are_refused(shape):
    with pytest.raises(CheckpointError, match="impossible shape"):
        find_architecture({**SMALL.variables, "encoder/mu/kernel": shape}, "x")


def test_other_models_of_magenta_are_recognised():
    drums = {**SMALL.variables, "decoder/output_projection/kernel": (3, 512)}
    with pytest.raises(CheckpointError, match="512 values"):
        find_architecture(drums, "x")
    with pytest.raises(CheckpointError, match="not a groove model"):
        find_architecture({"RNN/cell/weights": (3, 4)}, "x")
    with pytest.raises(CheckpointError, match="no weights"):
        find_architecture({}, "x")


def test_a_flood_of_layers_is_refused():
    cell = "decoder/multi_rnn_cell/cell_{}/lstm_cell/kernel"
    flood = {cell.format(index): (6, 12) for index in range(2, 5000)}
    with pytest.raises(CheckpointError, match="more than 16 layers"):
        find_architecture({**SMALL.variables, **flood}, "x")
