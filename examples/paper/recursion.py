"""Beyond Fig. 5: two to a hundred flips through images, measured on many digits.

python -m examples.paper.recursion --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main, table
from latentaug.displays import RecursionDisplay
from latentaug.metrics import RecursionCurve, default_classifier, recursion_curve

STEPS = (2, 4, 10, 20, 40, 100)
REFINEMENTS = (0, 2, 4, 8)


def make(study: Study) -> Sheet:
    """Error and share of digits recognised after k flips left to right, each decoded, and encoded again."""
    curves = {"staged (the paper)": _curve(study, "staged")}
    curves |= {f"joint, refine_steps={k}" if k else "joint": _curve(study, "joint", k) for k in REFINEMENTS}
    raw = curves["joint"].raw_survival[-1]
    head = ["model", *(f"after {k}" for k in STEPS)]
    survival = [[label, *(f"{share:.1%}" for share in curve.survival)] for label, curve in curves.items()]
    error = [[label, *(f"{value:.2f}" for value in curve.error)] for label, curve in curves.items()]
    refined = curves["joint, refine_steps=4"]
    text = "\n\n".join(
        [
            f"Share of {study.budget.n_recursed:,} test digits whose label a classifier finds after k flips; of the "
            f"raw digits: {raw:.1%}.",
            table(head, survival),
            "Squared error against the original, summed over pixels:",
            table(head, error),
            f"With four steps of refinement {refined.survival[-1] / raw:.3f} of the raw accuracy is left after "
            f"{STEPS[-1]} flips, and the error is {refined.error[-1] / refined.error[0]:.3f} times that after "
            f"{STEPS[0]}; by the paper's method {curves['staged (the paper)'].survival[-1] / raw:.3f} is left.",
        ]
    )
    display = RecursionDisplay(curves, raw_survival=raw, name="flip_lr").plot(log_x=True)
    return Sheet("Recursion through images", text, {"recursion": display.figure_})


def _curve(study: Study, method: str, refine_steps: int = 0) -> RecursionCurve:
    def measure() -> RecursionCurve:
        X, y = (part[: study.budget.n_recursed] for part in study.data["test"])
        model = study.augmenter("flips", method)
        model.autoencoder_.set_params(refine_steps=refine_steps)
        classifier = default_classifier(*study.data["train"])
        return recursion_curve(model, X, "flip_lr", STEPS, y=y, classifier=classifier)

    return study.kept(f"recursion/{method}-{refine_steps}", measure)


if __name__ == "__main__":
    main(make)
