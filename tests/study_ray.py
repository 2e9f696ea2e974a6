"""A study on a real Ray cluster of two nodes: one is lost in the middle, and the table is that of an undisturbed study.

``python tests/study_ray.py --runs 12``: needs the extra ray. The nodes are processes of this machine. A node that is
lost takes its training with it: the training is killed first, because here no machine dies that would end it.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import chdir
from importlib.util import find_spec
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from disturbed import drive, finish, prepare, training

PORT = 8266  # of the dashboard


def main() -> int:
    """Print what happened; the status is 0 if every run has finished once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=12)
    options = parser.parse_args()
    if find_spec("ray") is None:
        print("skipped: there is no Ray here; the extra ray installs it")
        return 0
    from ray.cluster_utils import Cluster

    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        prepare(Path(folder), options.runs)
        # Jobs are started from the head; its cores take none, so that both nodes train.
        cluster = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": True, "dashboard_port": PORT, "memory": 2**30},
        )
        nodes = [cluster.add_node(num_cpus=1, memory=4 * 2**30) for _ in range(2)]
        cluster.wait_for_nodes()
        try:
            driver = drive("ray", "--address", f"http://127.0.0.1:{PORT}")
            job = training(_running)
            os.kill(int(job), signal.SIGKILL)
            cluster.remove_node(nodes[0], allow_graceful=False)
            print(f"killed the training of process {job}, and a node", flush=True)
            cluster.add_node(num_cpus=1, memory=4 * 2**30)
            return finish(driver, options.runs)
        finally:
            cluster.shutdown()


def _running() -> list[str]:
    """Processes that train for the study."""
    pattern = f"msl.studies.job {Path.cwd().resolve()}"
    listed = subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True)
    return listed.stdout.split()


if __name__ == "__main__":
    sys.exit(main())
