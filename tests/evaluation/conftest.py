import pytest


@pytest.fixture
def quick(monkeypatch):
    """Fewer trees and splits: the sets of the tests differ a lot or not at all."""
    from keras_musicvae.evaluation import classifier, evaluate

    monkeypatch.setattr(
        classifier, "_BOOSTING", {"max_iter": 15, "max_leaf_nodes": 6, "max_bins": 32}
    )
    monkeypatch.setattr(evaluate, "HALVES", 20)
    monkeypatch.setattr(evaluate, "TESTED_HALVES", 2)
