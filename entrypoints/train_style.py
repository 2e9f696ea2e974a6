"""The train_style stage."""

from msl.commands import find_command

main = find_command("train_style")

if __name__ == "__main__":
    main()
