"""The pretrain stage."""

from entrypoints._options import print_outcome, training_command
from msl.recipes import Request


@training_command("pretrain")
def main(request: Request) -> None:
    """Train on the source domain with its labels."""
    from msl.runs import run

    outcome = run(request)
    print_outcome(outcome.run_id, outcome.metrics)


if __name__ == "__main__":
    main()
