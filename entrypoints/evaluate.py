"""The evaluate stage."""

from msl.commands import find_command

main = find_command("evaluate")

if __name__ == "__main__":
    main()
