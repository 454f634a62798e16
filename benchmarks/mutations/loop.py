"""The objective, the loop that descends on it, streams, and what crosses the border to torch."""

from __future__ import annotations

from benchmarks.mutations.mutation import Mutation

__all__ = ["MUTATIONS"]

OBJECTIVE = "tests/test_objective.py tests/test_vae.py"
LOOP = "tests/test_loop.py tests/test_training.py tests/test_vae.py"
STREAMS = "tests/test_loop.py tests/test_streams.py"
LOSSES = "tests/test_losses.py"
BORDER = "tests/test_border.py tests/test_vae.py tests/test_out.py tests/test_sklearn.py"
PROCESSES = "tests/test_distributed.py"

MUTATIONS = (
    Mutation(
        "z is drawn with the variance in place of its root",
        "noise * (0.5 * log_variance).exp()",
        "noise * log_variance.exp()",
        OBJECTIVE,
    ),
    Mutation("z is not drawn", "noise * (0.5 * log_variance).exp()", "0.0 * noise", OBJECTIVE),
    Mutation("the divergence does not warm up", "done / self.terms.kl_warmup)", "1.0)", OBJECTIVE),
    Mutation(
        "the divergence warms up beyond its weight",
        "min(1.0, done / self.terms.kl_warmup) if",
        "(done / self.terms.kl_warmup) if",
        OBJECTIVE,
    ),
    Mutation(
        "a longer warm-up is a shorter one",
        "min(1.0, done / self.terms.kl_warmup)",
        "min(1.0, done * self.terms.kl_warmup)",
        OBJECTIVE,
    ),
    Mutation(
        "the objective is reported under the weights of the moment",
        "return error + share * kl, error + kl",
        "return error + share * kl, error + share * kl",
        OBJECTIVE,
    ),
    Mutation(
        "the objective decodes latents that are not carried",
        "lambda z: self._cross(z, L, strengths)",
        "None",
        f"{OBJECTIVE} tests/test_augmenter.py",
    ),
    Mutation(
        "the divergence has no weight",
        "kl = self.terms.kl_weight * (divergence",
        "kl = (divergence",
        OBJECTIVE,
    ),
    Mutation(
        "the reconstruction has no weight",
        "self.terms.reconstruction_weight * self.loss(output, target)",
        "self.loss(output, target)",
        OBJECTIVE,
    ),
    Mutation(
        "the divergence rewards great variances",
        "(mean.square() + log_variance.exp() - 1 - log_variance)",
        "(mean.square() + log_variance.exp() - 1 + log_variance)",
        OBJECTIVE,
    ),
    Mutation("the divergence is twice itself", "return 0.5 * (mean.square()", "return (mean.square()", OBJECTIVE),
    Mutation(
        "the divergence is a mean over coordinates",
        "(divergence(mean, log_variance).sum() / len(mean))",
        "divergence(mean, log_variance).mean()",
        OBJECTIVE,
    ),
    Mutation("the error is a mean over pixels", 'reduction="sum") / len(output)', 'reduction="mean")', OBJECTIVE),
    # Losses.
    Mutation(
        "every objective has the squared error",
        "RECONSTRUCTION_LOSSES[terms.reconstruction_loss]",
        "squared_error",
        LOSSES,
    ),
    Mutation(
        "every score has the squared error",
        "loss = RECONSTRUCTION_LOSSES[self.reconstruction_loss]\n        error",
        'loss = RECONSTRUCTION_LOSSES["squared_error"]\n        error',
        LOSSES,
    ),
    Mutation(
        "every loss curve has the unit of the squared error",
        "RECONSTRUCTION_LOSSES[self.reconstruction_loss].unit",
        'RECONSTRUCTION_LOSSES["squared_error"].unit',
        LOSSES,
    ),
    Mutation("the cross-entropy takes images for logits", "        logits_of,\n", "        images_of,\n", LOSSES),
    Mutation(
        "the cross-entropy makes logits of images, where it could have them",
        'if hasattr(network, "logits"):',
        "if False:",
        LOSSES,
    ),
    Mutation(
        "logits of black and white pixels are infinite",
        "torch.logit(images.float(), eps=CLOSEST)",
        "torch.logit(images.float())",
        LOSSES,
    ),
    Mutation(
        "logits know no condition",
        "self.network.logits(z, self.latents[which])",
        "self.network.logits(z)",
        LOSSES,
    ),
    Mutation(
        "losses are summed in half precision",
        'self.by_pixel(output.float(), target, reduction="sum")',
        'self.by_pixel(output, target.to(output.dtype), reduction="sum")',
        LOSSES,
    ),
    Mutation(
        "the loss of an image is a mean over its pixels",
        'reduction="none").flatten(1).sum(1)',
        'reduction="none").flatten(1).mean(1)',
        LOSSES,
    ),
    Mutation("the absolute error is smooth", "functional.l1_loss", "functional.smooth_l1_loss", LOSSES),
    Mutation(
        "a checkpoint does not tell the loss",
        'if name != "device"}',
        'if name not in ("device", "reconstruction_loss")}',
        "tests/test_checkpoints.py",
    ),
    Mutation(
        "a model of 0.1.0 has the cross-entropy",
        'state.setdefault("reconstruction_loss", "squared_error")',
        'state.setdefault("reconstruction_loss", "bce")',
        "tests/test_old_files.py",
    ),
    Mutation(
        "every loss is drawn as a squared error",
        "unit=trained.loss_unit_",
        'unit="squared error"',
        "tests/test_drawn_charts.py",
    ),
    Mutation(
        "posteriors cannot be narrow",
        "log_variance.clamp(-20, 10)",
        "log_variance.clamp(-1, 10)",
        "tests/test_networks.py",
    ),
    Mutation("bfloat16 is float32", "enabled=dtype != torch.float32", "enabled=False", "tests/test_determinism.py"),
    # The loop.
    Mutation("rows are never shuffled", "self.draws.rows.permutation(self.rows)", "self.rows", LOOP),
    Mutation(
        "the last row of each pass is dropped",
        "self.draws.rows.permutation(self.rows)",
        "self.draws.rows.permutation(self.rows)[:-1]",
        LOOP,
    ),
    Mutation(
        "rows held out are trained on",
        "return order[n_held:], order[:n_held]",
        "return order, order[:n_held]",
        LOOP,
    ),
    Mutation(
        "the first rows are held out", "order = draws.rows.permutation(n_images)", "order = np.arange(n_images)", LOOP
    ),
    Mutation(
        "a tenth is held out, whatever is asked for",
        "round(settings.validation_fraction * n_images)",
        "round(0.1 * n_images)",
        LOOP,
    ),
    Mutation("any gain counts, however small", "loss < self.loss - self.settings.tol", "loss < self.loss", LOOP),
    Mutation(
        "the best weights go on learning",
        "loss, copy.deepcopy(self.module.state_dict())",
        "loss, self.module.state_dict()",
        LOOP,
    ),
    Mutation(
        "patience lasts a pass longer",
        "self.passes_since >= self.settings.n_iter_no_change",
        "self.passes_since > self.settings.n_iter_no_change",
        LOOP,
    ),
    Mutation("the last weights are kept", "training.best.restore()", "pass", LOOP),
    Mutation("the rate does not warm up", "min(1.0, 100 * (step + 1) / n_steps) * schedule(", "schedule(", LOOP),
    Mutation("the rate warms up over a tenth", "100 * (step + 1) / n_steps", "10 * (step + 1) / n_steps", LOOP),
    Mutation("the cosine rises", "0.5 * (1 + math.cos(math.pi * done))", "0.5 * (1 - math.cos(math.pi * done))", LOOP),
    Mutation(
        "the cosine starts at twice the rate",
        "0.5 * (1 + math.cos(math.pi * done))",
        "1 + math.cos(math.pi * done)",
        LOOP,
    ),
    Mutation("the constant rate falls", '"constant": lambda done: 1.0', '"constant": lambda done: 1.0 - done', LOOP),
    Mutation("no gradient is shortened", "LONGEST_GRADIENT = 1e3", "LONGEST_GRADIENT = 1e12", LOOP),
    Mutation(
        "every gradient is made as long as allowed",
        "(LONGEST_GRADIENT / self.gradient.norm()).clamp_(max=1)",
        "(LONGEST_GRADIENT / self.gradient.norm())",
        LOOP,
    ),
    Mutation("gradients add up from step to step", "self.gradient.zero_()", "pass", LOOP),
    Mutation(
        "the rate never changes",
        "self.settings.learning_rate_init * self.rate(self.n_done)",
        "self.settings.learning_rate_init",
        LOOP,
    ),
    Mutation("steps count twice", "self.n_done += 1", "self.n_done += 2", LOOP),
    Mutation(
        "a step is told that training is done",
        "self.shared(*batch.arrays, min(1.0, self.n_done / self.n_steps))",
        "self.shared(*batch.arrays, 1.0)",
        LOOP,
    ),
    Mutation("a small batch counts as a whole one", "alpha=batch.n_images)", "alpha=self.settings.batch_size)", LOOP),
    Mutation(
        "the loss is reported in place of the objective",
        "total.add_(reported.detach()",
        "total.add_(loss.detach()",
        LOOP,
    ),
    Mutation(
        "rows held out are judged under other draws each time",
        "draws = 0.0, Draws.from_seed(0, self.draws.noise.device)",
        "draws = 0.0, self.draws",
        LOOP,
    ),
    Mutation(
        "the held-out mean is over the rows trained on",
        "self._mean(total, self.held_out)",
        "self._mean(total, self.rows)",
        LOOP,
    ),
    Mutation(
        "epsilon does not reach Adam", "eps=1e-8 if settings.epsilon is None else settings.epsilon", "eps=1e-8", LOOP
    ),
    Mutation(
        "epsilon does not reach AdaBelief",
        "eps=1e-16 if settings.epsilon is None else settings.epsilon",
        "eps=1e-16",
        LOOP,
    ),
    Mutation(
        "Adam's betas are swapped",
        "betas=(settings.beta_1, settings.beta_2),\n        eps=1e-8",
        "betas=(settings.beta_2, settings.beta_1),\n        eps=1e-8",
        LOOP,
    ),
    Mutation(
        "a last small batch is no step",
        "settings.max_iter * -(-len(self.rows) // settings.batch_size)",
        "settings.max_iter * max(1, len(self.rows) // settings.batch_size)",
        LOOP,
    ),
    Mutation(
        "rows are drawn alike for every seed", "cls(np.random.default_rng(seed),", "cls(np.random.default_rng(0),", LOOP
    ),
    Mutation(
        "noise and first weights are alike for every seed",
        "torch.Generator(device).manual_seed(seed)",
        "torch.Generator(device).manual_seed(0)",
        LOOP,
    ),
    Mutation(
        "first weights are alike for every seed",
        "seed = draws.noise.initial_seed()",
        "seed = 0",
        LOOP,
    ),
    Mutation(
        "a batch is made of the first images", "objective.make(block[own], *drawn)", "objective.make(own, *drawn)", LOOP
    ),
    Mutation("there is no noise", ".normal_(generator=draws.noise)", ".zero_()", LOOP),
    Mutation("an infinite loss passes", "if not math.isfinite(loss):", "if math.isnan(loss):", LOOP),
    Mutation(
        "every fit is a warm start",
        'warm = warm and hasattr(self, "network_")',
        'warm = hasattr(self, "network_")',
        LOOP,
    ),
    # Streams.
    Mutation(
        "every call of a stream draws the same",
        "np.random.SeedSequence([self.seed, self.n_calls])",
        "np.random.SeedSequence([self.seed])",
        STREAMS,
    ),
    Mutation("calls of a stream are not counted", "n_calls=self.n_calls + 1", "n_calls=self.n_calls", STREAMS),
    Mutation("steps of a stream are not counted", "after(training.n_done,", "after(around.stream.n_steps,", STREAMS),
    Mutation(
        "a stream's optimizer remembers nothing",
        "training.n_done, memory_of(training.optimizer)",
        "training.n_done, {}",
        STREAMS,
    ),
    Mutation(
        "a stream after a fit warms up anew",
        'warm = STREAM_STEPS if hasattr(self, "network_") else 0',
        "warm = 0",
        STREAMS,
    ),
    Mutation("a stream cools", 'max_iter=1, learning_rate="constant")', 'max_iter=1, learning_rate="cosine")', STREAMS),
    Mutation(
        "a stream's losses are those of its last call", "[*before, *log.loss_curve]", "[*log.loss_curve]", STREAMS
    ),
    # The border to torch.
    Mutation("bytes are divided by 256", ".float().div_(255)", ".float().div_(256)", BORDER),
    Mutation(
        "integers are divided by 256",
        "np.divide(images, 255, dtype=np.float32, order",
        "np.divide(images, 256, dtype=np.float32, order",
        BORDER,
    ),
    Mutation(
        "colour images are encoded lying on their side",
        "tensor.permute(0, 3, 1, 2)",
        "tensor.permute(0, 3, 2, 1)",
        BORDER,
    ),
    Mutation(
        "images are decoded lying on their side",
        "tensor.permute(0, 2, 3, 1)",
        "tensor.permute(0, 3, 2, 1)",
        BORDER,
    ),
    Mutation(
        "floats are not moved to their lowest value",
        "((images - low) / ((high - low) or 1.0))",
        "(images / ((high - low) or 1.0))",
        BORDER,
    ),
    Mutation(
        "images are given out without their lowest value",
        "images * np.float32(high - low) + np.float32(low)",
        "images * np.float32(high - low)",
        BORDER,
    ),
    Mutation(
        "decoded images stay at zero on a range of their own",
        "images * (high - low) + low",
        "images * (high - low)",
        BORDER,
    ),
    # Processes.
    Mutation(
        "every process makes the whole batch", "batch[processes.rank :: processes.world_size]", "batch", PROCESSES
    ),
    Mutation(
        "every share of a batch weighs the same",
        "weight = len(share) * processes.world_size / len(whole[k])",
        "weight = 1.0",
        PROCESSES,
    ),
    Mutation("processes sum up to their mean", 'reduce_op="sum"', 'reduce_op="mean"', PROCESSES),
    Mutation("each process draws its own seed", "return processes.first(lambda: seed)", "return seed", PROCESSES),
)
