"""Tables of measures, printed and as frames: every number stands under its own head, every interval around its mean."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from sklearn.decomposition import PCA

from latentaug import VAE, LatentAugmenter
from latentaug.metrics import (
    CarryMatrix,
    ErrorRow,
    ErrorTable,
    RecursionCurve,
    Scorecard,
    ScoreRow,
    error_table,
    in_unit,
    model_card,
    pair_table,
    scorecard,
)

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


ROW = ErrorRow("apply", ("flip_lr",), 2.0, 1.0, 4.0)
CURVE = RecursionCurve("flip_lr", np.array([2, 4]), np.array([1.5, 2.5]), np.array([[1.0, 2.0], [2.0, 3.0]]))
TABLES = {
    "errors": ErrorTable((ROW, ROW._replace(task="undo"))),
    "card": CARD,
    "matrix": CarryMatrix(((), ("a_b",)), np.array([[1.0, 2.0], [3.0, np.nan]])),
    "curve": CURVE,
}
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


def from_html(table, columns=None):
    root = ElementTree.fromstring(table.to_html(columns))
    return [[cell.text or "" for cell in line] for line in root.iter("tr")]


def from_latex(table, columns=None):
    lines = [line.removesuffix(r" \\") for line in table.to_latex(columns).splitlines() if line.endswith(r"\\")]
    plain = [line.replace(r"$\pm$", "±").replace("\\", "") for line in lines]
    return [line.split(" & ") for line in plain]


def from_markdown(table, columns=None):
    head, rule, *rows = table.to_markdown(columns).splitlines()
    assert re.fullmatch(r"\|---\|(---:\|)*", rule)
    return [[cell.strip().replace(r"\_", "_") for cell in line.strip("|").split("|")] for line in (head, *rows)]


@every_table
def test_html_latex_and_markdown_hold_the_same_cells(table):
    cells = from_html(table)
    assert cells == from_latex(table) == from_markdown(table)
    assert table._repr_html_() == table.to_html()
    assert len({len(line) for line in cells}) == 1


@every_table
def test_columns_are_those_of_the_frame_and_come_as_they_are_asked_for(table):
    frame = table.to_frame()
    names = [name for name in frame if not name.endswith(("_low", "_high")) or table is CURVE]
    whole = from_html(table, names)
    assert [line[0] for line in whole[1:]] == list(map(str, frame.index))
    turned = from_html(table, names[:0:-1])
    assert [line[1:] for line in turned] == [line[:1:-1] for line in whole]
    assert from_latex(table, names[:1]) == from_markdown(table, names[:1]) == [line[:2] for line in whole]
    for wrong, kind in ((["nonsense"], ValueError), ("error", TypeError), ([3], ValueError)):
        with pytest.raises(kind, match=r"olumn.*(Allowed|must be)"):
            table.to_html(wrong)


def test_cells_are_those_that_print():
    assert from_html(TABLES["errors"])[1] == ["flip_lr", "apply", "2.00", "1.00", "+100.0%", "0.500"]
    assert from_html(TABLES["matrix"]) == [["from", "to original", "to a_b"], ["original", "1.00", "2.00"],
                                           ["a_b", "3.00", "-"]]  # fmt: skip
    printed = str(CARD).splitlines()[5].split()
    assert from_html(CARD)[1] == printed
    assert "per image" in from_html(CARD)[0][1]
    assert "x1e4" in from_html(CARD.in_unit("paper"))[0][1]


def test_what_no_row_has_is_no_column():
    bare = Scorecard((ScoreRow("it", {"apply": 1.0}, {"apply": np.array([0.5, 1.5])}, ErrorTable(())),), 10, 784, 20)
    assert from_html(bare) == [["model", "apply, per image"], ["it", "1.00±.50"]]


def test_text_is_escaped():
    row = ErrorRow("apply", ("a<b&c",), 2.0, 1.0, 4.0)
    assert "a&lt;b&amp;c" in ErrorTable((row,)).to_html()
    assert r"a$<$b\&c" in ErrorTable((row,)).to_latex()


def test_pairs_have_their_intervals(digits):
    model = LatentAugmenter(["flip_lr"], PCA(8), method="staged").fit(digits)
    table = pair_table(model, digits[:50], {("flip_lr",): digits[:50, :, ::-1]})
    assert [line[:3] for line in from_html(table)[1:]] == [[*row.cells[:3]] for row in table]


def test_pairs_of_integers_are_measured_as_those_of_floats(digits):
    X = (255 * digits[:300]).round().astype(np.uint8)
    model = LatentAugmenter(["flip_lr"], PCA(16), method="staged").fit(X)
    tables = [pair_table(model, A, {("flip_lr",): A[:, :, ::-1]}).to_frame() for A in (X, X / 255)]
    assert np.allclose(*(table.to_numpy() for table in tables), atol=1e-4)
    assert (tables[0]["r2"] > 0.5).all()


@pytest.fixture(scope="module")
def measured(digits):
    model = LatentAugmenter(["flip_lr", "shear_x"], PCA(8), method="staged").fit(digits[:300])
    return model, scorecard({"ours": model}, digits[300:400])


def test_a_model_card_says_what_is_known_and_what_is_not(measured, tmp_path):
    model, card = measured
    page = model_card(model, card, title="Digits", notes={"Data": "Made up.", "Limits": "Many."}, columns=["apply"],
                      path=tmp_path / "README.md")  # fmt: skip
    assert (tmp_path / "README.md").read_text() == page
    heads = [line for line in page.splitlines() if line.startswith("#")]
    names = ["What it is", "Data", "Intended use", "Limits", "Laws", "Measured", "How to use it", "Reference"]
    assert heads == ["# Digits", *(f"## {name}" for name in names)]
    assert "## Data\n\nMade up." in page
    assert "## Intended use\n\nNot stated." in page
    assert card.to_markdown(["apply"]) in page
    assert card.details["ours"].to_markdown() in page
    assert "- `flip_lr`: 2 applications are the identity" in page
    assert "- `shear_x`: of no finite order that was found" in page
    assert "8x8, floats on 0..1" in page


@pytest.mark.slow
def test_a_card_of_a_plain_vae_has_no_laws(digits):
    vae = VAE(4, max_iter=1, random_state=0).fit(digits[:200])
    page = model_card(vae, scorecard(vae, digits[:50]))
    assert page.startswith("# VAE\n")
    assert "## Laws" not in page
    assert "- **Latent coordinates**: 4" in page


def test_what_is_no_card_is_refused(measured):
    model, card = measured
    for call, said in (
        (lambda: model_card(PCA(2).fit(np.eye(3)), card), "a fitted model of images"),
        (lambda: model_card(model, "card"), "card must be a Scorecard"),
        (lambda: model_card(model, card, notes={"Data": 3}), "a dict of heading to text"),
        (lambda: model_card(model, card, title=3), "title must be text or None"),
    ):
        with pytest.raises(TypeError, match=said):
            call()
