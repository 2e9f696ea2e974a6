"""Two processes of one thread beside one process of two threads: images a second of the same training.

``python tests/benchmarks/distributed.py``: adaptation as in the default recipe with two images of each domain a step,
on the generated streets. Both trainings take turns, because other programs may use the machine too.
"""

import os
import tempfile
from contextlib import chdir

from analysis import open_store
from msl import schema
from msl.recipes import Request
from msl.runs import run as carry_out

STEPS = 45  # the first third is not counted: processes and kernels warm up
TURNS = 3
SETTINGS = {"batch_size": 2, "max_iters": STEPS, "log_every": STEPS // 3, "eval_images": 2, "panels": 0}
WAYS = {"one process, two threads": {"threads": 2}, "two processes": {"nproc": 2, "threads": 1}}


def speeds() -> dict[str, float]:
    """The best images a second of each way."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        os.environ |= {"MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db", "MSL_CACHE": folder}
        pretrained = carry_out(Request.of(stage="pretrain", recipe="streets", overrides={"max_iters": 1, "panels": 0}))
        fastest = dict.fromkeys(WAYS, 0.0)
        for _ in range(TURNS):
            for way, settings in WAYS.items():
                fastest[way] = max(fastest[way], _speed(settings | {"checkpoint": f"runs:/{pretrained.run_id}"}))
    return fastest


def _speed(settings: dict[str, object]) -> float:
    run = carry_out(Request.of(stage="adapt", recipe="streets", overrides=SETTINGS | settings))
    history = open_store(os.environ["MLFLOW_TRACKING_URI"]).history([run.run_id], [schema.IMAGES_PER_S])
    return float(history[history["step"] > STEPS // 3]["value"].mean())


if __name__ == "__main__":
    figures = speeds()
    for way, speed in figures.items():
        print(f"{way:30} {speed:8.2f} images/s")
    alone, together = figures.values()
    print(f"{'ratio':30} {together / alone:8.2f}, at least 0.9 is the goal")
