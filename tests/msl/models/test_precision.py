"""Which precision a machine computes."""

import logging

import pytest
import torch

from msl.config import DeviceConfig
from msl.models.precision import best_on_cpu, chosen_precision, replacement, usable_precision


def test_an_older_gpu_gets_the_next_best_precision():
    assert [replacement(capability) for capability in ((7, 5), (7, 0), (6, 1))] == ["float16", "float16", "float32"]


def test_a_processor_without_units_for_bfloat16_keeps_float32(tmp_path):
    facts = tmp_path / "cpuinfo"
    facts.write_text("flags : fpu avx2 avx512f avx512bw\n")
    assert best_on_cpu(facts) == ("float32", "the processor has none of amx_bf16, avx512_bf16")
    assert best_on_cpu(tmp_path / "missing")[0] == "float32"


def test_a_processor_with_them_is_measured(tmp_path):
    facts = tmp_path / "cpuinfo"
    facts.write_text("flags : avx512_bf16\n")
    choice, reason = best_on_cpu(facts)
    gain = float(reason.split()[5])
    assert choice == ("bfloat16" if gain >= 1.1 else "float32")


def test_the_choice_of_auto_is_logged(caplog):
    caplog.set_level(logging.INFO, "msl")
    choice = chosen_precision("auto", DeviceConfig(device="cpu"))
    assert choice in ("float32", "bfloat16")
    assert f"precision = auto: {choice}, because " in caplog.text


@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16"])
def test_a_precision_that_is_named_stays_on_a_cpu(name):
    assert chosen_precision(name, DeviceConfig(device="cpu")) == name
    assert usable_precision(name, torch.device("cpu")) == getattr(torch, name)
