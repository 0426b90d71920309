"""The summary of a preprocessed dataset, in words."""

from collections.abc import Mapping
from typing import Any

from keras_musicvae.grooves.read_report import name_pitches


def summary(info: Mapping[str, Any]) -> list[str]:
    """What was read, used and left out, one line per subject.

    Args:
        info: The contents of `dataset.json` (`GrooveWindows.info`).
    """
    report = info["report"]
    files, config = report["files"], info["config"]
    lines = [
        f"files     {files['used']:,} of {files['read']:,} used: {_splits(files)}"
        + _more(report, "ignored_files", "that are no MIDI were ignored")
        + _more(report, "missing_files", "listed in info.csv are absent")
    ]
    rejected = sorted(report.get("rejected", {}).items(), key=lambda i: (-i[1], i[0]))
    if rejected:
        reasons = ", ".join(f"{count:,} {name}" for name, count in rejected)
        lines.append(f"rejected  {files['rejected']:,}: {reasons}; see rejected.csv")
    windows = (
        f"windows   {report['windows']:,} of {config['converter']['num_bars']} bars, "
        f"every {config['hop_bars']}: {_splits(info['counts'])}"
    )
    if info["dedup"]:
        windows += f"; {report['duplicate_windows']:,} equal ones left out"
    lines.append(windows)
    notes, hits = report.get("notes", 0), report.get("hits", 0)
    lines.append(
        f"hits      {hits:,} of {notes:,} notes ({_percent(hits, notes)}); "
        f"{report.get('shared_cells', 0):,} share a step with a louder hit "
        "(--steps-per-quarter keeps more)"
    )
    unknown = {int(p): n for p, n in report.get("unknown_pitches", {}).items()}
    if unknown:
        lines.append(f"unknown   pitches left out: {name_pitches(unknown)}")
    drums = report.get("drums", {})
    shares = (f"{name} {_percent(count, hits)}" for name, count in drums.items())
    lines.append(f"drums     {', '.join(shares)}")
    lines.append(_tempos(report))
    time_signatures = sorted(
        report.get("time_signatures", {}).items(), key=lambda i: (-i[1], i[0])
    )
    lines.append(
        f"length    {report.get('bars', 0):,} bars, "
        f"{report.get('milliseconds', 0) / 3.6e6:.2f} h; "
        "time signatures of all readable files: "
        + ", ".join(f"{name} ({count:,})" for name, count in time_signatures)
    )
    if report.get("bars_left_over"):
        lines.append(
            f"left over {report['bars_left_over']:,} bars at the ends of files lie in "
            "no window (a smaller --hop or --tail keep keeps them)"
        )
    if report.get("silent_bars") or report.get("silent_windows"):
        lines.append(
            f"silent    left out: {report.get('silent_bars', 0):,} empty bars at the "
            f"ends of files, {report.get('silent_windows', 0):,} windows without a hit"
        )
    if report.get("bars_added"):
        lines.append(
            f"added     {report['bars_added']:,} bars of "
            f"{'silence' if config['short'] == 'pad' else 'repetition'} to short files"
        )
    return lines


def _splits(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{counts[name]:,} {name}" for name in ("train", "validation", "test")
    )


def _more(report: Mapping[str, Any], name: str, what: str) -> str:
    return f"; {report[name]:,} {what}" if report.get(name) else ""


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "0 %"


def _tempos(report: Mapping[str, Any]) -> str:
    counts = sorted((int(bpm), n) for bpm, n in report.get("tempos", {}).items())
    if not counts:
        return "tempos    none"
    half, seen, median = sum(n for _, n in counts) / 2, 0, counts[0][0]
    for median, count in counts:  # noqa: B007 (the last value is the result)
        seen += count
        if seen >= half:
            break
    changing = report.get("files_with_tempo_changes", 0)
    return f"tempos    {counts[0][0]} to {counts[-1][0]} bpm, median {median}" + (
        f"; {changing:,} files change tempo" if changing else ""
    )
