"""The command prepare: copies of images and labels, resized once."""

from msl.commands import find_command

main = find_command("prepare")

if __name__ == "__main__":
    main()
