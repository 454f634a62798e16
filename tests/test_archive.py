"""A file is whole, and to the byte what `save` wrote, or it is refused in one line; a save happens or does not."""

import io
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import sklearn.svm
from hypothesis import given
from hypothesis import strategies as st
from safetensors import numpy as safetensors
from sklearn.decomposition import PCA

import latentaug
from latentaug import VAE, LatentAugmenter, load
from latentaug import _files as archive
from latentaug._files import read_archive, write_archive


@pytest.fixture(scope="module")
def saved(digits, tmp_path_factory):
    """The path of a saved augmenter with a network."""
    path = tmp_path_factory.mktemp("saved") / "model"
    vae = VAE(latent_dim=2, hidden_channels=(2,), max_iter=1, random_state=0)
    LatentAugmenter(["flip_lr"], vae, method="staged", geometry="free").fit(digits[:40]).save(path)
    return path


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model"


def refusal(path, content):
    """The one line with which a content is refused."""
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(path))) as raised:
        load(path)
    assert type(raised.value) is ValueError
    assert "\n" not in str(raised.value)
    return str(raised.value)


def zipped(members, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as file:
        for name, content in members:
            file.writestr(zipfile.ZipInfo(name), content, compression)
    return buffer.getvalue()


def members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return {name: file.read(name) for name in file.namelist()}


def with_arrays_of_another(content):
    """What another model's save would have written beside this one's account of itself."""
    arrays = safetensors.load(members(content)["arrays.safetensors"])
    other = {name: np.roll(array, 1) for name, array in arrays.items()}
    return archive._zip({**members(content), "arrays.safetensors": safetensors.save(other)})


def with_more(name):
    return lambda content: zipped([*members(content).items(), (name, b"import os")])


DAMAGED = {
    "empty": lambda content: b"",
    "an image": lambda content: b"\x89PNG\r\n\x1a\n" + content[8:],
    "a pickle": lambda content: pickle.dumps(list(range(100))),
    "another zip": lambda content: zipped([("a.txt", b"text")]),
    "no zip": lambda content: members(content)["meta.json"],
    "compressed": lambda content: zipped(members(content).items(), zipfile.ZIP_DEFLATED),
    "a bomb": lambda content: zipped([("meta.json", b" " * 10**7)], zipfile.ZIP_DEFLATED),
    "one more member": with_more("setup.py"),
    "a member elsewhere": with_more("../../setup.py"),
    "a member twice": lambda content: archive._zip(members(content)) + archive._zip(members(content)),
    "a size beyond": lambda content: content[:22] + b"\xff\xff\xff\x7f" + content[26:],
    "appended": lambda content: content + b"\0",
    "prepended": lambda content: b"#!" + content,
    "only its beginning": lambda content: content[:39],
    "no arrays": lambda content: archive._zip({"meta.json": members(content)["meta.json"]}),
    "other arrays": lambda content: archive._zip({**members(content), "arrays.safetensors": b"\0" * 8}),
    "arrays of another model": with_arrays_of_another,
    "no JSON": lambda content: archive._zip({**members(content), "meta.json": b"{"}),
    "deep JSON": lambda content: archive._zip({**members(content), "meta.json": b"[" * 10**6}),
    "much JSON": lambda content: archive._zip({**members(content), "meta.json": b" " * (archive.MAX_META + 1)}),
    "JSON of another kind": lambda content: archive._zip({**members(content), "meta.json": b"[]"}),
    "a newer format": lambda content: archive._zip(
        {name: member.replace(b'{"format":1,', b'{"format":2,') for name, member in members(content).items()}
    ),
    "a newer format, laid out anew": lambda content: zipped([("meta.json", b'{"format":12,}'), ("c", b"")]),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_save_did_not_write_is_refused(name, saved, path):
    message = refusal(path, DAMAGED[name](saved.read_bytes()))
    assert ("has format" in message) == ("newer" in name)
    assert ("is compressed" in message) == (name in ("compressed", "a bomb"))  # and so was not read
    (path.parent / "folder").mkdir()
    detour = path.parent / "folder" / ".." / path.name
    assert refusal(detour, path.read_bytes()) == message.replace(str(path), str(detour))


@given(st.data())
def test_a_changed_file_is_refused_or_cut_short(saved, data):
    content = bytearray(saved.read_bytes())
    path = saved.with_name("changed")
    places = st.integers(0, len(content) - 1)
    for place in data.draw(st.lists(places, min_size=1, max_size=4, unique=True)):
        content[place] ^= data.draw(st.integers(1, 255))
    refusal(path, bytes(content))
    refusal(path, saved.read_bytes()[: data.draw(places)])


def test_no_byte_is_left_unchecked(saved, path):
    content = saved.read_bytes()
    headers = [*range(100), *range(len(content) - 300, len(content))]
    for place in [*headers, *range(100, len(content) - 300, 97)]:
        refusal(path, content[:place] + bytes([content[place] ^ 0x10]) + content[place + 1 :])


def test_a_file_that_is_not_there_is_the_usual_error(path):
    with pytest.raises(FileNotFoundError, match="model"):
        load(path)
    with pytest.raises(OSError, match="directory"):
        load(path.parent)
    with pytest.raises(FileNotFoundError):
        VAE().save(path / "model")


# Files that are well spelled, and say what no `save` says


def objects_with(kind, change):
    """Change the content of the last object of a kind."""

    def forge(meta):
        next(entry for entry in reversed(meta["objects"]) if entry[0] == kind)[1:] = [change]

    return forge


def replace_first(kind, change):
    def forge(meta):
        entry = next(entry for entry in meta["objects"] if entry[0] == kind)
        entry[1] = change(entry[1])

    return forge


def tuples_of_tuples(meta):
    """A key of 2^40 parts, and so of as much to hash."""
    start = len(meta["objects"])
    doubled = [["tuple", [{"ref": k - 1}, {"ref": k - 1}] if k > start else []] for k in range(start, start + 40)]
    meta["objects"] += [*doubled, ["dict", [[{"ref": start + 39}, 1]]]]


def records_of_records(meta):
    """The same of records."""
    start, fields = len(meta["objects"]), ("image_shape", "flat", "value_range")
    for k in range(start, start + 40):
        part = {"ref": k - 1} if k > start else 1
        meta["objects"].append(["record", ["ImageFormat", dict.fromkeys(fields, part)]])
    meta["objects"].append(["dict", [[{"ref": start + 39}, 1]]])


def random_state_beyond_its_end(meta):
    start = len(meta["objects"])
    state = {"key": {"ref": start}, "pos": 10**6}
    array = {"shape": [624], "turned": False, "dtype": "|u1", "stored": "key"}
    whole = {"bit_generator": "MT19937", "state": {"ref": start + 1}, "has_gauss": 0, "gauss": 0.0}
    meta["objects"] += [["array", array], ["dict", list(state.items())], ["dict", list(whole.items())]]
    meta["objects"] += [["random_state", {"ref": start + 2}]]


def many_arrays(meta):
    """One array of a megabyte, ten thousand times."""
    meta["objects"] += [["array", {"shape": [2**20], "turned": False, "dtype": "|u1", "stored": "big"}]] * 10_000


# How each is forged, and why it is refused.
FORGED = {
    "a class elsewhere": (
        replace_first("estimator", lambda content: ["subprocess.Popen", content[1]]),
        "names 'subprocess.Popen', which is no public estimator",
    ),
    "a function": (
        replace_first("estimator", lambda content: ["latentaug.load", content[1]]),
        "names 'latentaug.load', which is no public estimator",
    ),
    "a class that is no estimator": (
        replace_first("estimator", lambda content: ["sklearn.model_selection.KFold", content[1]]),
        "names 'sklearn.model_selection.KFold', which is no public estimator",
    ),
    "a module's module": (
        replace_first("estimator", lambda content: ["sklearn.pipeline.np", content[1]]),
        "names 'sklearn.pipeline.np', which",
    ),
    "a private module": (
        replace_first("estimator", lambda content: ["sklearn.conftest.X", content[1]]),
        "names 'sklearn.conftest.X', which",
    ),
    "an abstract name": (
        replace_first("estimator", lambda content: ["sklearn.base.BaseEstimator.fit", content[1]]),
        "names 'sklearn.base.BaseEstimator.fit', which",
    ),
    "another record": (replace_first("record", lambda content: ["Views", content[1]]), "not callable"),
    "a record of other fields": (
        replace_first("record", lambda content: [content[0], {"a": 1}]),
        "unexpected keyword argument 'a'",
    ),
    "an unknown kind": (
        lambda meta: meta["objects"].append(["lambda", "X"]),
        "Unknown kind of object 'lambda'. Allowed: float",
    ),
    "an object to come": (
        lambda meta: meta["objects"].append(["list", [{"ref": 10**6}]]),
        "made of 1000000, which does not stand before it",
    ),
    "an object from the end": (
        lambda meta: meta["objects"].append(["list", [{"ref": -1}]]),
        "made of -1, which does not stand before it",
    ),
    "a bare list": (lambda meta: meta["objects"].append(["list", [[1]]]), "list indices"),
    "an unhashable key": (
        lambda meta: meta["objects"].extend([["list", []], ["dict", [[{"ref": 0}, 1]]]]),
        "unhashable type",
    ),
    "no estimator": (lambda meta: meta["objects"].append(["list", []]), "it is a list"),
    "no objects": (lambda meta: meta["objects"].clear(), "out of range"),
    "no table": (lambda meta: meta.update(objects=3), "not iterable"),
    "no versions": (lambda meta: meta.update(versions=None), "not subscriptable"),
    "a key more": (lambda meta: meta.update(code="import os"), "other entries than format"),
    "an array that is not there": (replace_first("array", lambda content: {**content, "stored": "99"}), "'99'"),
    "an array of objects": (replace_first("array", lambda content: {**content, "dtype": "|O8"}), "Got dtype '|O8'"),
    "weights of another shape": (
        replace_first("array", lambda content: {**content, "shape": [-1]}),
        "weights do not fit the network",
    ),
    "weights of another dtype": (
        replace_first("array", lambda content: {**content, "dtype": "|u1", "shape": [-1]}),
        "weights do not fit the network",
    ),
    "a key that takes forever": (tuples_of_tuples, "holds more than 1000 others"),
    "a record that takes forever": (records_of_records, "holds more than 1000 others"),
    "a random state beyond its end": (random_state_beyond_its_end, "state of a RandomState is not one"),
    "more memory than there is": (many_arrays, "more memory than the file accounts for"),
}


def forged(saved, forge, arrays):
    meta = json.loads(members(saved.read_bytes())["meta.json"])
    forge(meta)
    del meta["format"], meta["sha256"]
    forged_path = saved.with_name("forged")
    write_archive(forged_path, meta, arrays)
    return forged_path.read_bytes()


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_file_is_refused(name, saved, path):
    arrays = {**read_archive(saved)[1], "key": np.zeros(624, np.uint8), "big": np.zeros(2**20, np.uint8)}
    forge, reason = FORGED[name]
    assert reason in refusal(path, forged(saved, forge, arrays))


def test_an_untouched_forgery_is_the_file_itself(saved):
    assert forged(saved, lambda meta: None, read_archive(saved)[1]) == saved.read_bytes()


PLANTED = {
    "a module": replace_first("estimator", lambda content: ["planted.Model", content[1]]),
    "a module in latentaug": replace_first("estimator", lambda content: ["latentaug.planted.Model", content[1]]),
    "a module in scikit-learn": replace_first("estimator", lambda content: ["sklearn.planted.Model", content[1]]),
    "a module further in": replace_first("estimator", lambda content: ["sklearn.svm.planted.Model", content[1]]),
    "a record": replace_first("record", lambda content: ["planted", content[1]]),
    "an augmentation": lambda meta: meta["objects"].append(["aug", ["flip", "planted:Model"]]),
}


@pytest.mark.parametrize("name", PLANTED)
def test_a_forged_name_imports_nothing(name, saved, path, monkeypatch):
    """The module stands wherever an import would find it."""
    (path.parent / "planted.py").write_text("from latentaug import VAE as Model")
    monkeypatch.syspath_prepend(path.parent)
    for package in (latentaug, sklearn, sklearn.svm):
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(path.parent)])
    refusal(path, forged(saved, PLANTED[name], read_archive(saved)[1]))
    assert not [module for module in sys.modules if "planted" in module]


