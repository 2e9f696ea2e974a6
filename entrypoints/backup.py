"""Backups of the tracking service."""

from msl.commands import find_command

main = find_command("backup")

if __name__ == "__main__":
    main()
