import hashlib

import pytest

from keras_musicvae.datasets.splits import assign_splits
from keras_musicvae.errors import DatasetError


def digests(count, prefix=""):
    return [hashlib.sha256(f"{prefix}{n}".encode()).hexdigest() for n in range(count)]


def test_shares_are_those_asked_for():
    splits = assign_splits(digests(5000), (0.7, 0.2, 0.1))
    shares = [splits.count(n) / 5000 for n in range(3)]
    assert shares == pytest.approx([0.7, 0.2, 0.1], abs=0.02)


def test_order_and_other_files_do_not_matter():
    names = digests(300)
    splits = dict(zip(names, assign_splits(names), strict=True))
    backwards = names[::-1]
    assert assign_splits(backwards) == [splits[name] for name in backwards]
    more = names + digests(300, "more")
    assert assign_splits(more)[:300] == [splits[name] for name in names]


def test_copies_stay_together_and_seeds_differ():
    names = digests(200)
    splits = assign_splits(names + names)
    assert splits[:200] == splits[200:]
    assert assign_splits(names, seed=1) != assign_splits(names)


@pytest.mark.parametrize("prefix", "abcdefgh")
@pytest.mark.parametrize("count", [3, 4, 5, 10])
def test_a_small_folder_has_something_in_every_split(count, prefix):
    splits = assign_splits(digests(count, prefix))
    assert set(splits) == {0, 1, 2}
    assert splits.count(0) >= count - 2 - count // 4


def test_one_and_two_files():
    assert assign_splits(digests(1)) == [0]
    assert sorted(assign_splits(digests(2))) == [0, 1]
    assert assign_splits([]) == []


def test_splits_of_no_share_stay_empty():
    assert set(assign_splits(digests(100), (1, 0, 0))) == {0}
    assert set(assign_splits(digests(4), (0.5, 0.5, 0))) == {0, 1}


@pytest.mark.parametrize(
    "fractions",
    [(1, 1, 1), (0.5, 0.5), (0, 0.5, 0.5), (1.5, -0.5, 0), (float("nan"),) * 3],
)
def test_impossible_shares(fractions):
    with pytest.raises(DatasetError, match="three numbers"):
        assign_splits(digests(3), fractions)
