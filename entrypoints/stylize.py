"""The stylize stage."""

from msl.commands import find_command

main = find_command("stylize")

if __name__ == "__main__":
    main()
