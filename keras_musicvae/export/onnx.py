"""A model as ONNX graphs: encoder, prior, and the sampler, which decodes on its own."""

import json
from os import PathLike
from typing import Any

import numpy as np

from keras_musicvae.errors import ConfigError, shown
from keras_musicvae.export.graph import Graph
from keras_musicvae.export.weights import DTYPES, named_weights
from keras_musicvae.files import replacing_files, user_path
from keras_musicvae.grooves.drum_maps import NUM_DRUMS
from keras_musicvae.grooves.frames import NUM_FEATURES
from keras_musicvae.models.heads.chained import (
    EPSILON,
    OFFSET_BINS,
    VALUE_DIM,
    VELOCITY_BINS,
    VELOCITY_WIDTHS,
)
from keras_musicvae.models.prior import FREQUENCIES, GUIDANCE, STEPS

BATCH = "batch"


def export_onnx(
    model: Any, folder: str | PathLike[str], *, dtype: str = "float32"
) -> list[PathLike[str]]:
    """Writes encoder.onnx, prior.onnx, sampler.onnx and graphs.json.

    All inputs and outputs are float32, and any number of grooves goes at once:

    - encoder: `grooves` (batch, steps, 27), `condition` -> `z_mean`, `z_stddev`
    - prior: `noise` (batch, latent_dim), standard normal, `condition`, `base` -> `z`
    - sampler: `z`, `condition`, `noise` (batch, steps, 27), uniform in (0, 1),
      `temperature` () -> `grooves` (batch, steps, 27)

    `condition` is (batch, condition_dim), as `model.to_batch` makes it; graphs.json has
    the vocabularies and the code of a groove for which nothing is asked. Models without
    conditions have no such input, those without a flow no prior.

    Args:
        model: A `MusicVAE`.
        folder: Where to; it is created if it does not exist, and files of the same
            names are replaced.
        dtype: How weights are stored, `"float32"` or `"float16"`; graphs compute in
            float32. Defaults to `"float32"`.

    Returns:
        The files.

    Raises:
        ConfigError: A model of another kind, see `weights.SUPPORTED`, or another dtype.
        MissingExtraError: The package onnx is not installed.
        OutputError: The files cannot be written.
    """
    if dtype not in DTYPES:
        raise ConfigError(
            f"`dtype` must be one of {', '.join(DTYPES)}. Received: {shown(dtype)}"
        )
    exporter = _Exporter(model, dtype)
    graphs = {"encoder": exporter.encoder(), "sampler": exporter.sampler()}
    if model.prior_units:
        graphs["prior"] = exporter.prior()
    files = {f"{name}.onnx": graph.to_bytes() for name, graph in graphs.items()}
    about = {name: _signature(graph) for name, graph in graphs.items()}
    if model.preprocessor is not None:
        about["preprocessor"] = model.preprocessor.get_config()
    files["graphs.json"] = json.dumps(about, indent=2).encode()
    with replacing_files(folder, list(files)) as temporary:
        for path, content in zip(temporary, files.values(), strict=True):
            path.write_bytes(content)
    return [user_path(folder) / name for name in files]


def _signature(graph: Graph) -> dict[str, Any]:
    def shapes(values: list[Any]) -> dict[str, list[int | str]]:
        return {
            value.name: [
                d.dim_param or d.dim_value for d in value.type.tensor_type.shape.dim
            ]
            for value in values
        }

    return {"inputs": shapes(graph.inputs), "outputs": shapes(graph.outputs)}


