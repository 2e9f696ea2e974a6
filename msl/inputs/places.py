"""Where files and folders are that settings name: in this folder, or below data_root."""

from pathlib import Path

from msl.data.catalog import domain_names
from msl.data.yaml_file import is_domain_file
from msl.errors import ConfigError

_STYLES = "styles"  # folder of style folders below data_root


def weights_file(name: str, root: Path | None) -> str:
    """A file of weights, in this folder or in data_root; a name that is not a file stays as it is."""
    if not Path(name).is_file() and root is not None and (root / name).is_file():
        return str(root / name)
    return name


def find_style_folder(style: str, root: Path | None) -> Path | None:
    """The folder of style images; None if `style` is the name of a domain, or its YAML file.

    Raises:
        ConfigError: there is no such folder, and no domain has that name.
    """
    folders = [Path(style), *([root / _STYLES / style] if root else [])]
    folder = next((folder for folder in folders if folder.is_dir()), None)
    if folder is None and style not in domain_names() and not is_domain_file(style):
        places = " or ".join(map(str, folders))
        raise ConfigError(
            f"style = {style!r}: there is no folder {places}, and no domain has that name (choose one of "
            f"{', '.join(domain_names())}, or a file NAME.yaml)"
        )
    return folder
