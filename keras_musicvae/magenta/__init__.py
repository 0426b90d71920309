"""Reads the checkpoints of Magenta's original, with NumPy alone."""
