"""A tracking service out of a backup."""

from msl.commands import find_command

main = find_command("restore")

if __name__ == "__main__":
    main()
