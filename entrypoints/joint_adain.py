"""The joint_adain stage."""

from entrypoints._options import print_outcome, training_command
from msl.recipes import Request


@training_command("joint_adain")
def main(request: Request) -> None:
    """Adapt with a style network in front: images of both domains are styled on the fly."""
    from msl.runs import run

    outcome = run(request)
    print_outcome(outcome.run_id, outcome.metrics)


if __name__ == "__main__":
    main()
