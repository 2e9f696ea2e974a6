"""The code that a stage really runs: the modules that its parts import, directly or through others, as a digest.

If a package's ``__init__`` imports a name from another file, that file counts: ``from msl.losses import cross_entropy``
reaches the file that defines `cross_entropy` and none of the other losses. So code that a stage does not use may
change, and its finished runs still fit.
"""

import ast
from collections.abc import Iterable, Iterator
from hashlib import sha256
from pathlib import Path

import msl

# These hold settings, classes, names and messages. A fingerprint has the values, so their code does not count.
_VALUES = ("config", "console", "errors", "files", "labels", "recipes", "schema")
_Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class SourceTree:
    """The modules of a package as they were when this was made: later edits change no run that is already going on."""

    def __init__(self, package: Path) -> None:
        """Read every module of the package in that folder."""
        self.name = package.name
        files = {_module_name(package, file): file for file in package.rglob("*.py")}
        self._sources = {module: file.read_text() for module, file in files.items()}
        self._packages = {module for module, file in files.items() if file.name == "__init__.py"}
        self._trees: dict[str, ast.Module] = {}
        self._plain: dict[str, str] = {}  # the sources without prose
        self._digests: dict[frozenset[str], str] = {}

    def digest(self, modules: Iterable[str]) -> str:
        """Digest (64 hex digits) of everything that the modules reach, without comments and docstrings."""
        chosen = frozenset(modules)
        if chosen not in self._digests:
            self._digests[chosen] = self._digest(chosen)
        return self._digests[chosen]

    def _digest(self, modules: Iterable[str]) -> str:
        digest = sha256()
        for module in sorted(self.reached(modules)):
            if module not in self._plain:
                self._plain[module] = _without_prose(self._sources[module])
            digest.update(f"{module} {self._plain[module]}\n".encode())
        return digest.hexdigest()

    def reached(self, modules: Iterable[str]) -> set[str]:
        """These modules, and the modules of the package that they import, directly or through others.

        Imports for type checking alone do not count.

        Raises:
            ModuleNotFoundError: the package has no such module.
        """
        reached: set[str] = set()
        waiting = list(modules)
        while waiting:
            module = waiting.pop()
            if module not in reached and self._counts(module):
                reached.add(module)
                waiting += self._imports(module)
        return reached

    def _counts(self, module: str) -> bool:
        package, _, path = module.partition(".")
        return package == self.name and bool(path) and path.partition(".")[0] not in _VALUES

    def _imports(self, module: str) -> Iterator[str]:
        for node in _executed(self._tree(module)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                yield from (self._home(node.module, alias.name) for alias in node.names)

    def _home(self, module: str, name: str) -> str:
        """The module that defines a name which can be imported from `module`."""
        if f"{module}.{name}" in self._sources:
            return f"{module}.{name}"
        for node in self._tree(module).body if module in self._packages else ():
            if isinstance(node, ast.ImportFrom) and node.module and name in map(_bound, node.names):
                return self._home(node.module, name)
        return module

    def _tree(self, module: str) -> ast.Module:
        if module not in self._sources:
            raise ModuleNotFoundError(f"{self.name} has no module {module}")
        if module not in self._trees:
            self._trees[module] = ast.parse(self._sources[module])
        return self._trees[module]


def _module_name(package: Path, file: Path) -> str:
    parts = file.relative_to(package.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those in blocks for type checking."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.dump(child.test):
            continue
        yield child
        yield from _executed(child)


def _without_prose(source: str) -> str:
    """What a module does, in a form that comments and docstrings do not change."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, _Documented) and ast.get_docstring(node, clean=False) is not None:
            del node.body[0]
    return ast.dump(tree)


CODE = SourceTree(Path(msl.__file__).parent)
