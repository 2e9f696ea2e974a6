"""Studies: many runs as one graph, carried out by processes here, by Slurm or by Ray."""

from msl.studies.declaration import Row, Study, find_study
from msl.studies.graph import Graph, Node

__all__ = ["Graph", "Node", "Row", "Study", "find_study"]
