"""Laws of compositions as reduced words, and the same words wherever one is given: names, powers, lists of both."""

from itertools import pairwise

import numpy as np
import pytest
from conftest import IdentityAutoencoder, augmented
from hypothesis import given
from hypothesis import strategies as st

from latentaug import LatentAugmenter, LatentTransform
from latentaug.augs.steps import as_composition, as_compositions, inverse, powers, reduced, repeated, say
from latentaug.displays import ProjectionDisplay, ReconstructionDisplay, TransferMatrixDisplay
from latentaug.metrics import carry_matrix, error_table

names = st.sampled_from(["rotate_cw", "flip_lr", "flip_ud"])
steps = st.one_of(names, st.tuples(names, st.integers(-3, 3)))
words = st.lists(steps, max_size=6)
forward = st.lists(st.one_of(names, st.tuples(names, st.integers(0, 3))), max_size=6)


def letters(word):
    """The word written out, a letter an application, with its sign."""
    return [(name, np.sign(power)) for name, power in powers(word) for _ in range(abs(power))]


def cancelled(word):
    """The letters left once every letter beside its inverse is gone."""
    left = []
    for name, sign in letters(word):
        _ = left.pop() if left and left[-1] == (name, -sign) else left.append((name, sign))
    return left


@given(word=words)
def test_a_reduced_word_is_the_only_spelling_of_what_is_left_of_it(word):
    composition = reduced(word)
    assert letters(composition) == cancelled(word)
    assert reduced(composition) == composition
    assert all(a != b for (a, _), (b, _) in pairwise(powers(composition)))
    assert all(isinstance(step, str) or step[1] not in (0, 1) for step in composition)
    assert hash(composition) == hash(reduced(letters(word)))


@given(first=words, then=words)
def test_reducing_is_a_homomorphism(first, then):
    assert reduced([*first, *then]) == reduced(reduced(first) + reduced(then))


@given(first=words, then=words)
def test_inverses_are_those_of_a_group(first, then):
    composition = reduced(first)
    assert reduced(composition + inverse(composition)) == reduced(inverse(composition) + composition) == ()
    assert inverse(inverse(first)) == composition
    assert inverse([*first, *then]) == reduced(inverse(then) + inverse(first))


@given(word=forward)
def test_repeated_is_every_application_in_order(word):
    assert list(repeated(word)) == [name for name, _ in letters(word)]
    assert reduced(repeated(word)) == reduced(word)


@given(word=words)
def test_a_composition_is_its_own_check_and_means_what_it_says(word):
    composition = reduced(word)
    said = [step.partition("^") for step in say(composition).split(" then ")] if composition else []
    assert reduced([(name, int(power or 1)) for name, _, power in said]) == composition
    assert say(()) == "original"
    for given_ in (word, tuple(word), [[name, np.int64(power)] for name, power in powers(word)]):
        assert as_composition("apply", given_) == composition
    assert as_compositions([word, tuple(word)]) == [composition] * 2


@given(step=steps)
def test_a_step_alone_is_a_composition_of_one(step):
    assert as_composition("apply", step) == reduced([step])
    assert as_compositions(iter([step])) == [reduced([step])]


NO_COMPOSITIONS = [3, None, b"flip_lr", {"flip_lr": 1}, {"flip_lr"}, [3], [None], [["flip_lr"]], [("flip_lr", 1, 1)],
                   [("flip_lr", "x")], [(1, "flip_lr")], object(), np.zeros(2)]  # fmt: skip


@pytest.mark.parametrize("wrong", NO_COMPOSITIONS, ids=lambda wrong: repr(wrong).split(" at ")[0])
def test_what_is_no_composition_is_refused(wrong):
    with pytest.raises(TypeError, match=r"^apply must be a name or a list of names, with their powers or"):
        as_composition("apply", wrong)


@pytest.mark.parametrize("power", [np.nan, np.inf, True, np.True_, 1j, [1.0, np.nan], [True, False], np.zeros((2, 2))])
def test_a_power_that_is_no_finite_number_is_refused(power):
    for wrong in (("flip_lr", power), [("flip_lr", power)], ["flip_ud", ("flip_lr", power)]):
        with pytest.raises(ValueError, match=r"^The power of flip_lr must be a finite number, or one an image\. Got"):
            as_composition("apply", wrong)


