"""
Transfer: the maps of two flips, for a shear and for edges
==========================================================

The latent maps of one pair of augmentations can stand for another pair. A `TransferHead` keeps the encoder and the maps
of a fitted augmenter as they are, and trains a new decoder that shows them as something else.
"""

from latentaug import VAE, LatentAugmenter, TransferHead
from latentaug.augs import edge_detect, flip_lr, flip_ud, shear_x
from latentaug.datasets import load_digits_sample
from latentaug.displays import ReconstructionDisplay
from latentaug.metrics import error_table

X, _ = load_digits_sample()
X_train, X_test = X[:4000], X[-500:]

# %%
# First the flips.

vae = VAE(kl_weight=0.5, batch_size=32, max_iter=6)
flips = LatentAugmenter([flip_lr, flip_ud], vae, random_state=0).fit(X_train)

# %%
# Then the head: where the augmenter says "flip_lr", it draws a sheared digit, and for "flip_ud" its edges. The
# matrices are the flips', object for object.

head = TransferHead(flips, [shear_x, edge_detect], autoencoder=vae, random_state=0).fit(X_train)
print(head.pairing_)
print("the same maps:", head.latent_maps_["shear_x"] is flips.latent_maps_["flip_lr"])

# %%
# It has the verbs of an augmenter, under the new names.

ReconstructionDisplay.from_estimator(head, X_test)

# %%
# The head has an encoder of its own, so that it also undoes: from a sheared digit, from its edges, or from the edges of
# a sheared digit to the digit.

ReconstructionDisplay.from_estimator(head, X_test, task="undo")

# %%
# Each error beside its floor, what the head makes of the target images themselves.

print(error_table(head, X_test))
