"""The clean-up of the tracking store."""

from msl.commands import find_command

main = find_command("clean")

if __name__ == "__main__":
    main()
