"""The scorecard of all five models in one table, beside doing nothing and beside PCA.

python -m examples.paper.scorecard --budget quick
"""

from __future__ import annotations

from examples.paper.models import Study
from examples.paper.sheets import Sheet, main
from latentaug.metrics import default_classifier, scorecard

N_DIGITS = 2000


def make(study: Study) -> Sheet:
    """Everything that is measured, a row a model, on some of the test digits."""
    models = {
        "LAVAE joint": study.augmenter("flips", "joint"),
        "LAVAE staged": study.augmenter("flips", "staged"),
        "CVAE invariant": study.conditional("invariant"),
        "CVAE traditional": study.conditional("traditional"),
        "VAE": study.augmenter("flips", "staged").autoencoder_,
    }
    X, y = (part[:N_DIGITS] for part in study.data["test"])
    X_train, y_train = study.data["train"]
    card = scorecard(models, X, y, X_train=X_train, classifier=default_classifier(X_train, y_train))
    return Sheet("Scorecard", f"```text\n{card}\n```\n\nErrors are squared and summed over pixels. The VAE is the "
                 "staged LAVAE's own, trained on all four views; alone, it augments nothing.")  # fmt: skip


if __name__ == "__main__":
    main(make)
