"""The files of the page, and what they share with the package."""

from importlib import resources
from importlib.resources.abc import Traversable

_SUFFIXES = (".html", ".css", ".js", ".svg")


def page_files() -> dict[str, bytes]:
    """The files of the page, by their paths in its folder."""
    return dict(_walk(resources.files("keras_musicvae.studio") / "page"))


def _walk(folder: Traversable, prefix: str = "") -> list[tuple[str, bytes]]:
    files = []
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if entry.is_dir():
            files += _walk(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIXES):
            files.append((f"{prefix}{entry.name}", entry.read_bytes()))
    return files
