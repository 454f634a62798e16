"""Files, their readers, and checkpoints."""

from __future__ import annotations

from benchmarks.mutations.mutation import Mutation

__all__ = ["MUTATIONS"]

ARCHIVE = "tests/test_archive.py"
SAVED = "tests/test_persistence.py"
FORGED = "tests/test_archive.py tests/test_persistence.py"
CHECKPOINTS = "tests/test_checkpoints.py"
EXPORTS = "tests/test_exporting.py"

MUTATIONS = (
    Mutation(
        "arrays are not compared with their digest",
        "if hashlib.sha256(content).hexdigest() != digest:",
        "if len(digest) != 64:",
        ARCHIVE,
    ),
    Mutation(
        "bytes around the members are not compared",
        "if _zip(members) != data:",
        "if len(_zip(members)) != len(data):",
        ARCHIVE,
    ),
    Mutation(
        "the next format is read as this one", "int(number[1]) > FORMAT:", "int(number[1]) > FORMAT + 1:", ARCHIVE
    ),
    Mutation(
        "a file is written where it stands",
        "temporary.replace(path)",
        "path.write_bytes(content)\n        temporary.unlink()",
        ARCHIVE,
    ),
    Mutation("a save forgets permissions", "shutil.copymode(path, temporary)", "pass", ARCHIVE),
    Mutation("a save replaces a link", "Path(os.path.realpath(path))", "Path(path)", ARCHIVE),
    Mutation("a failed save leaves its temporary file", "temporary.unlink(missing_ok=True)", "pass", ARCHIVE),
    Mutation("a file may name any package", 'if package not in ("latentaug", "sklearn") or any(', "if any(", FORGED),
    Mutation(
        "a file may name any class",
        "isinstance(found, type) and issubclass(found, BaseEstimator)",
        "isinstance(found, type)",
        FORGED,
    ),
    Mutation("arrays of a file may take any memory", "if self._room < 0:", "if self._room < -(2**50):", FORGED),
    Mutation(
        "a node may count from the end", "not 0 <= number < len(self._values)", "not number < len(self._values)", FORGED
    ),
    Mutation("the state of a generator is not checked", 'if not 0 <= state["state"]["pos"] <= 624 or', "if", FORGED),
    Mutation("a loaded array is shared", "return array.copy()", "return array", SAVED),
    Mutation(
        "arrays of one content and several shapes are one",
        "key = (array.dtype.str, array.shape, ",
        "key = (array.dtype.str, ",
        SAVED,
    ),
    Mutation("arrays in Fortran order come back transposed", 'array.T if content["turned"] else array', "array", SAVED),
    Mutation("another version is taken in silence", "if version != __version__:", "if version is None:", SAVED),
    Mutation("minus infinity comes back positive", '"-inf": -math.inf', '"-inf": math.inf', SAVED),
    Mutation(
        "a model stays on the device that it was saved on",
        '{"device": reader.device} if "device" in state else {}',
        "{}",
        SAVED,
    ),
    Mutation(
        "functions of others come back by name",
        "CATALOGUED.get(qualname) or MOVING.get(qualname) or MissingAug(name, qualname)",
        "CATALOGUE.get(name) or MissingAug(name, qualname)",
        SAVED,
    ),
    Mutation("what holds itself is written until the stack is full", "self._numbers[id(value)] = None", "pass", SAVED),
    # Checkpoints.
    Mutation(
        "a checkpoint of another training is gone on from",
        'if meta["objects"][0] != self.name:',
        "if not meta:",
        CHECKPOINTS,
    ),
    Mutation(
        "trainings on other images meet",
        "        *objective.make(few, *drawn),\n        *objective.arrays(),\n",
        "",
        CHECKPOINTS,
    ),
    Mutation(
        "trainings of other settings meet",
        '"settings": asdict(training.settings),',
        "",
        CHECKPOINTS,
    ),
    Mutation("trainings of other objectives meet", "**objective.identity(),", "", CHECKPOINTS),
    Mutation(
        "the rate starts anew",
        'training.n_done, training.is_over = values["n_done"], values["is_over"]',
        'self.n_done, self.is_over = 0, values["is_over"]',
        CHECKPOINTS,
    ),
    Mutation(
        "a training that is over goes on",
        'training.n_done, training.is_over = values["n_done"], values["is_over"]',
        'training.n_done, training.is_over = values["n_done"], False',
        CHECKPOINTS,
    ),
    Mutation("noise starts anew", 'training.draws.noise.set_state(torch.tensor(arrays["noise"]))', "pass", CHECKPOINTS),
    Mutation("rows are drawn anew", 'training.draws.rows.bit_generator.state = values["rows"]', "pass", CHECKPOINTS),
    Mutation(
        "the optimizer starts anew", 'recall(training.optimizer, _under("optimizer", arrays))', "pass", CHECKPOINTS
    ),
    Mutation(
        "the best weights so far are lost",
        'best.state = {name: torch.tensor(weight) for name, weight in _under("best", arrays).items()}',
        "pass",
        CHECKPOINTS,
    ),
    Mutation(
        "patience starts anew",
        'best.passes_since, log.loss_curve = values["passes_since"],',
        "best.passes_since, log.loss_curve = 0,",
        CHECKPOINTS,
    ),
    Mutation("what is exported is not compared", "if not apart <= program.close:", "if apart < 0:", EXPORTS),
    Mutation(
        "what is exported is compared once it is written",
        "        for n in BATCHES:\n            _compare(program, run, carry, n)\n    write_whole(path, content)",
        "        write_whole(path, content)\n        for n in BATCHES:\n            _compare(program, run, carry, n)",
        EXPORTS,
    ),
    Mutation(
        "an exported model of rows takes stacks",
        "writer, (format_.n_pixels,) if format_.flat else format_.image_shape)",
        "writer, format_.image_shape)",
        EXPORTS,
    ),
    Mutation(
        "an average over any function is exported",
        "if np.abs(moved - numbers[:, index]).max() > 0.25:",
        "if index is None:",
        EXPORTS,
    ),
    Mutation(
        "an exported model refines nothing, in silence",
        "if reader is not None and reader.autoencoder.refine_steps:",
        "if reader is None:",
        EXPORTS,
    ),
    Mutation(
        "an export without steps reconstructs",
        'transform = self.compose(*steps) if steps or what != "whole" else self._applied()',
        "transform = self.compose(*steps)",
        EXPORTS,
    ),
    Mutation(
        "a nonlinear map is exported once",
        "maps.is_invertible(L) else [L] * power",
        "maps.is_invertible(L) else [L]",
        EXPORTS,
    ),
)
