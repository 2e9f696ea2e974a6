"""The stages pretrain and, from a checkpoint, adapt, with DeepLabV3+."""

from msl.commands import find_command

main = find_command("deeplabv3p")

if __name__ == "__main__":
    main()
