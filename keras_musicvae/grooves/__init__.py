"""MIDI <-> groove <-> tensor, with NumPy and miditoolkit; never Keras."""
