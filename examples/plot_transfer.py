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

vae = VAE(latent_dim=32, kl_weight=0.5, batch_size=32, max_iter=6)
flips = LatentAugmenter([flip_lr, flip_ud], vae, random_state=0).fit(X_train)

# %%
# Then the head: where the augmenter flips, it draws a sheared digit, or edges. The matrices are the flips', object for
# object.

quick = VAE(learning_rate_init=0.01, batch_size=16, max_iter=8)
head = TransferHead(flips, [shear_x, edge_detect], autoencoder=quick, undo=False, random_state=0).fit(X_train)
print(head.pairing_)
print("the same maps:", head.latent_maps_["shear_x"] is flips.latent_maps_["flip_lr"])

# %%
# It has the verbs of an augmenter, under the new names. The composition was made by the product of the flips' maps.
# Half a minute of training leaves edges blurred; :doc:`/paper` shows heads that were trained for longer.

ReconstructionDisplay.from_estimator(head, X_test)

# %%
# The head only draws: encoder and maps know nothing of edges, and what they did not keep for the flips is lost to it.
# Nor does it undo here; with ``undo=True``, the default, it is also trained to read augmented images back, which takes
# longer.

print(error_table(head, X_test))
