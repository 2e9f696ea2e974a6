"""Tables in YAML files; unlike YAML itself, a key may not occur twice."""

import difflib
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from msl.errors import ConfigError

DOMAIN_SUFFIXES = (".yaml", ".yml")
NO_COLOURS = "labels are files of one channel with ids: docs/own-data.md converts colour masks"


def is_domain_file(name: str) -> bool:
    """Whether a domain or a label set is named by the YAML file that describes it."""
    return Path(name).suffix in DOMAIN_SUFFIXES


def read_table(path: Path) -> dict[str, Any]:
    """The table that a YAML file holds.

    Raises:
        ConfigError: the file is missing, is not YAML, is not a table, or has a key twice (YAML would take the last).
    """
    try:
        content: Any = yaml.load(path.read_text("utf-8-sig"), _Careful)  # it is a SafeLoader
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file. {_nearest(path)}A relative path counts from {Path.cwd()}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: cannot be read as YAML: {_sentence(error)}") from error
    if not isinstance(content, dict):
        raise ConfigError(
            f"{path}: holds no settings; expected lines such as 'name: my_city' and 'root: /data/my_city'"
        )
    return content


def _sentence(error: Exception) -> str:
    """What is wrong, with its line and column where the parser tells them."""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark, context = error.problem_mark, f" {error.context}," if error.context else ""
        return f"line {mark.line + 1}, column {mark.column + 1}:{context} {error.problem}"
    return " ".join(str(error).split())


def _nearest(path: Path) -> str:
    files = {file.name.lower(): file for file in sorted(path.parent.glob("*")) if is_domain_file(file.name)}
    similar = difflib.get_close_matches(path.name.lower(), files, n=1)
    return f"Did you mean {files[similar[0]]}? " if similar else ""


class _Careful(yaml.SafeLoader):
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                text, line = " ".join(yaml.serialize(key).split()), key.start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: {text} cannot be a key: write a number or a word; {NO_COLOURS}")
        keys = [self.construct_object(key) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                line = node.value[index][0].start_mark.line + 1
                raise yaml.YAMLError(f"line {line}: the key {key!r} occurs twice: remove one")
        return super().construct_mapping(node, deep)