@pytest.mark.parametrize("wrong", ["flip_lr", b"x", 3, None, {"flip_lr": 1}, object()])
def test_what_is_no_list_of_compositions_is_refused(wrong):
    with pytest.raises(TypeError, match=r"^Compositions must be a list of tuples of names\. Got"):
        as_compositions(wrong)


X = np.random.default_rng(1).random((6, 4, 4))


def same(transform, other):
    return np.allclose(transform.transform(X), other.transform(X), atol=1e-6)


@given(word=words)
def test_a_model_does_to_images_what_a_word_says(exact, word):
    undone = [name for name, sign in reversed(letters(word)) if sign < 0]
    if all(sign > 0 for _, sign in letters(word)):
        assert np.allclose(exact.compose(*word).transform(X), augmented(X, repeated(word)), atol=1e-6)
    if len(undone) == len(letters(word)):
        assert np.allclose(exact.compose(*word).transform(augmented(X, undone)), X, atol=1e-6)
    assert LatentTransform(exact, word).transform(X) == pytest.approx(exact.compose(*word).transform(X))
    assert repr(exact.compose(*word)) == f"LatentTransform({say(reduced(word)) if reduced(word) else 'identity'})"


@given(word=words, power=st.integers(-3, 3))
def test_powers_of_a_transform_are_it_again_and_again(exact, word, power):
    transform = exact.compose(*word)
    again = [transform if power > 0 else transform.inverse()] * abs(power)
    assert (transform**power).steps == exact.compose(*again).steps
    assert same(transform**power, exact.compose(*again))
    assert (transform**power).compose(transform**-power).steps == ()


def test_powers_of_a_quarter_turn(exact):
    turn = exact["rotate_cw"]
    thrice = exact.compose("rotate_cw", "rotate_cw", "rotate_cw")
    for transform in (turn**3, exact.compose(("rotate_cw", 3)), exact["rotate_cw", 3], exact.compose(turn, turn**2)):
        assert transform.steps == thrice.steps == (("rotate_cw", 3),)
        assert np.array_equal(transform.transform(X), thrice.transform(X))
        assert np.allclose(transform.transform(X), augmented(X, ["rotate_ccw"]), atol=1e-6)
    assert (turn**-1).steps == turn.inverse().steps == (("rotate_cw", -1),)
    assert np.allclose((turn**-1).transform(augmented(X, ["rotate_cw"])), X, atol=1e-6)
    assert (turn**0).steps == ()
    assert np.allclose((turn**0).transform(X), X, atol=1e-6)
    assert (turn**1).steps == turn.steps == ("rotate_cw",)
    assert (turn**5).matrix_ == pytest.approx(turn.matrix_)
    for wrong in ("2", None, True, [1, 2]):
        with pytest.raises(TypeError, match=r"^The power of a transform must be a number\. Got"):
            turn**wrong
    with pytest.raises(ValueError, match=r"^rotate_cw: This latent map has no real logarithm"):
        (turn**1.5).transform(X)
    with pytest.raises(ValueError, match=r"^A share of a time needs a transform of one step\. Got"):
        exact.compose("rotate_cw", "flip_lr") ** 1.5


def test_steps_are_composed_as_each_is_given(exact):
    for steps in ("rotate_cw", ("rotate_cw", 2), ["rotate_cw", ("flip_lr", 1)], [["rotate_cw", 3]]):
        composition = as_composition("steps", steps)
        transform = LatentTransform(exact, steps)
        assert exact.compose(transform).steps == composition
        assert exact.compose("flip_lr", transform).steps == reduced(("flip_lr", *composition))
        assert transform.compose("flip_ud").steps == reduced((*composition, "flip_ud"))
    for wrong in ([1], ["flip_lr", 2], [["flip_lr"]], [("flip_lr", "flip_ud")], [None]):
        with pytest.raises(TypeError, match=r"^steps must be a name or a list of names"):
            exact.compose(*wrong)
        with pytest.raises(TypeError, match=r"^steps must be a name or a list of names"):
            exact["rotate_cw"].compose(*wrong)


