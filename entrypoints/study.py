"""Many runs as one study."""

from msl.commands import find_command

main = find_command("study")

if __name__ == "__main__":
    main()
