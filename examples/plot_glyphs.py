"""
Bold and oblique: letters without a function
============================================

Nobody can write down what makes a letter bold. Here are 4,913 characters and the same ones in bold, oblique and both:
pairs of images. The model learns one matrix for bold and one for oblique, on nine tenths of the characters; the
pictures are of the others.
"""

import unicodedata

import numpy as np

from latentaug import VAE, LatentAugmenter
from latentaug.datasets import load_glyphs
from latentaug.displays import CatalogueDisplay
from latentaug.metrics import error_table, pair_table

glyphs = load_glyphs()
unseen = np.arange(len(glyphs.images)) % 10 == 0
X, X_test = glyphs.images[~unseen], glyphs.images[unseen]
views = {name: images[~unseen] for name, images in glyphs.views.items()}
views_test = {name: images[unseen] for name, images in glyphs.views.items()}

augmenter = LatentAugmenter(autoencoder=VAE(latent_dim=96), random_state=0).fit(X, views=views)
print(error_table(augmenter, X_test, views=views_test))

# %%
# Twelve of the unseen letters and digits of the European scripts, evenly spread.

characters = glyphs.characters[unseen]
letters = [k for k, c in enumerate(characters) if ord(c) < 0x530 and unicodedata.category(c) in ("Lu", "Ll", "Nd")]
letters = sorted(letters, key=lambda k: ord(characters[k]))
few = [letters[k] for k in np.linspace(0, len(letters) - 1, 12).astype(int)]
both = augmenter.compose("bold", "oblique")
rows = {
    "regular": X_test[few],
    "made bold": augmenter["bold"].transform(X_test[few]),
    "true bold": views_test["bold",][few],
    "made both": both.transform(X_test[few]),
    "true both": views_test["bold", "oblique"][few],
    "both, undone": both.inverse_transform(views_test["bold", "oblique"][few]),
}
CatalogueDisplay(rows).plot()

# %%
# Beside doing nothing, and beside the bold letters of *other* characters: a pair table.

print(pair_table(augmenter, X_test, views_test))
