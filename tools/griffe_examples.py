"""For the site: `Example:` of a docstring is the section of examples that it means."""

import re

import griffe


class ExampleSections(griffe.Extension):
    """Griffe knows the section as `Examples:` only."""

    def on_object(self, *, obj: griffe.Object, **kwargs: object) -> None:
        """Renames the section."""
        if obj.docstring:
            obj.docstring.value = re.sub(
                r"^( *)Example:$", r"\1Examples:", obj.docstring.value, flags=re.M
            )
