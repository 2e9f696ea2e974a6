"""Surfaces: the grain, the joints and the holes that `render` adds to a face's plain colour."""

from typing import NamedTuple


class Finish(NamedTuple):
    """A surface's texture; amplitudes are shares of its brightness."""

    grain: float = 0.0  # amplitude of the fine noise
    grain_size: float = 0.05  # m across
    stain: float = 0.0  # amplitude of the coarse noise
    stain_width: float = 2.0  # m across, along the texture's first axis
    stain_length: float = 2.0  # m along the second
    joint_width: float = 0.0  # m between the joints of slabs or blocks; 0: none
    joint_length: float = 1.0
    holes: float = 0.0  # share of the surface that is open
    bars: float = 0.0  # m from one bar of a fence to the next; 0: holes at random places


FINISHES: dict[str, Finish] = {
    "plain": Finish(),
    "asphalt": Finish(grain=0.10, grain_size=0.03, stain=0.07, stain_width=0.9, stain_length=14.0),
    "paving": Finish(grain=0.06, grain_size=0.04, stain=0.05, joint_width=0.9, joint_length=0.9),
    "grass": Finish(grain=0.22, grain_size=0.06, stain=0.12, stain_width=1.5, stain_length=3.0),
    "plaster": Finish(grain=0.05, grain_size=0.10, stain=0.05, stain_width=5.0, stain_length=3.0),
    "brick": Finish(grain=0.12, grain_size=0.12, stain=0.06, stain_width=3.0, stain_length=4.0),
    "roof": Finish(grain=0.12, grain_size=0.2, stain=0.06, stain_width=0.5, stain_length=3.0),
    "stone": Finish(grain=0.10, grain_size=0.10, stain=0.10, joint_width=0.8, joint_length=0.4),
    "leaves": Finish(grain=0.30, grain_size=0.16, stain=0.22, stain_width=0.9, stain_length=0.9, holes=0.10),
    "hedge": Finish(grain=0.28, grain_size=0.12, stain=0.14, stain_width=0.8, stain_length=0.8),
    "twigs": Finish(grain=0.25, grain_size=0.2, holes=0.72),
    "bark": Finish(grain=0.2, grain_size=0.08),
    "railing": Finish(holes=0.62, bars=0.22),
    "planks": Finish(grain=0.10, grain_size=0.1, holes=0.12, bars=0.3),
    "mesh": Finish(grain=0.1, grain_size=0.1, holes=0.55, bars=0.4),
    "spokes": Finish(holes=0.94),
    "cloth": Finish(grain=0.08, grain_size=0.06),
    "paint": Finish(grain=0.02, grain_size=0.2),
}

ROWS = {name: row for row, name in enumerate(FINISHES)}  # a finish's row in the tables
