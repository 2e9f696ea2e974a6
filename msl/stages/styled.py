"""The styled copies of domains that a recipe needs, made where there is none yet."""

from pathlib import Path

from msl.config import TrainConfig
from msl.recipes import Request, find_recipe
from msl.stages.styling import find_copy, stylize
from msl.tracking import Client


def with_copies(client: Client, request: Request, config: TrainConfig, run_id: str) -> TrainConfig:
    """The settings with the YAML file of a copy in place of each domain that the recipe says is one.

    Args:
        client: of the tracking store.
        request: for the stage that reads the domains.
        config: its settings.
        run_id: of the run that needs them; those that make the copies are nested in it.
    """
    styled = find_recipe(request.recipe).styled
    names = {"source": config.source.source, "target": config.target.target or ""}
    return config.edit(
        **{role: _copy(client, request, name, styled[name], run_id) for role, name in names.items() if name in styled}
    )


def _copy(client: Client, request: Request, name: str, content: str, run_id: str) -> str:
    asked = request.for_style("stylize", content=content, style_name=name.removeprefix(f"{Path(content).stem}_"))
    return str(find_copy(client, asked) or stylize(asked, nested_in=run_id).file)
