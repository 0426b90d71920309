"""Magenta's graph in plain NumPy, straight from its variables.

The oracle for architectures that have no golden checkpoint: it reads the variables by
Magenta's names and follows `lstm_models.py`, sharing nothing with the package.
"""

import re

import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def dense(variables, name, x):
    return x @ variables[f"{name}/kernel"] + variables[f"{name}/bias"]


def lstm_step(variables, name, x, state):
    """One step of TensorFlow 1's LSTMBlockCell; state is (c, h)."""
    c, h = state
    gates = dense(variables, name, np.concatenate([x, h], axis=-1))
    i, g, f, o = np.split(gates, 4, axis=-1)
    c = sigmoid(f + 1) * c + sigmoid(i) * np.tanh(g)
    return c, sigmoid(o) * np.tanh(c)


def count(variables, pattern):
    """How many layers have names that match."""
    return len({m[1] for name in variables if (m := re.match(pattern, name))})


def units_of(variables, name):
    return len(variables[f"{name}/bias"]) // 4


# --- Encoder ------------------------------------------------------------------


def run(variables, name, sequence):
    """An LSTM over (batch, steps, features) from zeros: the outputs."""
    zeros = np.zeros((len(sequence), units_of(variables, name)))
    state, outputs = (zeros, zeros), []
    for x in np.moveaxis(sequence, 1, 0):
        state = lstm_step(variables, name, x, state)
        outputs.append(state[1])
    return np.stack(outputs, axis=1)


def bidirectional(variables, prefix, sequence):
    layers = count(variables, rf"{prefix}/cell_(\d+)/bidirectional_rnn/fw/.*kernel$")
    for layer in range(layers):
        name = f"{prefix}/cell_{layer}/bidirectional_rnn/{{}}/multi_rnn_cell/cell_0/"
        forward = run(variables, f"{name.format('fw')}lstm_cell", sequence)
        backward = run(variables, f"{name.format('bw')}lstm_cell", sequence[:, ::-1])
        sequence = np.concatenate([forward, backward[:, ::-1]], axis=-1)
    return np.concatenate([forward[:, -1], backward[:, -1]], axis=-1)


def encode(variables, sequence, num_bars):
    """(batch, steps, 27 + controls) -> mu, sigma."""
    if any(name.startswith("encoder/hierarchical_level_") for name in variables):
        bars = np.split(sequence, num_bars, axis=1)
        level = "encoder/hierarchical_level_{}"
        summaries = [bidirectional(variables, level.format(0), bar) for bar in bars]
        h = bidirectional(variables, level.format(1), np.stack(summaries, axis=1))
    else:
        h = bidirectional(variables, "encoder", sequence)
    sigma = np.log1p(np.exp(dense(variables, "encoder/sigma", h)))
    return dense(variables, "encoder/mu", h), sigma


# --- Decoder ------------------------------------------------------------------


def initial_state(variables, name, z, cells):
    """tanh(dense(z)), cut in c0, h0, c1, h1..."""
    flat = np.tanh(dense(variables, name, z))
    states, start = [], 0
    for cell in cells:
        units = units_of(variables, cell)
        middle, end = start + units, start + 2 * units
        states.append((flat[:, start:middle], flat[:, middle:end]))
        start = end
    return states


def stacked_step(variables, cells, x, states):
    following = []
    for cell, state in zip(cells, states, strict=True):
        following.append(lstm_step(variables, cell, x, state))
        x = following[-1][1]
    return x, following


def decode_notes(variables, prefix, z, previous, controls):
    layers = count(variables, rf"{prefix}/multi_rnn_cell/cell_(\d+)/.*kernel$")
    cells = [f"{prefix}/multi_rnn_cell/cell_{i}/lstm_cell" for i in range(layers)]
    states = initial_state(variables, f"{prefix}/z_to_initial_state", z, cells)
    outputs = []
    for step in range(previous.shape[1]):
        parts = [previous[:, step], z]
        if controls is not None:
            parts.append(controls[:, step])
        x, states = stacked_step(variables, cells, np.concatenate(parts, -1), states)
        outputs.append(dense(variables, f"{prefix}/output_projection", x))
    return np.stack(outputs, axis=1), states


def decode(variables, z, target, num_bars, controls=None):
    """Teacher-forced outputs (batch, steps, 27)."""
    previous = np.concatenate([np.zeros_like(target[:, :1]), target[:, :-1]], axis=1)
    level = "decoder/hierarchical_level_0"
    layers = count(variables, rf"{level}/cell_(\d+)/lstm_cell/kernel$")
    if not layers:
        return decode_notes(variables, "decoder", z, previous, controls)[0]
    cells = [f"{level}/cell_{i}/lstm_cell" for i in range(layers)]
    states = initial_state(variables, f"{level}/initial_state", z, cells)
    rows = len(variables[f"{cells[0]}/kernel"]) - units_of(variables, cells[0])
    feedback = np.zeros((len(z), rows - z.shape[1])) if rows > 1 else None
    outputs = []
    for index, bar in enumerate(np.split(previous, num_bars, axis=1)):
        x = np.zeros((len(z), 1))
        if feedback is not None:
            x = np.concatenate([feedback, z], axis=-1)
        embedding, states = stacked_step(variables, cells, x, states)
        bar_controls = None
        if controls is not None:
            bar_controls = np.split(controls, num_bars, axis=1)[index]
        output, final = decode_notes(
            variables, "core_decoder/decoder", embedding, bar, bar_controls
        )
        outputs.append(output)
        if feedback is not None:
            feedback = np.concatenate([x for pair in final for x in pair], axis=-1)
    return np.concatenate(outputs, axis=1)
