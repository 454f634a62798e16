"""Small, plausible bugs of the package, by theme: what `benchmarks.mutants` puts in, one at a time."""

from benchmarks.mutations import direction, files, latent, loop, outcomes, pixels, strengths

__all__ = ["MUTATIONS"]

MUTATIONS = (
    *direction.MUTATIONS,
    *loop.MUTATIONS,
    *pixels.MUTATIONS,
    *latent.MUTATIONS,
    *files.MUTATIONS,
    *outcomes.MUTATIONS,
    *strengths.MUTATIONS,
)
