"""Feature extractors. Each has its own file, loaded when `backbone` names it (`msl.config.catalog.BACKBONES`)."""

from msl.models.backbones.backbone import Backbone, Features, Stages
from msl.models.backbones.declaration import check_declaration

__all__ = ["Backbone", "Features", "Stages", "check_declaration"]
