"""Makes the tables of README and docs/ anew, each by the command that it names.

    python tools/refresh_tables.py

A table lies between `<!-- results: python COMMAND -->` and `<!-- /results -->`.
"""

import re
import shlex
import subprocess
import sys
from pathlib import Path

from keras_musicvae.files import replacing

ROOT = Path(__file__).resolve().parents[1]
TABLE = re.compile(
    r"(<!-- results: python (.*?) -->\n).*?(<!-- /results -->)", re.DOTALL
)


def made(match: re.Match[str]) -> str:
    """The table that replaces another."""
    start, command, end = match.groups()
    run = subprocess.run(
        [sys.executable, *shlex.split(command)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return f"{start}{run.stdout.strip()}\n{end}"


def main() -> None:
    """Runs the tool."""
    for page in (*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        new = TABLE.sub(made, text)
        if new != text:
            with replacing(page) as temporary:
                temporary.write_text(new, encoding="utf-8")
            print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
