"""A few thousand damaged files, read within bounds and without untyped errors."""

import pytest
from grooves import dataset
from grooves.fuzzing import fuzz, seeds

COUNT = 2_000


@pytest.mark.parametrize("kind", ["made up", "recorded"])
def test_damaged_files(kind):
    sources = seeds()
    if kind == "recorded":
        names = [row["midi_filename"] for row in dataset.info()[:60]]
        data = [dataset.midi_bytes(name) for name in names]
        sources = [file for file in data if len(file) < 10_000]
    outcomes = fuzz(sources, COUNT, seed=7)
    assert not [outcome for outcome in outcomes if outcome.startswith("FAILURE")]
    # The damage must leave enough to read, and break enough, to prove something.
    assert outcomes["groove"] > COUNT / 20
    assert outcomes["MidiFormatError"] > COUNT / 4
    assert sum(outcomes.values()) == COUNT
