"""Tables of measures, printed and as frames: every number stands under its own head, every interval around its mean."""

import numpy as np
import pytest
from sklearn.decomposition import PCA

from latentaug import VAE, LatentAugmenter
from latentaug.metrics import CarryMatrix, ErrorTable, RecursionCurve, Scorecard, ScoreRow, error_table, in_unit

ERRORS = ("reconstruct", "apply", "compose", "undo")
# The heads of the columns of a card, as they are printed, above each other.
HEADS = {
    "r2_reconstruct": "R2 rec.",
    "r2_apply": "R2 apply",
    "gap": "gap worst",
    "equivariance": "equiv. 1-R2",
    "commutator": "comm. latent",
    "image_commutator": "comm. image",
    "order_defect": "order defect",
    "orthogonality_defect": "orth. defect",
    "condition_number": "cond. worst",
    "label_survival": "label kept",
}
VALUES = {name: 30.0 + k for k, name in enumerate(ERRORS)} | {name: k / 16 for k, name in enumerate(HEADS, start=1)}
INTERVALS = {name: np.array([VALUES[name] - 0.25, VALUES[name] + 0.75]) for name in (*ERRORS, "label_survival")}
CARD = Scorecard((ScoreRow("it", VALUES, INTERVALS, ErrorTable(())),), 10, 784, 20)


def test_every_value_of_a_card_stands_under_its_head():
    lines = str(CARD).splitlines()
    above, beneath, cells = lines[2].split(), lines[3].split()[1:], lines[5].split()[1:]
    assert beneath[0] == "per"
    heads = above[len(ERRORS) :]
    assert list(ERRORS) == above[: len(ERRORS)]
    assert [f"{a} {b}" for a, b in zip(heads, beneath[2 * len(ERRORS) :], strict=True)] == list(HEADS.values())
    assert cells[: len(ERRORS)] == [f"{VALUES[name]:.2f}±.50" for name in ERRORS]
    for name, cell in zip(HEADS, cells[len(ERRORS) :], strict=True):
        shown = float(cell.strip("%")) / (100 if "%" in cell else 1)
        assert abs(shown - VALUES[name]) < 6e-4, name


def test_a_card_as_a_frame_has_every_value_between_its_ends():
    for unit in ("image", "paper"):
        (record,) = CARD.in_unit(unit).to_frame().to_dict("records")
        for name, value in VALUES.items():
            ends = {"": value}
            if name in INTERVALS:
                ends |= {"_low": INTERVALS[name][0], "_high": INTERVALS[name][1]}
            for end, told in ends.items():
                assert record[name + end] == (in_unit(told, unit, 784) if name in ERRORS else told)
        assert len(record) == len(VALUES) + 2 * len(INTERVALS)


def test_a_matrix_as_a_frame_and_in_print_goes_from_the_row_to_the_column():
    matrix = CarryMatrix(((), ("a", "b")), np.array([[1.0, 2.0], [3.0, np.nan]]))
    frame = matrix.to_frame()
    assert (frame.index.name, frame.columns.name) == ("from", "to")
    assert frame.loc["original", "a then b"] == 2
    assert frame.loc["a then b", "original"] == 3
    head, _, *rows = [line.split() for line in str(matrix).splitlines()[1:]]
    assert head == ["from", "to", "0", "to", "1"]
    assert rows == [["0", "original", "1.00", "2.00"], ["1", "a", "then", "b", "3.00", "-"]]


def test_a_curve_as_a_frame_and_in_print_has_every_value_between_its_ends():
    columns = {"error": [5.0, 6.0], "error_low": [4.0, 5.0], "error_high": [7.0, 9.0]}
    columns |= {
        "survival": [0.5, 0.25],
        "survival_low": [0.4, 0.2],
        "survival_high": [0.7, 0.3],
        "raw_survival": [1, 1],
    }
    ends = {name: np.array([columns[f"{name}_low"], columns[f"{name}_high"]]) for name in ("error", "survival")}
    curve = RecursionCurve(
        name="turn", steps=np.array([2, 4]), error=np.array(columns["error"]), error_interval=ends["error"],
        survival=np.array(columns["survival"]), survival_interval=ends["survival"], raw_survival=np.ones(2),
    )  # fmt: skip
    frame = curve.to_frame()
    assert frame.to_dict("list") == columns
    assert list(frame.index) == [2, 4]
    _, head, _, *rows = [line.split() for line in str(curve).splitlines()]
    assert head == ["step", *columns]
    assert [[float(cell) for cell in row] for row in rows] == [
        [2, *(c[0] for c in columns.values())],
        [4, *(c[1] for c in columns.values())],
    ]


@pytest.mark.parametrize("autoencoder", [PCA(8), VAE(4, hidden_channels=(2,), max_iter=1, random_state=0)])
def test_integers_are_judged_on_the_range_of_the_images_trained_on(autoencoder, digits):
    model = LatentAugmenter(["flip_lr"], autoencoder, method="staged").fit(digits * 40 - 7)
    X = np.rint(digits[:50] * 255).astype(np.uint8)
    on_bytes, on_floats = error_table(model, X), error_table(model, X / 255 * 40 - 7)
    assert np.allclose([row[2:] for row in on_bytes], [row[2:] for row in on_floats], rtol=1e-4)
