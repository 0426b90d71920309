"""The unfinished state of a preprocessed folder: a kill at any moment costs little.

Everything lies in `.NAME.partial` beside the result `NAME`, and is renamed when it is
complete:

    .NAME.partial/plan.json    what is being made, and from what
    .NAME.partial/parts/...    the parts that are read, see `parts`
    .NAME.partial/dataset/...  the folder as described in `layout`

A later run with the same plan keeps the parts. Which files make a part depends on the
list of files alone, so an interrupted run leaves the same bytes as an undisturbed one.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from keras_musicvae.datasets.layout import INFO_NAME
from keras_musicvae.errors import OutputError
from keras_musicvae.files import (
    exclusive_lock,
    make_folder,
    put_folder,
    reason,
    write_json,
)


class UnfinishedFolder:
    """Where a folder is made.

    Args:
        out: The folder to be made.
        plan: JSON value that says what is made from what. Parts of an earlier run
            are kept if its plan was equal.

    Attributes:
        parts: The folder of the parts.
        dataset: The folder that takes the place of `out` in the end.

    Raises:
        OutputError: The folder cannot be written, or another process writes it.
    """

    def __init__(self, out: Path, plan: Mapping[str, Any]):
        self.out = out
        self._partial = _partial(out)
        self.parts = self._partial / "parts"
        self.dataset = self._partial / "dataset"
        self._stack = contextlib.ExitStack()
        self._new_parents = [path for path in out.parents if not path.exists()]
        make_folder(self._partial)
        with writing(self._partial):
            lock = exclusive_lock(self._partial / "lock")
            if not self._stack.enter_context(lock):
                raise OutputError(
                    f"Another process is writing {out}. Wait for it, or choose another "
                    "folder."
                )
            if self._plan() != json.loads(json.dumps(plan)):
                shutil.rmtree(self.parts, ignore_errors=True)
            shutil.rmtree(self.dataset, ignore_errors=True)
            for folder in (self.parts, self.dataset):
                folder.mkdir(exist_ok=True)
            for litter in self.parts.glob(".*"):  # of a killed run
                litter.unlink()
            write_json(self._partial / "plan.json", plan)

    def close(self) -> None:
        """Lets other processes write; what is unfinished stays for a later run."""
        self._stack.close()

    def discard(self) -> None:
        """Removes everything that is unfinished."""
        shutil.rmtree(self._partial, ignore_errors=True)
        self.close()
        with contextlib.suppress(OSError):  # not empty: the result lies there
            for path in self._new_parents:
                path.rmdir()

    def publish(self) -> None:
        """Puts the finished folder in its place."""
        with writing(self.out):
            put_folder(self.dataset, self.out)
        self.discard()

    def _plan(self) -> Any:
        try:
            return json.loads((self._partial / "plan.json").read_text("utf-8"))
        except (OSError, ValueError):
            return None


def clear_up(out: Path) -> None:
    """Removes what a run that was killed at its very end has left beside `out`."""
    if _partial(out).is_dir():
        with writing(out), exclusive_lock(_partial(out) / "lock") as mine:
            if mine:
                shutil.rmtree(_partial(out), ignore_errors=True)


def check_output(out: Path) -> None:
    """Refuses a place where a folder cannot be made, before any work is done.

    Raises:
        OutputError: It is a file, or a folder with other things in it.
    """
    if not out.name:
        raise OutputError(f"Name a folder to write. Received: {out}.")
    with writing(out):
        if out.is_dir():
            if any(out.iterdir()) and not (out / INFO_NAME).is_file():
                raise OutputError(
                    f"{out} holds other files. Give an empty or new folder."
                )
        elif out.exists():
            raise OutputError(f"{out} is a file. Give an empty or new folder.")
    parent = next((path for path in out.absolute().parents if path.exists()), None)
    if parent is None or not parent.is_dir() or not os.access(parent, os.W_OK):
        raise OutputError(
            f"Cannot write {out}: {parent} is no folder that can be written. "
            "Choose another one."
        )


def _partial(out: Path) -> Path:
    return out.with_name(f".{out.name}.partial")


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turns what the operating system says about `path` into an `OutputError`."""
    try:
        yield
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"Cannot write {path}: {reason(error)}. Choose another folder."
        ) from error
