"""The tracking server."""

from entrypoints._options import command, parsed
from msl.config import validated
from msl.service.settings import ServeConfig


def _serve(**given: str | None) -> None:
    config = validated(ServeConfig, parsed(given))
    from msl.service.server import serve

    serve(config)


main = command("serve", "Run MLflow's tracking server with accounts.", ServeConfig.model_fields, _serve)

if __name__ == "__main__":
    main()
