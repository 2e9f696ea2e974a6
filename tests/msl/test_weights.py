"""Files that are said to hold weights: what is read, and one sentence with the way out for everything else."""

import argparse
import gzip
import json
import pickle
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from msl.errors import CheckpointError
from msl.weights import load_file, state_dict_in

STATE = {"conv.weight": torch.arange(4.0), "conv.bias": torch.ones(1)}


def saved(folder: Path, content: object, **how: object) -> Path:
    torch.save(content, folder / "w.pth", **how)
    return folder / "w.pth"


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        *({name: STATE} for name in ("state_dict", "model_state_dict", "model", "network", "net")),
        {"model": {"state_dict": STATE}, "epoch": 3},
        {"state_dict": {f"module.{k}": v for k, v in STATE.items()}, "best_MIou": np.float64(0.4)},
        {f"_orig_mod.{k}": v for k, v in STATE.items()},
        {"state_dict": {f"model.{k}": v for k, v in STATE.items()}, "pytorch-lightning_version": "2"},
        {"model": STATE, "args": argparse.Namespace(lr=0.1), "optimizer": {"state": {}}},
        {"model": STATE, "folder": Path("/data"), "epoch": 1},  # an object that torch does not read
    ],
)
def test_common_wrappers_are_taken_off(tmp_path, content):
    state = state_dict_in(load_file(saved(tmp_path, content)))
    assert {name: value.tolist() for name, value in state.items()} == {k: v.tolist() for k, v in STATE.items()}


def test_a_prefix_of_some_names_stays():
    state = state_dict_in({"model.a": torch.zeros(1), "head.b": torch.zeros(1)})
    assert set(state) == {"model.a", "head.b"}


def test_files_of_safetensors_are_read(tmp_path):
    safetensors = pytest.importorskip("safetensors.torch")
    path = tmp_path / "w.safetensors"
    safetensors.save_file(STATE, path)
    state = state_dict_in(load_file(path))
    assert {name: value.tolist() for name, value in state.items()} == {k: v.tolist() for k, v in STATE.items()}
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(CheckpointError, match="w.safetensors cannot be read: damaged, or no file of safetensors"):
        load_file(path)


def test_safetensors_is_named_where_it_is_missing(tmp_path, monkeypatch):
    (tmp_path / "w.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(CheckpointError, match="needs the package safetensors, which is not installed: pip install"):
        load_file(tmp_path / "w.safetensors")


class Bomb:
    def __reduce__(self):
        return (pytest.fail, ("code from a file was run",))


class Touch(NamedTuple):
    path: str

    def __reduce__(self):
        return (subprocess.call, (["touch", self.path],))


def _zip(folder, names):
    with zipfile.ZipFile(folder / "w.pth", "w") as archive:
        for name in names:
            archive.writestr(name, "x")


def _tar(folder):
    (folder / "net.pth").write_bytes(b"x")
    with tarfile.open(folder / "w.pth", "w") as archive:
        archive.add(folder / "net.pth", "net.pth")


def _half(folder, **how):
    whole = saved(folder, {"w": torch.zeros(5000)}, **how).read_bytes()
    (folder / "w.pth").write_bytes(whole[: len(whole) // 2])


def _bytes(content):
    return lambda folder: (folder / "w.pth").write_bytes(content)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 178793939\n"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: None, "It cannot be found"),
        (lambda folder: (folder / "w.pth").mkdir(), "It is a folder"),
        (_bytes(b""), "It is empty"),
        (_bytes(b"\n<!DOCTYPE html>\n<html><head>Sign in</head></html>"), "It is a web page: .*download button"),
        (_bytes(b"\xef\xbb\xbf<HTML>"), "It is a web page"),
        (_bytes(POINTER), "pointer of Git LFS to a file of 178793939 bytes: run `git lfs pull`"),
        (_bytes(json.dumps({"message": "Not Found"}).encode()), 'a text that begins with "{"message": "Not Found"}"'),
        (_bytes(gzip.compress(pickle.dumps(1))), "compressed with gzip: unpack it"),
        (lambda folder: _zip(folder, ["a/net.pth", "readme.txt"]), r"zip archive: unpack it .*\(a/net.pth, readme.txt"),
        (lambda folder: _tar(folder), r"tar archive: unpack it .*\(net.pth\)"),
        (_half, "is cut off after [0-9]+ bytes: download it again"),
        (lambda folder: _half(folder, _use_new_zipfile_serialization=False), "it ends too early. Download"),
        (lambda folder: np.save(folder / "w.pth.npy", [1]) or (folder / "w.pth.npy").rename(folder / "w.pth"), "NumPy"),
        (lambda folder: Image.new("L", (4, 4)).save(folder / "w.pth", "PNG"), "It is an image"),
        (
            lambda folder: torch.jit.save(
                torch.jit.trace(nn.Conv2d(1, 1, 1), torch.zeros(1, 1, 2, 2)), folder / "w.pth"
            ),
            "TorchScript program: save the weights",
        ),
        (lambda folder: saved(folder, [STATE, STATE]), "holds a list, no state dict. Pass a file that holds one"),
        (lambda folder: saved(folder, torch.zeros(2)), "holds a Tensor, no state dict"),
        (lambda folder: saved(folder, nn.Conv2d(1, 1, 1)), "holds a whole model with its code"),
        (lambda folder: saved(folder, {"w": Bomb()}, _use_new_zipfile_serialization=False), "could run code"),
        (_bytes(pickle.dumps(Bomb())), "cannot be read"),
        (_bytes(b"\x80\x02\x00\x01\x02garbage"), "cannot be read"),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.jit", "ignore:.*torch.jit.*")
def test_what_holds_no_weights_is_told_in_one_sentence_with_the_way_out(tmp_path, make, message):
    make(tmp_path)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_file(tmp_path / "w.pth")
    text = str(caught.value)
    assert text.startswith(str(tmp_path / "w.pth"))
    assert "weights_only" not in text
    assert "add_safe_globals" not in text
    assert "\n" not in text


def test_an_object_that_would_run_code_is_never_built(tmp_path):
    content = load_file(saved(tmp_path, {"model": STATE, "bomb": Touch(str(tmp_path / "it_ran"))}))
    assert set(state_dict_in(content)) == set(STATE)
    assert not (tmp_path / "it_ran").exists()
