"""The tables of an empty run store."""

from msl.commands import find_command

main = find_command("prepare_store")

if __name__ == "__main__":
    main()
