"""The target_solo stage."""

from entrypoints._options import print_outcome, training_command
from msl.recipes import Request


@training_command("target_solo")
def main(request: Request) -> None:
    """Adapt as the adapt stage does, and from epoch target_solo_epoch on with the target alone."""
    from msl.runs import run

    outcome = run(request)
    print_outcome(outcome.run_id, outcome.metrics)


if __name__ == "__main__":
    main()
