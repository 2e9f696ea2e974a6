"""The validate stage."""

from msl.commands import find_command

main = find_command("validate")

if __name__ == "__main__":
    main()
