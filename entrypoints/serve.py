"""The tracking server."""

from msl.commands import find_command

main = find_command("serve")

if __name__ == "__main__":
    main()
