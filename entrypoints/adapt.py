"""The adapt stage."""

from msl.commands import find_command

main = find_command("adapt")

if __name__ == "__main__":
    main()
