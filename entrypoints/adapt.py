"""The adapt stage."""

from entrypoints._options import print_outcome, training_command
from msl.recipes import Request


@training_command("adapt")
def main(request: Request) -> None:
    """Adapt a pretrained network to the target domain, whose labels are never read; pretrain first if need be."""
    from msl.runs import run

    outcome = run(request)
    print_outcome(outcome.run_id, outcome.metrics)


if __name__ == "__main__":
    main()
