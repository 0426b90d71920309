"""Divides files into train, validation and test by what they contain.

The split of a file follows from its bytes, so it depends neither on names nor on the
order of reading, copies of a file never lie on both sides, and files that are added
later leave the others where they are.
"""

import hashlib
from collections.abc import Sequence

from keras_musicvae.datasets.layout import SPLITS
from keras_musicvae.errors import DatasetError

FRACTIONS = (0.8, 0.1, 0.1)
"""Default shares of train, validation and test."""


def check_fractions(fractions: Sequence[float]) -> tuple[float, float, float]:
    """Returns the shares as a tuple.

    Raises:
        DatasetError: not three shares >= 0 that make 1, with some to train on.
    """
    shares = tuple(float(share) for share in fractions)
    if (
        len(shares) != 3
        or not all(0 <= share <= 1 for share in shares)
        or abs(sum(shares) - 1) > 1e-6
        or not shares[0]
    ):
        raise DatasetError(
            "The shares of train, validation and test must be three numbers that make "
            f"1, the first above 0. Received: {', '.join(map(str, fractions))}."
        )
    return shares  # type: ignore[return-value]


def assign_splits(
    digests: Sequence[str], fractions: Sequence[float] = FRACTIONS, seed: int = 0
) -> list[int]:
    """The split of each file.

    A hash of content and seed puts each file on [0, 1), which the shares cut in
    three. Where a small folder leaves a wanted split empty, the content nearest to it
    moves there, as long as there are enough different files.

    Args:
        digests: SHA-256 of each file, hexadecimal. Equal contents stay together.
        fractions: Shares of train, validation and test.
        seed: Another seed gives another division. Defaults to 0.

    Returns:
        One index into `SPLITS` per file.
    """
    train, validation, _ = check_fractions(fractions)
    edges = (train, train + validation)
    places = {digest: _place(digest, seed) for digest in sorted(set(digests))}
    owner = {
        digest: sum(place >= edge for edge in edges) for digest, place in places.items()
    }
    ranked = sorted(places, key=lambda digest: (places[digest], digest))
    wanted = [split for split in range(len(SPLITS)) if fractions[split] > 0]
    if len(ranked) < len(wanted):
        owner = dict(zip(ranked, wanted, strict=False))
    for split in wanted:
        if split in owner.values() or len(ranked) < len(wanted):
            continue
        # Take from the fullest split the content that lies nearest to the empty one.
        fullest = max(wanted, key=lambda s: (sum(o == s for o in owner.values()), -s))
        donors = [digest for digest in ranked if owner[digest] == fullest]
        owner[donors[-1] if split > fullest else donors[0]] = split
    return [owner[digest] for digest in digests]


def _place(digest: str, seed: int) -> float:
    text = f"{seed}:{digest}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:6], "big") / (1 << 48)