# A save happens, or does not


def fail(*_):
    raise OSError("No space left on device")


@pytest.mark.parametrize("call", ["os.fsync", "shutil.copymode", "pathlib.Path.replace"])
def test_a_save_that_fails_leaves_the_old_file(call, path, monkeypatch):
    VAE(latent_dim=3).save(path)
    before = path.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(call, fail)
        with pytest.raises(OSError, match="No space left"):
            VAE(latent_dim=5).save(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    VAE(latent_dim=5).save(path)
    assert load(path).latent_dim == 5


@pytest.mark.skipif(os.name != "posix", reason="permissions and links of POSIX")
def test_a_save_keeps_permissions_and_links(path):
    VAE().save(path)
    path.chmod(0o600)
    link = path.with_name("link")
    link.symlink_to(path)
    VAE(latent_dim=3).save(str(link))
    assert link.is_symlink()
    assert load(path).latent_dim == 3
    assert path.stat().st_mode & 0o777 == 0o600


KILLED_AT = {
    "the write": "resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, 2**20))",  # half of the file
    "the flush to the disk": "os.fsync = kill",
    "the permissions": "shutil.copymode = kill",
    "the replacement": "Path.replace = kill",
}
SAVE_TWICE = """
import os, resource, shutil, signal, sys
from pathlib import Path
import numpy as np
from latentaug._files import write_archive
def kill(*_):
    os.kill(os.getpid(), signal.SIGKILL)
def save(k):
    content = {"0": np.full(2**21, k, dtype=np.uint8)}
    write_archive(Path(sys.argv[1]), {"versions": {}, "objects": [k]}, content)
save(1)
signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
exec(sys.argv[2])
save(2)
"""


@pytest.mark.skipif(os.name != "posix", reason="needs signals that kill, and limits of POSIX")
@pytest.mark.parametrize("moment", KILLED_AT)
def test_killed_while_saving_leaves_the_old_file_whole(moment, path):
    command = [sys.executable, "-c", SAVE_TWICE, str(path), KILLED_AT[moment]]
    done = subprocess.run(command, capture_output=True, timeout=60)
    assert -done.returncode in (signal.SIGKILL, signal.SIGXFSZ), done.stderr
    meta, arrays = read_archive(path)
    assert meta["objects"] == [1]
    assert (arrays["0"] == 1).all()
    assert len(list(path.parent.iterdir())) == 2  # the new one, unfinished, under another name


def test_a_pca_alone_is_small(digits, path):
    LatentAugmenter(["flip_lr"], PCA(2), method="staged", geometry="free").fit(digits[:40]).save(path)
    assert path.stat().st_size < 20_000