@pytest.mark.parametrize("wrong", [(None,), ({},), (b"flip_lr",), (["flip_lr"],), 3])
def test_the_laws_refuse_what_is_no_composition(exact, wrong):
    for law in (exact.algebra_.element, exact.algebra_.normal, exact.algebra_.in_group):
        with pytest.raises(TypeError, match=r"^composition must be a name or a list of names"):
            law(wrong)


# Spellings of the same composition: today's strings, lists of them, and powers.
TURNED = [["rotate_cw"] * 2, ("rotate_cw", "rotate_cw"), ("rotate_cw", 2), [("rotate_cw", 2)], [["rotate_cw", 2]]]
FLIPPED = ["flip_lr", ["flip_lr"], ("flip_lr",), ("flip_lr", 1), [("flip_lr", 3), ("flip_lr", -2)]]
spellings = pytest.mark.parametrize("spelled", [TURNED, FLIPPED], ids=["turned", "flipped"])


@spellings
def test_verbs_take_every_spelling(exact, spelled):
    (reference, *others), composition = spelled, as_composition("view", spelled[0])
    Z = exact.encode(X)
    verbs = {
        "carry to": lambda given_: exact.carry(X, target=given_),
        "carry from": lambda given_: exact.carry(X, given_),
        "carry both ways": lambda given_: exact.carry(X, given_, given_),
        "encode": lambda given_: exact.encode(X, view=given_),
        "decode": lambda given_: exact.decode(Z, view=given_),
        "sample": lambda given_: exact.sample(3, apply=given_, random_state=0),
        "steps": lambda given_: LatentTransform(exact, given_).transform(X),
        "latents": lambda given_: exact.transform_latent(Z, *as_composition("steps", given_)),
        "undone": lambda given_: exact.inverse_transform_latent(Z, *as_composition("steps", given_)),
    }
    for verb, call in verbs.items():
        assert all(np.array_equal(call(other), call(reference)) for other in others), verb
    assert np.allclose(exact.carry(X, target=reference), augmented(X, repeated(composition)), atol=1e-6)
    assert all(exact.knows(other) and exact.reads(other) for other in spelled)
    laws = exact.algebra_
    assert {laws.normal(other) for other in spelled} == {laws.normal(composition)} == {(laws.element(composition),)}


@spellings
def test_apply_takes_every_spelling(exact, spelled):
    found = [exact.set_params(apply=other).transform(X) for other in spelled]
    exact.set_params(apply=None)
    assert all(np.array_equal(images, found[0]) for images in found)
    assert np.allclose(found[0], augmented(X, repeated(as_composition("apply", spelled[0]))), atol=1e-6)


@spellings
def test_errors_and_displays_take_every_spelling(exact, spelled):
    pytest.importorskip("matplotlib").use("Agg")
    from matplotlib.pyplot import close

    tables = [str(error_table(exact, X, [other])) for other in spelled]
    assert set(tables) == {tables[0]}
    assert say(as_composition("view", spelled[0])) in tables[0]
    views = [carry_matrix(exact, X, [(), other]).views for other in spelled]
    assert set(views) == {((), as_composition("view", spelled[0]))}
    for other in spelled:
        assert TransferMatrixDisplay.from_estimator(exact, X, [(), other]) is not None
        assert ProjectionDisplay.from_estimator(exact, X, compositions=[(), other]) is not None
        assert ReconstructionDisplay.from_estimator(exact, X, [other]) is not None
        close("all")


def test_pairs_are_given_under_every_spelling():
    images = np.random.default_rng(0).random((40, 4, 4))
    once, twice = (augmented(images, ["rotate_cw"] * k) for k in (1, 2))
    fitted = [
        LatentAugmenter(None, IdentityAutoencoder(), method="staged", geometry="free").fit(images, views=views)
        for single in ("turn", ("turn",), ("turn", 1))
        for views in ({single: once, ("turn", "turn"): twice}, {single: once, ("turn", 2): twice})
    ]
    for model in fitted:
        assert model.aug_names_ == ["turn"]
        assert model.compositions_ == fitted[0].compositions_
        assert np.allclose(model.transform(images), once, atol=1e-6)
        assert np.array_equal(model.latent_maps_["turn"], fitted[0].latent_maps_["turn"])
