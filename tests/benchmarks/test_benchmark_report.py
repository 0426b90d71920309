"""From the JSON of a run to its report."""

import copy

import pytest

from benchmarks.commands.train import is_emulated
from benchmarks.contenders import NATIVE, OURS
from benchmarks.report import read_records, write_report
from benchmarks.report.tables import report, table
from benchmarks.report.targets import targets
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
            "load_before": 0.1,
            "load_after": 1.2,
            "cores_used_by_others": 0.01,
        },
        "machine": {
            "cpu": "A processor",
            "cpu_family_model": ["1", "2"],
            "cores": 2,
            "cpu_features": {"avx2": True, "amx_bf16": False},
            "cpu_mhz": [2000.0, 2000.0],
            "cpu_governor": "not shown",
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
    return record({"rates": {"float32": {"torch": rates}}, "races": [race]})


def reached(train):
    return {target.what: target.reached for target in targets({"train": train})}


def test_a_slow_train_step_is_called_slow():
    what = "torch: train step at batch 128 over hand-written code"
    fast = trained([0.80, 0.81, 0.79], [0.80, 0.80, 0.80])
    assert reached(fast)[what] == "yes"
    slow = trained([0.90, 0.91, 0.89], [0.80, 0.80, 0.80])
    assert reached(slow)[what] == "no"


def test_windows_per_second_have_a_target():
    fast, slow = trained([0.8] * 3, [0.8] * 3), trained([1.0] * 3, [1.0] * 3)
    what = "torch: windows/s in training, batch 128, float32"
    assert (reached(fast)[what], reached(slow)[what]) == ("yes", "no")


def test_the_report_holds_the_numbers(tmp_path):
    text = report({"train": trained([0.88] * 3, [0.80] * 3)}, {})
    assert "| torch: keras-musicvae | 880 [880, 880] | 145 | 1.10 [1.10, 1.10]" in text
    assert "A processor" in text
    assert "no GPU" in text


def test_a_contender_that_failed_is_shown_as_such():
    train = trained([0.8] * 3, [0.8] * 3)
    broken = {"backend": "torch", "name": NATIVE, "failed": "out of luck"}
    train["result"]["races"][0]["contenders"][1] = broken
    text = report({"train": train}, {})
    assert "failed: out of luck" in text
    assert not [t for t in targets({"train": train}) if "over hand-written" in t.what]


def test_a_disturbed_run_is_called_disturbed():
    train = trained([0.8, 1.2, 0.9, 1.6], [0.8] * 4)
    disturbed = copy.deepcopy(train)
    disturbed["disturbance"]["cores_used_by_others"] = 0.4
    assert report({"train": train}, {}).count("disturbed") == 1
    assert report({"train": disturbed}, {}).count("disturbed") == 2


@pytest.mark.parametrize(
    ("slowed", "seen"),
    [
        ([1.08, 1.10, 1.12], "yes"),
        ([1.001, 1.003, 1.08], "no"),
        ([0.90, 1.06, 1.12], "no"),
    ],
)
def test_the_control_sees_half_of_what_is_there_or_says_no(slowed, seen):
    copied = contender("torch", f"{OURS}, slowed by 10%", [[s] for s in slowed])
    race = {
        "task": Task("train", 32).as_dict(),
        "contenders": [contender("torch", OURS, [[1.0]] * 3), copied],
    }
    text = report({"control": record({"races": [race]})}, {})
    (line,) = [line for line in text.splitlines() if "slowed by" in line]
    assert line.endswith(f"| {seen} |")


def test_latencies_are_percentiles_of_all_calls():
    turns = [[0.005, 0.007], [0.006, 0.100]]
    race = {
        "task": Task("sample", 1).as_dict(),
        "contenders": [contender("torch", OURS, turns)],
    }
    sample = record({"races": [race]})
    (target,) = targets({"sample": sample})
    assert (target.measured, target.reached) == ("6.5", "no, in doubt")
    assert "| torch: keras-musicvae | 6.5 |" in report({"sample": sample}, {})


def test_report_is_written_beside_the_json(tmp_path):
    import json

    (tmp_path / "train.json").write_text(json.dumps(trained([0.8] * 3, [0.8] * 3)))
    path = write_report(tmp_path)
    assert path == tmp_path / "report.md"
    assert "![train](train.png)" in path.read_text()
    assert (tmp_path / "train.png").read_bytes().startswith(b"\x89PNG")
    assert set(read_records(tmp_path)) == {"train"}
    assert not list(tmp_path.glob("*.new*"))


def test_nothing_measured():
    assert "Nothing was measured" in report({}, {})


def test_table():
    assert table(("a", "b"), [("c", "d")]) == "| a | b |\n| --- | ---: |\n| c | d |"


def test_a_precision_done_in_software_is_said_to_be():
    train = trained([0.8] * 3, [0.8] * 3)
    rates = train["result"]["rates"]
    rates["bfloat16"] = {"torch": {**rates["float32"]["torch"], "matrix_flops": 1e9}}
    assert is_emulated(rates, "bfloat16", "torch")
    assert not is_emulated(rates, "float32", "torch")
    assert "Not timed: torch in bfloat16" in report({"train": train}, {})


def test_the_verbs_have_a_target():
    seconds = {"torch": {"sample": [0.5, 0.6, 0.7], "encode": [1.0, 1.1, 1.2]}}
    result = {"preset": "p", "number": 512, "in_memory": True, "seconds": seconds}
    music = record(result)
    found = {t.what: (t.measured, t.reached) for t in targets({"music": music})}
    assert found["torch: grooves/s, sample, 512 with MIDI"] == ("853", "yes")
    assert found["torch: grooves/s, encode, 512 with MIDI"] == ("465", "no")
    text = report({"music": music}, {})
    assert "| torch | sample | 600 [550, 650] | 853 |" in text
    assert "The files lie in memory." in text
