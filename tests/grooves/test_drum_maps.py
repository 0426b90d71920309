"""Drum maps: the known ones, a user's own, and translation between them."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from keras_musicvae.errors import DrumMapError
from keras_musicvae.grooves.drum_maps import (
    DRUM_MAPS,
    DRUMS,
    GENERAL_MIDI,
    NUM_PITCHES,
    ROLAND_TD11,
    DrumMap,
    get_drum_map,
    pitch_name,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "drum_maps.md"


def test_roland_is_the_representation_of_the_models():
    classes = {
        "kick": [36],
        "snare": [38, 37, 40],
        "closed_hihat": [42, 22, 44],
        "open_hihat": [46, 26],
        "low_tom": [43, 58],
        "mid_tom": [47, 45],
        "high_tom": [50, 48],
        "crash": [49, 52, 55, 57],
        "ride": [51, 53, 59],
    }
    assert tuple(classes) == DRUMS
    assert {
        drum: list(pitches) for drum, pitches in ROLAND_TD11.drums.items()
    } == classes


def test_general_midi_has_every_percussion_note_of_its_standard():
    for pitch in range(27, 88):
        assert GENERAL_MIDI.drum_of(pitch) is not None
        assert pitch_name(pitch)
    assert pitch_name(27) == "high Q"
    assert pitch_name(35) == "acoustic bass drum"
    assert pitch_name(81) == "open triangle"
    assert pitch_name(87) == "open surdo"
    assert pitch_name(0) == pitch_name(127) == ""
    # Where it is not Roland's: 45 is a low tom, 48 a mid tom, 58 a vibraslap.
    assert [DRUMS[GENERAL_MIDI.drum_of(p)] for p in (45, 48, 58)] == [
        "low_tom",
        "mid_tom",
        "crash",
    ]


@pytest.mark.parametrize("name", DRUM_MAPS)
def test_every_map(name):
    drum_map = get_drum_map(name)
    assert drum_map.name == name
    assert drum_map.source
    assert drum_map.drum_table.shape == (NUM_PITCHES,)
    assert drum_map.drum_table[drum_map.written_pitches].tolist() == list(range(9))
    names = [a for drum in DRUMS for a in drum_map.drums[drum].values()]
    assert len(names) == len(set(names)), "an articulation has two pitches"
    # The usual stroke of each drum is the usual stroke of every other map.
    for other in DRUM_MAPS.values():
        for index, pitch in enumerate(drum_map.written_pitches):
            if drum_map.articulation_of(int(pitch)) in DRUMS:
                target = drum_map.translate(int(pitch), other)
                assert other.drum_of(target) == index
    for pitch in np.flatnonzero(drum_map.drum_table >= 0).tolist():
        assert drum_map.translate(pitch, drum_map) == pitch


@pytest.mark.parametrize(
    ("pitch", "expected"),
    [
        # kick, snare, cross-stick, rimshot, pedal hi-hat, ride bell
        (36, [36, 36, 36, 36, 36]),
        (38, [38, 38, 38, 38, 38]),
        (37, [37, 37, 37, 42, 37]),
        (40, [40, 40, 40, 37, 40]),
        (44, [44, 44, 44, 48, 33]),
        (53, [53, 53, 53, 61, 53]),
        (22, [42, 22, 22, 50, 44]),  # edge of the closed hi-hat
        (58, [43, 75, 75, 68, 41]),  # rim of the low tom
    ],
)
def test_translation_of_articulations(pitch, expected):
    targets = [
        "general_midi",
        "ezdrummer",
        "superior_drummer",
        "addictive_drums",
        "logic",
    ]
    assert [
        ROLAND_TD11.translate(pitch, get_drum_map(target)) for target in targets
    ] == expected


def test_translation_of_an_unknown_pitch():
    with pytest.raises(DrumMapError, match="'roland_td11' has no pitch 39"):
        ROLAND_TD11.translate(39, GENERAL_MIDI)


@pytest.mark.parametrize(
    "drums", [5, "kick", None, {"kick": [36]}, dict.fromkeys(DRUMS, 5)]
)
def test_what_is_no_drum_map(drums):
    with pytest.raises(DrumMapError, match="must be like"):
        DrumMap("kit", drums)


def test_unknown_name_suggests_the_closest():
    with pytest.raises(DrumMapError, match=r"Did you mean 'superior_drummer'\?"):
        get_drum_map("superior_drumer")


def user_map(**changes):
    drums = {drum: [60 + index] for index, drum in enumerate(DRUMS)}
    return {"name": "kit", "drums": drums | changes}


def saved(tmp_path, content):
    path = tmp_path / "kit.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_users_map(tmp_path):
    content = user_map(kick=[36, 35], snare={"38": "snare", "39": "cross_stick"})
    drum_map = get_drum_map(saved(tmp_path, content))
    assert drum_map.written_pitches[:3].tolist() == [36, 38, 62]
    assert drum_map.drum_of(35) == 0
    assert drum_map.translate(39, ROLAND_TD11) == 37
    assert ROLAND_TD11.translate(40, drum_map) == 38


@pytest.mark.parametrize("name", DRUM_MAPS)
def test_json_round_trip(name, tmp_path):
    drum_map = DRUM_MAPS[name]
    assert DrumMap.from_json(saved(tmp_path, drum_map.to_json())) == drum_map


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("no json", "is not a drum map"),
        ("[1, 2]", "is not a drum map"),
        ("{}", "is not a drum map"),
        ('{"drums": 5}', "is not a drum map"),
        ("[" * 60_000, "is not a drum map"),
        (" " * 70_000, "more than 65536 bytes"),
        (user_map(kick=[]), "is not a drum map"),
        (user_map(kick=5), "is not a drum map"),
        (user_map(kick=[[36]]), "is not a drum map"),
        (user_map(kick={"x": "kick"}), "is not a drum map"),
        (user_map(kick=[128]), "0 to 127. Received: 128"),
        (user_map(kick=[36.5]), "0 to 127. Received: 36.5"),
        (user_map(kick=[True]), "Received: True"),
        (user_map(kick=["36"]), "Received: '36'"),
        (user_map(kick=[61]), "pitch 61 is both kick and snare"),
        (user_map(gong=[90]), "not a drum: \\['gong'\\]"),
        ({"drums": {"kick": [36]}}, "Missing: \\['snare'"),
    ],
)
def test_impossible_user_maps(tmp_path, content, message):
    with pytest.raises(DrumMapError, match=message):
        get_drum_map(saved(tmp_path, content))


def test_missing_json():
    with pytest.raises(DrumMapError, match=r"none\.json is not a drum map"):
        get_drum_map("none.json")


def test_the_document_tells_the_same_numbers():
    """docs/drum_maps.md lists each map's pitches, the written one first."""
    text = DOCUMENT.read_text()
    rows = dict(re.findall(r"^\| (\w+) \| (.*) \|$", text, re.MULTILINE))
    columns = [name.strip(" `") for name in rows["drum"].split("|")]
    assert columns == list(DRUM_MAPS)
    for drum in DRUMS:
        for name, cell in zip(columns, rows[drum].split("|"), strict=True):
            pitches = [int(pitch) for pitch in re.findall(r"\d+", cell)]
            assert pitches == list(DRUM_MAPS[name].drums[drum]), (name, drum)
