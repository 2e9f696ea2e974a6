"""The report stage."""

from msl.commands import find_command

main = find_command("report")

if __name__ == "__main__":
    main()
