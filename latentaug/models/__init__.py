"""Estimators in scikit-learn's contract: a `VAE`, and the models with latent maps around it."""