class _Exporter:
    """Writes the graphs of one model."""

    def __init__(self, model: Any, dtype: str) -> None:
        self.architecture = model.architecture
        self.lags = model.lags
        self.settings = model.heads.settings
        self.weights = named_weights(model)
        self.dtype = dtype

    # --- Encoder --------------------------------------------------------------

    def encoder(self) -> Graph:
        a, graph = self.architecture, Graph("encoder")
        sequences = graph.input("grooves", (BATCH, a.num_steps, NUM_FEATURES))
        if a.hierarchical_encoder:
            bars = graph.reshape(sequences, (-1, a.steps_per_bar, NUM_FEATURES))
            summaries = self._bidirectional(graph, bars, "encoder.bar")
            width = 2 * a.encoder_units[-1]
            sequences = graph.reshape(summaries, (-1, a.num_bars, width))
            summary = self._bidirectional(graph, sequences, "encoder.bars")
        else:
            summary = self._bidirectional(graph, sequences, "encoder")
        summary = self._beside_condition(graph, summary)
        mean = self._dense(graph, summary, "latent.mean")
        stddev = graph("Softplus", self._dense(graph, summary, "latent.stddev"))
        graph.output("z_mean", mean, (BATCH, a.latent_dim))
        graph.output("z_stddev", stddev, (BATCH, a.latent_dim))
        return graph

    def _bidirectional(self, graph: Graph, sequences: str, name: str) -> str:
        """The two final states of stacked layers, side by side."""
        sequences = graph("Transpose", sequences, perm=[1, 0, 2])
        for layer, units in enumerate(self.architecture.encoder_units):
            pair = [
                [self.weights[f"{name}.{way}.{layer}.{part}"] for part in _LSTM_PARTS]
                for way in ("forward", "backward")
            ]
            kernels, recurrents, biases = (
                np.stack([_in_onnx_order(weight) for weight in weights])
                for weights in zip(*pair, strict=True)
            )
            # ONNX has a second bias, beside the recurrent kernel.
            biases = np.concatenate([biases, np.zeros_like(biases)], axis=1)
            outputs, final, _ = graph(
                "LSTM",
                sequences,
                *(
                    graph.constant(weight, self.dtype)
                    for weight in (kernels, recurrents, biases)
                ),
                outputs=3,
                hidden_size=units,
                direction="bidirectional",
            )
            # (steps, 2, batch, units) -> (steps, batch, 2 * units)
            together = graph("Transpose", outputs, perm=[0, 2, 1, 3])
            sequences = graph.reshape(together, (0, 0, 2 * units))
        return graph.reshape(graph("Transpose", final, perm=[1, 0, 2]), (-1, 2 * units))

    # --- Prior ----------------------------------------------------------------

    def prior(self) -> Graph:
        """The flow, by Heun's method; see `models/prior.py`."""
        a, graph = self.architecture, Graph("prior")
        noise = graph.input("noise", (BATCH, a.latent_dim))
        kernel = self.weights["prior.dense.0.kernel"]
        kernel, kernel_time, kernel_condition = np.split(
            kernel, [a.latent_dim, a.latent_dim + 2 * FREQUENCIES]
        )
        times = np.linspace(0.0, 1.0, STEPS + 1)
        angles = np.pi * times[:, None] * np.arange(1, FREQUENCIES + 1)
        # What the time adds to the first layer is known beforehand.
        shares = np.concatenate([np.sin(angles), np.cos(angles)], 1) @ kernel_time
        shares = shares.astype(np.float32)
        point_kernel = graph.constant(kernel, self.dtype)
        bias = graph.constant(self.weights["prior.dense.0.bias"])
        sources = [bias]
        if a.condition_dim:
            condition_kernel = graph.constant(kernel_condition, self.dtype)
            sources = [
                graph("Add", graph("MatMul", codes, condition_kernel), bias)
                for name in ("condition", "base")
                for codes in [graph.input(name, (BATCH, a.condition_dim))]
            ]
        body = Graph("prior_step", outer=graph)
        x = body.input("x", (BATCH, a.latent_dim))
        now, then = (body.input(name, (1, a.prior_units)) for name in ("now", "then"))

        def direction(x: str, time: str) -> str:
            first = body("Add", body("MatMul", x, point_kernel), time)
            towards, *anyhow = (
                self._prior_blocks(body, body("Add", first, source))
                for source in sources
            )
            if not anyhow:
                return towards
            difference = body("Sub", towards, anyhow[0])
            guided = body("Mul", difference, body.constant(np.float32(GUIDANCE)))
            return body("Add", anyhow[0], guided)

        width = body.constant(np.float32(1.0 / STEPS))
        first = direction(x, now)
        second = direction(body("Add", x, body("Mul", first, width)), then)
        mean = body("Mul", body("Add", first, second), body.constant(np.float32(0.5)))
        moved = body("Add", x, body("Mul", mean, width))
        body.output("x_next", moved, (BATCH, a.latent_dim))
        steps = [shares[:-1], shares[1:]]
        final = graph.scan(
            body, [noise], [graph.constant(part[None, :]) for part in steps]
        )
        scaled = graph("Mul", final, graph.constant(self.weights["prior.scale"]))
        z = graph("Add", scaled, graph.constant(self.weights["prior.centre"]))
        graph.output("z", z, (BATCH, a.latent_dim))
        return graph

    def _prior_blocks(self, graph: Graph, first: str) -> str:
        def silu(x: str) -> str:
            return graph("Mul", x, graph("Sigmoid", x))

        hidden = silu(first)
        layers = sorted({n.split(".")[2] for n in self.weights if "prior.dense" in n})
        for layer in layers[1:-1]:
            more = silu(self._dense(graph, hidden, f"prior.dense.{layer}"))
            hidden = graph("Add", hidden, more)
        return self._dense(graph, hidden, f"prior.dense.{layers[-1]}")

    # --- Sampler --------------------------------------------------------------

    def sampler(self) -> Graph:
        """Free running: every step reads the frames drawn before it."""
        a, graph = self.architecture, Graph("sampler")
        z = self._beside_condition(graph, graph.input("z", (BATCH, a.latent_dim)))
        noise = graph.input("noise", (BATCH, a.num_steps, NUM_FEATURES))
        temperature = graph.input("temperature", ())
        thresholds = self._thresholds(graph, noise, temperature)
        read, latent = len(self.lags) * NUM_FEATURES, a.latent_dim + a.condition_dim
        kernel = self.weights["decoder.lstm.0.kernel"]
        read_kernel, z_kernel, place_kernel = np.split(kernel, [read, read + latent])
        constant = graph(
            "Add",
            graph("MatMul", z, graph.constant(z_kernel, self.dtype)),
            graph.constant(self.weights["decoder.lstm.0.bias"]),
        )
        states = self._initial_states(graph, z)
        sequences = [thresholds]
        body = Graph("step", outer=graph)
        past = body.input("past", (BATCH, max(self.lags), NUM_FEATURES))
        pairs = [
            tuple(body.input(f"{part}_{layer}", (BATCH, units)) for part in "hc")
            for layer, units in enumerate(a.decoder_units)
        ]
        below = body.input("below", (BATCH, NUM_FEATURES))
        frames = [
            body("Gather", past, body.constant(np.array(max(self.lags) - lag)), axis=1)
            for lag in self.lags
        ]
        seen = body.concatenate(*frames)
        seen_kernel = body.constant(read_kernel, self.dtype)
        gates = body("Add", constant, body("MatMul", seen, seen_kernel))
        if a.lookback:
            # Which step of its bar and which bar a step is.
            sequences.append(graph.constant(self._places(place_kernel)[None]))
            place = body.input("place", (1, 4 * a.decoder_units[0]))
            gates = body("Add", gates, place)
        following: list[tuple[str, str]] = []
        for layer, pair in enumerate(pairs):
            name = f"decoder.lstm.{layer}"
            if layer:
                gates = self._dense(body, following[-1][0], name)
            following.append(self._lstm_step(body, gates, pair, name))
        top = following[-1][0]
        if a.lookback:
            top = body.concatenate(top, seen)
        frame = self._draw(body, self._dense(body, top, "decoder.output"), below)
        one = body.constant(np.array([1], np.int64))
        shifted = body.slice(past, 1, max(self.lags), axis=1)
        last = body("Unsqueeze", frame, one)
        if max(self.lags) > 1:
            last = body.concatenate(shifted, last, axis=1)
        body.output("past_next", last, (BATCH, max(self.lags), NUM_FEATURES))
        for layer, (pair, units) in enumerate(
            zip(following, a.decoder_units, strict=True)
        ):
            for part, value in zip("hc", pair, strict=True):
                body.output(f"{part}_{layer}_next", value, (BATCH, units))
        body.output("frame", frame, (BATCH, NUM_FEATURES))
        # No frame has been drawn before the first: zeros, one for each groove.
        nothing = graph("Mul", graph.slice(z, 0, 1), graph.constant(np.float32(0)))
        width = max(self.lags) * NUM_FEATURES
        nothing = graph("Expand", nothing, graph.constant(np.array([1, width])))
        history = graph.reshape(nothing, (-1, max(self.lags), NUM_FEATURES))
        results = graph.scan(body, [history, *states], sequences)
        graph.output("grooves", results[-1], (BATCH, a.num_steps, NUM_FEATURES))
        return graph

    def _thresholds(self, graph: Graph, noise: str, temperature: str) -> str:
        """See `heads.draws.expressive_thresholds`."""
        one = graph.constant(np.float32(1))
        logit = graph(
            "Sub",
            graph("Log", noise),
            graph("Log", graph("Sub", one, noise)),
        )
        kinds = [
            graph.slice(logit, kind * NUM_DRUMS, (kind + 1) * NUM_DRUMS)
            for kind in range(3)
        ]
        settings = self.settings
        scales = [
            graph("Mul", temperature, graph.constant(np.float32(scale)))
            for scale in (
                settings.hit_temperature,
                settings.velocity_temperature,
                settings.timing_temperature,
            )
        ]
        hits, velocities, offsets = (
            graph("Mul", kind, scale) for kind, scale in zip(kinds, scales, strict=True)
        )
        middle = graph.constant(np.float32(settings.middle))
        pull = graph("Mul", graph("Sub", one, scales[0]), middle)
        return graph.concatenate(
            graph("Add", hits, pull),
            graph("Sigmoid", velocities),
            graph("Sigmoid", offsets),
        )

    def _places(self, kernel: Any) -> Any:
        """What the place of each step adds to the first layer: (steps, 4 * units)."""
        a = self.architecture
        steps = np.arange(a.num_steps)
        bars = a.steps_per_bar + steps // a.steps_per_bar
        return kernel[steps % a.steps_per_bar] + kernel[bars]

    def _initial_states(self, graph: Graph, z: str) -> list[str]:
        flat = graph("Tanh", self._dense(graph, z, "decoder.initial"))
        states, start = [], 0
        for units in self.architecture.decoder_units:
            c = graph.slice(flat, start, start + units)
            h = graph.slice(flat, start + units, start + 2 * units)
            states += [h, c]
            start += 2 * units
        return states

    def _lstm_step(
        self, graph: Graph, gates: str, state: tuple[str, ...], name: str
    ) -> tuple[str, str]:
        h, c = state
        recurrent = graph.constant(self.weights[f"{name}.recurrent"], self.dtype)
        gates = graph("Add", gates, graph("MatMul", h, recurrent))
        units = self.weights[f"{name}.recurrent"].shape[0]
        parts = [graph.slice(gates, i * units, (i + 1) * units) for i in range(4)]
        into, forget, out = (graph("Sigmoid", parts[i]) for i in (0, 1, 3))
        new = graph("Mul", into, graph("Tanh", parts[2]))
        c = graph("Add", graph("Mul", forget, c), new)
        return graph("Mul", out, graph("Tanh", c)), c

    def _draw(self, graph: Graph, outputs: str, below: str) -> str:
        """A frame, drum after drum; see `heads.chained`."""
        weights = self.weights
        logits = graph.slice(outputs, 0, NUM_DRUMS)
        hits = []
        for drum in range(NUM_DRUMS):
            own = graph.slice(logits, drum, drum + 1)
            share = graph.slice(below, drum, drum + 1)
            hits.append(graph("Cast", graph("Greater", own, share), to=1))
            row = graph.constant(weights["heads.hit_chain"][drum])
            logits = graph("Add", logits, graph("Mul", hits[-1], row))
        all_hits = graph.concatenate(*hits)
        width = weights["heads.hits"].shape[1]
        hidden = graph.slice(outputs, NUM_DRUMS, NUM_DRUMS + width)
        seen = graph("MatMul", all_hits, graph.constant(weights["heads.hits"]))
        hidden = graph("Tanh", graph("Add", hidden, seen))
        values = self._dense(graph, hidden, "heads.values")
        velocity_widths = VELOCITY_WIDTHS[:, None] / np.float32(127)
        offset_widths = np.full((OFFSET_BINS, 1), 2.0 / OFFSET_BINS, np.float32)
        drawn: list[str] = []
        for drum in range(NUM_DRUMS):
            start = drum * VALUE_DIM
            for kind, first, bins, lowest in (
                (1, start, velocity_widths, 0.5 / 127),
                (2, start + VELOCITY_BINS, offset_widths, -1.0),
            ):
                last = first + len(bins)
                own = graph.slice(values, first, last)
                if drawn:
                    chain = weights["heads.value_chain"][: len(drawn), first:last]
                    before = graph.concatenate(*drawn)
                    more = graph("MatMul", before, graph.constant(chain))
                    own = graph("Add", own, more)
                column = kind * NUM_DRUMS + drum
                share = graph.slice(below, column, column + 1)
                value = self._quantile(graph, own, share, bins, lowest)
                drawn.append(graph("Mul", hits[drum], value))
        return graph.concatenate(all_hits, *drawn[::2], *drawn[1::2])

    def _quantile(
        self, graph: Graph, logits: str, share: str, widths: Any, lowest: float
    ) -> str:
        """The value below which the share of a histogram lies."""
        softmax = graph("Softmax", logits, axis=-1)
        masses = graph("Add", softmax, graph.constant(np.float32(EPSILON)))
        axis = graph.constant(np.array(1, np.int64))
        before = graph("CumSum", masses, axis, exclusive=1)
        passed = graph("Div", graph("Sub", share, before), masses)
        bounds = [graph.constant(np.float32(bound)) for bound in (0, 1)]
        passed = graph("Clip", passed, *bounds)
        value = graph("MatMul", passed, graph.constant(widths))
        return graph("Add", value, graph.constant(np.float32(lowest)))

    # --- Shared ---------------------------------------------------------------

    def _dense(self, graph: Graph, value: str, name: str) -> str:
        kernel = graph.constant(self.weights[f"{name}.kernel"], self.dtype)
        bias = graph.constant(self.weights[f"{name}.bias"])
        return graph("Add", graph("MatMul", value, kernel), bias)

    def _beside_condition(self, graph: Graph, value: str) -> str:
        width = self.architecture.condition_dim
        if not width:
            return value
        return graph.concatenate(value, graph.input("condition", (BATCH, width)))


_LSTM_PARTS = ("kernel", "recurrent", "bias")


def _in_onnx_order(weight: Any) -> Any:
    """Weights of an LSTM with rows of gates in the order input, output, forget, cell.

    Keras has columns in the order input, forget, cell, output.
    """
    gates = np.split(weight, 4, axis=-1)
    return np.concatenate([gates[i] for i in (0, 3, 1, 2)], axis=-1).T
