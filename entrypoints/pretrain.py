"""The pretrain stage."""

from msl.commands import find_command

main = find_command("pretrain")

if __name__ == "__main__":
    main()
