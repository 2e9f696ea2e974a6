"""The joint_adain stage."""

from msl.commands import find_command

main = find_command("joint_adain")

if __name__ == "__main__":
    main()
