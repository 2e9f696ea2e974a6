"""The stages pretrain and, from a checkpoint, adapt, with DeepLabV3+."""

from entrypoints._options import print_outcome, training_command
from msl.recipes import Request


@training_command("pretrain", "adapt", name="deeplabv3p", network="deeplabv3plus")
def main(request: Request) -> None:
    """Pretrain DeepLabV3+ on the source domain; with a checkpoint of it, adapt that to the target domain."""
    from msl.runs import run

    outcome = run(request)
    print_outcome(outcome.run_id, outcome.metrics)


if __name__ == "__main__":
    main()
