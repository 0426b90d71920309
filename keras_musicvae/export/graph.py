"""ONNX graphs, written node by node."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_musicvae.errors import MissingExtraError

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper
except ImportError as error:
    raise MissingExtraError(
        'This needs the package onnx: pip install "keras-musicvae[onnx]"'
    ) from error

# What runtimes of the last years read.
OPSET = 17
IR_VERSION = 8

Shape = Sequence[int | str]


class Graph:
    """A graph under construction; values are known by their names.

    Args:
        name: The name of the graph.
        outer: The graph around the body of a loop, which holds its constants.
    """

    def __init__(self, name: str, outer: "Graph | None" = None) -> None:
        self.name = name
        self.nodes: list[Any] = []
        self.inputs: list[Any] = []
        self.outputs: list[Any] = []
        self.initializers: list[Any] = []
        self.constants: dict[Any, str] = {}
        self.outer = outer

    # --- Values ---------------------------------------------------------------

    def input(self, name: str, shape: Shape) -> str:
        """An input of float32."""
        self.inputs.append(_described(name, shape))
        return name

    def output(self, name: str, value: str, shape: Shape) -> None:
        """Gives a value a name as an output of float32."""
        self.nodes.append(helper.make_node("Identity", [value], [name]))
        self.outputs.append(_described(name, shape))

    def constant(self, array: Any, stored_as: str | None = None) -> str:
        """A constant, stored once; floats as another type, if one is given."""
        root = self
        while root.outer is not None:
            root = root.outer
        array = np.asarray(array)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        cast = stored_as is not None and stored_as != array.dtype.name
        stored = array.astype(stored_as) if cast else array
        key = (stored.dtype, stored.shape, stored.tobytes())
        if key not in root.constants:
            name = f"constant_{len(root.initializers)}"
            root.initializers.append(numpy_helper.from_array(stored, name))
            root.constants[key] = (
                root("Cast", name, to=TensorProto.FLOAT) if cast else name
            )
        return root.constants[key]

    def __call__(
        self, kind: str, *inputs: str, outputs: int = 1, **attributes: Any
    ) -> Any:
        """Adds a node.

        Args:
            kind: The operator.
            *inputs: Names of values; "" leaves one out.
            outputs: How many outputs it has. Defaults to 1.
            **attributes: Its attributes.

        Returns:
            The name of its output; a list of them if there are several.
        """
        prefix = f"{self.name}_{kind.lower()}_{len(self.nodes)}"
        names = [f"{prefix}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names if outputs > 1 else names[0]

    # --- Operators that need several nodes or constants -----------------------

    def slice(self, value: str, first: int, last: int, axis: int = -1) -> str:
        """The part from `first` up to, not including, `last`."""
        bounds = [self.constant(np.array([n], np.int64)) for n in (first, last, axis)]
        return self("Slice", value, *bounds)

    def reshape(self, value: str, shape: Sequence[int]) -> str:
        """Another shape; -1 stands for what is left, 0 for what it was."""
        return self("Reshape", value, self.constant(np.array(shape, np.int64)))

    def concatenate(self, *values: str, axis: int = -1) -> str:
        """Values one after the other."""
        return self("Concat", *values, axis=axis) if len(values) > 1 else values[0]

    def scan(
        self, body: "Graph", states: Sequence[str], sequences: Sequence[str]
    ) -> Any:
        """Runs a body over sequences (batch, steps, ...).

        Args:
            body: Its inputs and outputs are the states, then one step of each sequence.
            states: The states at the start.
            sequences: What is read step by step.

        Returns:
            The names of the last states and of the sequences of outputs.
        """
        results = len(body.outputs) - len(states)
        return self(
            "Scan",
            *states,
            *sequences,
            outputs=len(body.outputs),
            body=body.proto(),
            num_scan_inputs=len(sequences),
            scan_input_axes=[1] * len(sequences),
            **({"scan_output_axes": [1] * results} if results else {}),
        )

    # --- Files ----------------------------------------------------------------

    def proto(self) -> Any:
        """The graph as ONNX holds it."""
        return helper.make_graph(
            self.nodes, self.name, self.inputs, self.outputs, self.initializers
        )

    def to_bytes(self) -> bytes:
        """The bytes of a checked model file."""
        model = helper.make_model(
            self.proto(),
            producer_name="keras-musicvae",
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
        )
        onnx.checker.check_model(model, full_check=True)
        return bytes(model.SerializeToString(deterministic=True))


def _described(name: str, shape: Shape) -> Any:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
