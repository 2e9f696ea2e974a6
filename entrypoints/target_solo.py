"""The target_solo stage."""

from msl.commands import find_command

main = find_command("target_solo")

if __name__ == "__main__":
    main()
