"""Two processes of one thread beside one process of two threads: images a second of the same training.

``python tests/benchmarks/distributed.py``: adaptation with two images of each domain a step, on the generated streets,
with the small network of the default recipe and with ResNet-101. All ways take turns, because other programs may use
the machine too.
"""

import os
import tempfile
from contextlib import chdir
from dataclasses import dataclass, field

from analysis import open_store
from msl import schema
from msl.recipes import Request
from msl.runs import run as carry_out

TURNS = 3
WAYS = {
    "one process, two threads": {"threads": 2},
    "two processes, BatchNorm over both": {"nproc": 2, "threads": 1},
    "two processes, sync_bn=false": {"nproc": 2, "threads": 1, "sync_bn": False},
}


@dataclass(frozen=True)
class Case:
    """A network, and how long it is trained; the first third is not counted: processes and kernels warm up."""

    title: str
    steps: int
    network: dict[str, object] = field(default_factory=dict)

    def settings(self) -> dict[str, object]:
        """Those of its training."""
        watched = {"log_every": self.steps // 3, "eval_images": 2, "panels": 0}
        return {"batch_size": 2, "max_iters": self.steps, **watched, **self.network}


CASES = (
    Case("small MobileNetV2, 256x128", 45),
    Case("ResNet-101, 256x128", 9, {"backbone": "resnet101", "width": 1.0}),
)


def speeds(case: Case) -> dict[str, float]:
    """The best images a second of each way."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ |= {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "MSL_CACHE": folder}
        start = Request.of(stage="pretrain", recipe="streets", overrides=case.settings() | {"max_iters": 1})
        checkpoint = f"runs:/{carry_out(start).run_id}"
        fastest = dict.fromkeys(WAYS, 0.0)
        for _ in range(TURNS):
            for way, settings in WAYS.items():
                fastest[way] = max(fastest[way], _speed(case, settings | {"checkpoint": checkpoint}))
    return fastest


def _speed(case: Case, settings: dict[str, object]) -> float:
    run = carry_out(Request.of(stage="adapt", recipe="streets", overrides=case.settings() | settings))
    history = open_store(os.environ["MLFLOW_TRACKING_URI"]).history([run.run_id], [schema.IMAGES_PER_S])
    return float(history[history["step"] > case.steps // 3]["value"].mean())


if __name__ == "__main__":
    for case in CASES:
        print(case.title)
        figures = speeds(case)
        alone = next(iter(figures.values()))
        for way, speed in figures.items():
            print(f"  {way:36} {speed:8.2f} images/s  {speed / alone:5.2f}")
