"""A run's last checkpoint and the one before it: one of them is whole at any moment."""

import logging
import os
import re
import subprocess
import sys

import pytest
import torch
from conftest import REPOSITORY

from msl.checkpoints import About, Checkpoint, newest_whole, previous_generation, read, write_generation
from msl.errors import CheckpointError


@pytest.fixture
def path(tmp_path):
    return tmp_path / "last.pt"


def at(step):
    return Checkpoint(about=About(group="g"), step=step, weights={"w": torch.full((1000,), float(step))})


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def generations(path):
    return [path, previous_generation(path)]


def test_the_one_before_stays(path):
    for step in (3, 6, 9):
        write_generation(path, at(step))
    assert sorted(file.name for file in path.parent.iterdir()) == ["last.previous.pt", "last.pt"]
    assert [read(file).step for file in generations(path)] == [9, 6]
    assert newest_whole(generations(path)).step == 9


@pytest.mark.parametrize("harm", [damage, lambda path: path.write_bytes(b""), lambda path: os.truncate(path, 900)])
def test_a_damaged_one_is_told_and_the_one_before_taken(path, harm, caplog):
    write_generation(path, at(3))
    write_generation(path, at(6))
    harm(path)
    with caplog.at_level(logging.WARNING):
        assert newest_whole(generations(path)).step == 3
    message = (
        f"{path} cannot be read: damaged, .* The run continues from {path.parent}/last.previous.pt instead, at step 3"
    )
    (record,) = caplog.records
    assert re.search(message, record.getMessage())


def test_a_damaged_one_never_becomes_the_one_before(path):
    write_generation(path, at(3))
    write_generation(path, at(6))
    damage(path)
    write_generation(path, at(9))
    assert [read(file).step for file in generations(path)] == [9, 3]


def test_damaged_ones_only_are_refused_by_name(path):
    assert newest_whole(generations(path)) is None
    write_generation(path, at(3))
    write_generation(path, at(6))
    for file in generations(path):
        damage(file)
    with pytest.raises(CheckpointError, match="last.pt cannot .*last.previous.pt cannot .*: start a new run"):
        newest_whole(generations(path))


KILLS = 30
KILLER = """
import os, random, signal, sys, time
from pathlib import Path
import torch
from msl.checkpoints import About, Checkpoint, newest_whole, previous_generation, write_generation

torch.set_num_threads(1)
path, kills, moments = Path(sys.argv[1]), int(sys.argv[2]), random.Random(0)

def write(step, pipe):
    while True:
        weights = {"w": torch.full((300_000,), float(step))}
        write_generation(path, Checkpoint(about=About(group="g"), step=step, weights=weights))
        os.write(pipe, f"{step} ".encode())
        step += 1

step = 1
for _ in range(kills):
    result, pipe = os.pipe()
    if (child := os.fork()) == 0:
        write(step, pipe)
    os.close(pipe)
    first = os.read(result, 100)
    time.sleep(moments.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with open(result, "rb") as rest:
        written = int((first + rest.read()).split()[-1])
    checkpoint = newest_whole([path, previous_generation(path)])
    print(written, checkpoint.step, *checkpoint.weights["w"].unique().tolist(), flush=True)
    step = checkpoint.step + 1
"""


def test_a_kill_at_any_moment_leaves_the_last_one_that_was_written(path):
    """Real processes; each goes on where the one before it was killed."""
    killer = [sys.executable, "-c", KILLER, path, str(KILLS)]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    output = subprocess.run(killer, env=environment, capture_output=True, text=True, check=True, timeout=300).stdout
    rounds = [[float(number) for number in line.split()] for line in output.splitlines()]
    assert len(rounds) == KILLS
    for written, step, *values in rounds:
        assert step in (written, written + 1)  # a kill can fall between the file and the word about it
        assert values == [step]
