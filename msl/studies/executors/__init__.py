"""What carries jobs out: processes of this machine, Slurm, Ray."""

from msl.studies.executors.protocol import Executor, ExecutorOptions, JobRequest, Needs

__all__ = ["Executor", "ExecutorOptions", "JobRequest", "Needs"]
