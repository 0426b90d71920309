"""Batches are checked before any backend sees them."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_musicvae.errors import GrooveError
from keras_musicvae.models.batch import check_batch

KNOWN = np.zeros((16, 8, 54), "float32")


class Endless(keras.utils.PyDataset):
    """A data set of the same batch again and again."""

    def __init__(self, batch):
        super().__init__()
        self.batch = batch

    def __getitem__(self, index):
        return (self.batch,)

    @property
    def num_batches(self):
        return None


@pytest.fixture(params=["fit", "evaluate", "predict", "call", "data set"])
def use(request):
    """A way to give a batch to a model."""

    def use(model, batch):
        if request.param == "call":
            return model(keras.tree.map_structure(ops.convert_to_tensor, batch))
        if not model.compiled:
            model.compile(keras.optimizers.SGD(0.1))
        if request.param == "data set":
            return model.fit(
                Endless(batch), steps_per_epoch=1, shuffle=False, verbose=0
            )
        return getattr(model, request.param)(batch, verbose=0)

    return use


@pytest.mark.parametrize(
    ("arguments", "batch", "words"),
    [
        ({}, {"grooves": np.zeros((16, 8, 18))}, r"\(batch, 8, 27\).*, 8, 18\)"),
        ({}, {"grooves": np.zeros((16, 16, 27))}, r"\(batch, 8, 27\).*, 16, 27\)"),
        ({}, {"grooves": np.zeros((8, 27))}, r"\(batch, 8, 27\)"),
        ({}, {"grooves": np.zeros((16, 8, 27)), "known": KNOWN}, "the key 'known'"),
        ({}, {"grooves": np.zeros((16, 8, 27)), "input": KNOWN}, "the key 'input'"),
        ({}, {"noise": np.zeros((16, 3))}, "needs `grooves`"),
        ({}, {"grooves": np.zeros((16, 8, 27)), "noise": np.zeros((16, 4))}, "noise"),
        (
            {},
            {"grooves": np.zeros((16, 8, 27)), "lengths": np.zeros(16)},
            "`lengths` must hold integers",
        ),
        (
            {"known": "everywhere"},
            {"grooves": np.zeros((16, 8, 27))},
            r"needs `known`.*to_batch",
        ),
        (
            {"known": "magenta_hits"},
            {"grooves": np.zeros((16, 8, 27)), "known": KNOWN[..., :9]},
            r"`known` must have the shape \(batch, 8, 54\)",
        ),
        (
            {"condition_dim": 3},
            {"grooves": np.zeros((16, 8, 27)), "condition": np.zeros((16, 2))},
            r"`condition` must have the shape \(batch, 3\)",
        ),
    ],
)
def test_wrong_batches_are_refused(tiny, use, arguments, batch, words):
    with pytest.raises(GrooveError, match=words):
        use(tiny(**arguments), batch)


@pytest.mark.parametrize("verb", ["fit", "evaluate", "predict"])
@pytest.mark.parametrize("x", [None, 5, 1.5, np.float32(2)])
def test_nothing_and_numbers_are_no_batch(tiny, verb, x):
    with pytest.raises(GrooveError, match="a dataset are needed"):
        getattr(tiny(), verb)(x, verbose=0)


@pytest.mark.parametrize("verb", ["fit", "evaluate", "predict"])
def test_a_batch_of_nothing_is_refused(tiny, verb):
    with pytest.raises(GrooveError, match="at least one groove with a hit"):
        getattr(tiny(), verb)(np.zeros((0, 8, 27)), verbose=0)


@pytest.mark.parametrize(
    "array", [np.zeros((2, 8, 18), "uint64"), np.full((2, 8, 27), "x"), [[0.0]]]
)
def test_arrays_are_checked_before_they_are_tensors(tiny, array):
    with pytest.raises(GrooveError, match="`grooves` must"):
        tiny()(array)


@pytest.mark.parametrize("dtype", ["uint64", "uint32", "float64"])
def test_arrays_that_a_backend_does_not_have_are_cast(tiny, dtype):
    model, array = tiny(), np.ones((2, 8, 27))
    expected = model(array.astype("float32"))["outputs"]
    outputs = model(array.astype(dtype))["outputs"]
    np.testing.assert_array_equal(
        ops.convert_to_numpy(outputs), ops.convert_to_numpy(expected)
    )


@pytest.mark.parametrize("hierarchical", [False, True])
def test_lengths_bar_by_bar_need_an_encoder_of_bars(tiny, use, grooves, hierarchical):
    model = tiny(hierarchical_encoder=hierarchical)
    batch = {"grooves": grooves, "lengths": np.full((16, model.num_bars), 2)}
    if hierarchical:
        use(model, batch)
        return
    with pytest.raises(GrooveError, match=r"`lengths` must have the shape \(batch,\)"):
        use(model, batch)


@pytest.mark.parametrize("shape", [(15,), (16, 1), (16, 8), ()])
@pytest.mark.parametrize("verb", ["fit", "evaluate"])
def test_there_is_one_weight_for_each_groove(tiny, grooves, verb, shape):
    with pytest.raises(GrooveError, match=r"`sample_weight` must have the shape"):
        getattr(tiny(), verb)(grooves, sample_weight=np.ones(shape), verbose=0)


def test_weights_are_numbers(tiny, grooves):
    with pytest.raises(GrooveError, match=r"`sample_weight` must be an array"):
        tiny().fit(grooves, sample_weight=np.full(16, "x"), verbose=0)


def test_weights_of_a_data_set_are_checked(tiny, grooves):
    model = tiny()
    model.compile()

    class Weighed(Endless):
        def __getitem__(self, index):
            return self.batch, None, np.ones((16, 1), "float32")

    with pytest.raises(GrooveError, match=r"`sample_weight` must have the shape"):
        model.fit(Weighed(grooves), steps_per_epoch=1, shuffle=False, verbose=0)


def test_numbers_of_examples_must_agree(tiny):
    batch = {"grooves": np.zeros((16, 8, 27)), "noise": np.zeros((8, 3))}
    with pytest.raises(GrooveError, match="as many examples"):
        tiny()(batch)


@pytest.mark.parametrize("dtype", ["bool", "int64", "uint8", "float16", "float64"])
def test_numbers_of_any_type_are_cast(tiny, use, grooves, dtype):
    array = (grooves > 0).astype(dtype)
    use(tiny(), {"grooves": array})
    checked = check_batch(array, tiny().architecture)
    assert checked["grooves"].dtype == np.float32


@pytest.mark.parametrize("value", ["beat.mid", None, [["a"]], np.array(["x"])])
def test_what_holds_no_numbers_is_no_batch(tiny, value):
    with pytest.raises(GrooveError, match=r"`grooves`"):
        check_batch(value, tiny().architecture)


def test_the_progress_of_training_does_not_depend_on_the_type(tiny, grooves):
    losses = []
    for dtype in ("float32", "float64"):
        model = tiny()
        model.compile(keras.optimizers.SGD(0.1))
        history = model.fit(
            grooves.astype(dtype), batch_size=8, shuffle=False, verbose=0
        )
        losses.append(history.history["loss"])
    assert losses[0] == losses[1]
