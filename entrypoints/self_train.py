"""The self_train stage."""

from msl.commands import find_command

main = find_command("self_train")

if __name__ == "__main__":
    main()
