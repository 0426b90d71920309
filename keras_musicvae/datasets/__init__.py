"""Windows of grooves to train on: the Groove MIDI Dataset, or any folder of MIDI."""
