"""The package stage."""

from msl.commands import find_command

main = find_command("package")

if __name__ == "__main__":
    main()
