"""From the JSON of a run to its report."""

import copy
import json

from benchmarks.commands import is_emulated
from benchmarks.contenders import NATIVE, OURS
from benchmarks.report import headline, read_records, report, table, write_report
from benchmarks.tasks import Task


def contender(backend, name, turns):
    return {
        "backend": backend,
        "name": name,
        "difference": {} if name == OURS else {"loss": 1e-7},
        "build_seconds": 0.1,
        "first_seconds": 2.0,
        "second_seconds": 1.0,
        "turns": turns,
    }


def record(result):
    return {
        "command": "train",
        "started": "2026-01-01T00:00:00+00:00",
        "seconds": 1.0,
        "commit": "abc",
        "disturbance": {
            "cores_used_by_others": 0.01,
        },
        "machine": {
            "cpu": "A processor",
            "cores": 2,
            "cpu_features": {"avx2": True, "amx_bf16": False},
            "memory_gib": 8.0,
            "gpu": None,
            "system": "Linux",
            "python": "3.11",
        },
        "backends": {
            "torch": {
                "backend": "torch",
                "versions": {"torch": "2"},
                "threads": 2,
                "devices": ["cpu"],
            }
        },
        "result": result,
    }


def trained(ours, native):
    rates = {
        "matrix_flops": 2e11,
        "copy_bytes": 2e10,
        "step_seconds_256": 5e-5,
        "step_seconds_512": 1e-4,
    }
    race = {
        "task": Task("train", 128).as_dict(),
        "contenders": [
            contender("torch", OURS, [[s] for s in ours]),
            contender("torch", NATIVE, [[s] for s in native]),
        ],
    }
    return {"rates": {"float32": {"torch": rates}}, "races": [race]}


def report_of(**results):
    return report({name: record(result) for name, result in results.items()})


def test_the_report_holds_the_numbers():
    text = report_of(train=trained([0.88] * 3, [0.80] * 3))
    assert "| torch: keras-musicvae | 880 [880, 880] | 145 | 1.10 [1.10, 1.10]" in text
    assert "A processor" in text
    assert "no GPU" in text


def test_a_contender_that_failed_is_shown_as_such():
    train = trained([0.8] * 3, [0.8] * 3)
    broken = {"backend": "torch", "name": NATIVE, "failed": "out of luck"}
    train["races"][0]["contenders"][1] = broken
    text = report_of(train=train)
    assert "failed: out of luck" in text
    assert "| torch: keras-musicvae | 800 [800, 800] | 160 | - |" in text


def test_a_disturbed_run_is_called_disturbed():
    train = record(trained([0.8, 1.2, 0.9, 1.6], [0.8] * 4))
    disturbed = copy.deepcopy(train)
    disturbed["disturbance"]["cores_used_by_others"] = 0.4
    assert report({"train": train}).count("disturbed") == 1
    assert report({"train": disturbed}).count("disturbed") == 2


def test_latencies_are_percentiles_of_all_calls():
    turns = [[0.005, 0.007], [0.006, 0.100]]
    race = {
        "task": Task("sample", 1).as_dict(),
        "contenders": [contender("torch", OURS, turns)],
    }
    text = report_of(sample={"races": [race]})
    assert "| 72.1 | 97.2 |" in text  # 90 and 99 % of 5, 6, 7 and 100 ms


def test_report_is_written_beside_the_json(tmp_path):
    train = record(trained([0.8] * 3, [0.8] * 3))
    (tmp_path / "train.json").write_text(json.dumps(train))
    path = write_report(tmp_path)
    assert path == tmp_path / "report.md"
    assert path.read_text() == report({"train": train})
    assert set(read_records(tmp_path)) == {"train"}
    assert not list(tmp_path.glob("*.new*"))


def test_nothing_measured():
    assert "Nothing was measured" in report({})


def test_table():
    assert table(("a", "b"), [("c", "d")]) == "| a | b |\n| --- | ---: |\n| c | d |"


def test_a_precision_done_in_software_is_said_to_be():
    train = trained([0.8] * 3, [0.8] * 3)
    rates = train["rates"]
    rates["bfloat16"] = {"torch": {**rates["float32"]["torch"], "matrix_flops": 1e9}}
    assert is_emulated(rates, "bfloat16", "torch")
    assert not is_emulated(rates, "float32", "torch")
    assert "Not timed: torch in bfloat16" in report_of(train=train)


MUSIC = {
    "preset": "p",
    "number": 512,
    "in_memory": True,
    "seconds": {"torch": {"sample": [0.5, 0.6, 0.7], "encode": [1.0, 1.1, 1.2]}},
}


def test_the_other_sections():
    peak = {
        "task": Task("train", 128).as_dict(),
        "backend": "torch",
        "name": OURS,
        "host_before": 2**28,
        "host": 2**30,
    }
    preprocessed = {
        "files": 100,
        "seconds": [2.0, 3.0, 4.0],
        "readers": {"check_midi": 0.5},
    }
    text = report_of(music=MUSIC, memory={"peaks": [peak]}, preprocess=preprocessed)
    assert "| torch | sample | 600 [550, 650] | 853 |" in text
    assert "The files lie in memory." in text
    assert "batch 128, float32 | 1024 | 768 | - |" in text
    assert "a whole process: 3000 [2500, 3500] ms." in text
    assert "| check_midi | 200 |" in text


def test_the_table_of_the_readme():
    sample = {
        "task": Task("sample", 1).as_dict(),
        "contenders": [contender("torch", OURS, [[0.005, 0.007], [0.006, 0.100]])],
    }
    train = trained([0.88] * 3, [0.80] * 3)
    results = {"train": train, "sample": {"races": [sample]}, "music": MUSIC}
    text = headline({name: record(result) for name, result in results.items()})
    assert text.splitlines()[2:] == [
        "| train step, batch 128: windows/s | 145 |",
        "| its time over that of hand-written code | 1.10 |",
        "| one groove from z: ms, median | 6.5 |",
        "| `sample` of p, MIDI files included: grooves/s | 853 |",
        "| `encode` of p, MIDI files included: grooves/s | 465 |",
    ]
