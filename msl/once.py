"""An option that may be given once; click alone would take the last value and say nothing."""

from collections.abc import Mapping
from typing import Any

import click


class OnceOption(click.Option):
    """An option that is refused if it is given twice."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """Let the parser keep every value."""
        parser.add_option(obj=self, opts=self.opts, dest=self.name, action="append", nargs=self.nargs)

    def consume_value(self, ctx: click.Context, opts: Mapping[str, Any]) -> Any:
        """The only value.

        Raises:
            click.UsageError: there are several.
        """
        values = opts.get(str(self.name))
        if not isinstance(values, list):
            return super().consume_value(ctx, opts)
        if len(values) > 1 and not ctx.resilient_parsing:
            shown = " and ".join(value if isinstance(value, str) else str(self.flag_value) for value in values)
            raise click.UsageError(f"{self.opts[0]} is given {len(values)} times, as {shown}: give it once.", ctx)
        return super().consume_value(ctx, {**opts, str(self.name): values[-1]})
