"""Files of tensors: nothing in them is executed, and what is no such file is named."""
import collections
import os
import pickle
import re
import zipfile

import pytest
import torch

from dance_edge.errors import CheckpointError
from dance_edge.tensor_file import load_tensors, save_tensors


class Bomb:
    def __reduce__(self):
        return (os.mkdir, ("exploded",))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("content", [{"state_dict": Bomb()}, {"state_dict": {"a": Bomb()}}, Bomb(),
                                     {"state_dict": {"a": torch.zeros(1)}, "optimizer": [Bomb()]}])
@pytest.mark.parametrize("protocol", ["zip", "legacy", "plain pickle"])
def test_loading_executes_no_code(protocol, content):
    if protocol == "plain pickle":
        with open("m.pt", "wb") as file:
            pickle.dump(content, file, protocol=2)
    else:
        torch.save(content, "m.pt", _use_new_zipfile_serialization=protocol == "zip")
    with pytest.raises(CheckpointError) as caught:
        load_tensors("m.pt")
    assert not os.path.exists("exploded") and caught.value.hint
    if protocol != "plain pickle":
        assert "asks for %s.mkdir, which is code" % os.mkdir.__module__ in caught.value.message
        assert "state_dict()" in caught.value.hint  # how to save what can be loaded


@pytest.mark.parametrize("name", ["os.system", "storage.os.Storage", "nn.Module", "load"])
@pytest.mark.parametrize("module", ["torch", "builtins", "torch.storage"])
def test_no_global_but_tensors_own_is_found(module, name):
    from dance_edge.tensor_file import _RestrictedUnpickler

    with open("m.pkl", "wb") as file:
        file.write(b"\x80\x04" + b"\x8c" + bytes([len(module)]) + module.encode() + b"\x8c" + bytes([len(name)])
                   + name.encode() + b"\x93.")  # STACK_GLOBAL, which follows dots
    with open("m.pkl", "rb") as file, pytest.raises(pickle.UnpicklingError, match="code"):
        _RestrictedUnpickler(file).load()


@pytest.mark.parametrize("content, words", [
    (b"", "empty"), (b"not a checkpoint", "not a checkpoint of tensors"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS"),
    (b"<!DOCTYPE html><html>404</html>", "web page"), (b"PK\x03\x04 cut", "not a checkpoint of tensors")])
def test_other_files_are_named(content, words):
    with open("m.pt", "wb") as file:
        file.write(content)
    with pytest.raises(CheckpointError, match=words):
        load_tensors("m.pt")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        load_tensors("missing.pt")


def test_a_cut_or_damaged_legacy_file_is_named_wherever_it_broke():
    torch.save({"conv.weight": torch.ones(2, 3), "bn.bias": torch.zeros(4)}, "whole.pt",
               _use_new_zipfile_serialization=False)
    with open("whole.pt", "rb") as file:
        whole = file.read()
    refused = 0
    for at in range(1, len(whole), 5):
        flipped = whole[:at] + bytes([whole[at] ^ 0xff]) + whole[at + 1:]
        for content, must in ((whole[:at], True), (flipped, False)):  # a flipped byte of a number is no fault
            with open("m.pt", "wb") as file:
                file.write(content)
            try:
                load_tensors("m.pt")
                assert not must, at
            except CheckpointError:
                refused += 1
    assert refused > len(whole) // 5


def test_a_legacy_file_whose_storages_have_other_keys_is_named():
    torch.save({"a": torch.ones(2)}, "m.pt", _use_new_zipfile_serialization=False)
    with open("m.pt", "rb") as file:
        whole = file.read()
    key = re.search(b"X.\\x00\\x00\\x00([0-9]{6,})q", whole, re.DOTALL).group(1)
    with open("m.pt", "wb") as file:
        file.write(whole.replace(key, b"x" + key[1:], 1))  # where the tensor asks for it, not where it lies
    with pytest.raises(CheckpointError, match="not a checkpoint of tensors") as caught:
        load_tensors("m.pt")
    assert isinstance(caught.value.__context__, AssertionError)


def test_a_program_is_no_checkpoint():
    torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), "m.pt")
    assert zipfile.is_zipfile("m.pt")
    with pytest.raises(CheckpointError, match="TorchScript"):
        load_tensors("m.pt")


@pytest.mark.parametrize("content", ["program", "tensors"])
def test_an_archive_with_a_damaged_end_is_named_and_never_run(content, monkeypatch):
    ran = []
    monkeypatch.setattr(torch.jit, "load", lambda *_args, **_options: ran.append(True))
    if content == "program":
        torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), "whole.pt")
    else:
        torch.save({"a": torch.ones(2)}, "whole.pt")
    with open("whole.pt", "rb") as file:
        whole = file.read()
    for at in range(len(whole) - 150, len(whole)):  # where an archive says how it is to be listed
        with open("m.pt", "wb") as file:
            file.write(whole[:at] + bytes([whole[at] ^ 0xff]) + whole[at + 1:])
        try:
            load_tensors("m.pt")
            assert content == "tensors", at  # a flipped byte that torch does not look at
        except CheckpointError:
            pass
    assert not ran


def test_what_tensors_come_in_is_read_back():
    content = {"state_dict": collections.OrderedDict(a=torch.arange(3), b=torch.nn.Parameter(torch.ones(2).half())),
               "epoch": 3, "lr": 0.1, "names": ["a", None, True]}
    for zipped in (True, False):
        torch.save(content, "m.pt", _use_new_zipfile_serialization=zipped)
        again = load_tensors("m.pt")
        assert torch.equal(again["state_dict"]["a"], torch.arange(3)) and again["names"] == ["a", None, True]
        assert again["state_dict"]["b"].dtype == torch.float16 and (again["epoch"], again["lr"]) == (3, 0.1)


def test_only_what_loads_safely_is_saved():
    numpy = pytest.importorskip("numpy")
    with pytest.raises(TypeError, match="content/a/0"):
        save_tensors("m.pt", {"a": [numpy.float64(1)]})
    assert not os.path.exists("m.pt")
