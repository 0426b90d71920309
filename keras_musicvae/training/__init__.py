"""Training on windows: batches, checkpoints that resume, a preset at the end."""
