"""The predict stage."""

from msl.commands import find_command

main = find_command("predict")

if __name__ == "__main__":
    main()
