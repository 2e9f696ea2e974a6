"""Every name that a run is recorded with: metrics, parameters, tags and artifacts; and how the stored texts are read.

`msl.tracking` writes these names and `analysis` reads them; no other module contains them as text. The table `SCORES`
gives the heading, unit and direction of every score; times are in seconds. Each file has one kind of names, and all of
them are here: ``from msl import schema`` and ``schema.MIOU``.
"""

from msl.schema.artifacts import *
from msl.schema.criteria import *
from msl.schema.kinds import *
from msl.schema.metrics import *
from msl.schema.panels import *
from msl.schema.scores import *
from msl.schema.settings import *
from msl.schema.spelled import *
from msl.schema.tags import *
