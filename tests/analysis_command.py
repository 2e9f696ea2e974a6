"""The commands of analysis in this process."""

from click.testing import CliRunner, Result

from analysis.__main__ import main


def run(*arguments: str) -> Result:
    """What ``python -m analysis ARGUMENTS`` gives, which is never a traceback."""
    result = CliRunner().invoke(main, arguments)
    assert "Traceback" not in result.output
    return result
