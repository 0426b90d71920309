"""Forms of songs: sections, variations of them, fills and an end.

A form is words: `A`, `B`... are sections, `A'` and `A''` variations of one; `fill`
turns the last bar of the section before it into a fill; `end` adds a bar with a last
stroke.
"""

import re
from dataclasses import dataclass, replace

from keras_musicvae.errors import ConfigError, shown

MAX_WORDS = 256

_SECTION = re.compile(r"([A-Z])('*)")


@dataclass(frozen=True)
class Section:
    """A section of a form.

    Attributes:
        name: What it is called, such as `"A'"`.
        letter: Whose section it is.
        variation: Which variation of it; 0: itself.
        fill: Whether it ends in a fill.
        end: Whether it is the last stroke.
    """

    name: str
    letter: str = ""
    variation: int = 0
    fill: bool = False
    end: bool = False

    @property
    def theme(self) -> str:
        """The section or variation that is played, without its fill."""
        return "end" if self.end else self.letter + "'" * self.variation


def read_form(form: str) -> list[Section]:
    """The sections of a form.

    Raises:
        ConfigError: The form has other words, `fill` or `end` in a wrong place, or no
            section.

    Example:
        >>> [section.name for section in read_form("A A' fill end")]
        ['A', "A' fill", 'end']
    """
    words = form.replace("\u2019", "'").split() if isinstance(form, str) else []
    if not 1 <= len(words) <= MAX_WORDS:
        raise ConfigError(
            f'A form must be 1 to {MAX_WORDS} words, such as "A A B A\' fill end". '
            f"Received: {shown(form)}"
        )
    sections: list[Section] = []
    for word in words:
        found = _SECTION.fullmatch(word)
        last = sections[-1] if sections else None
        if last is not None and last.end:
            raise ConfigError(f"Nothing follows `end` in a form. Received: {word!r}")
        if found:
            sections.append(Section(word, found[1], len(found[2])))
        elif word == "fill" and last is not None and not last.fill:
            sections[-1] = replace(last, name=f"{last.name} fill", fill=True)
        elif word == "end" and last is not None:
            sections.append(Section("end", end=True))
        else:
            raise ConfigError(
                "The words of a form are sections (A to Z, with ' for a variation), "
                "`fill` after a section and `end` after the last one. "
                f"Received: {shown(word)} in {shown(form)}"
            )
    return sections
