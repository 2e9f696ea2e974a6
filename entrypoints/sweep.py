"""A search over settings."""

from msl.commands import find_command

main = find_command("sweep")

if __name__ == "__main__":
    main()
