"""What all groups of settings are: frozen values with unknown names refused."""

from pydantic import BaseModel, ConfigDict


class Group(BaseModel):
    """Fields that belong together."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)
