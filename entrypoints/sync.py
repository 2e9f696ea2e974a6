"""The sending of what trainings could not send."""

from msl.commands import find_command

main = find_command("sync")

if __name__ == "__main__":
    main()
