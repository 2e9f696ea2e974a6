"""The bn stage."""

from msl.commands import find_command

main = find_command("bn")

if __name__ == "__main__":
    main()
