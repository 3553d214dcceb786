"""`python -m cli`: the `tingjian` command without its entry script."""

from cli.main import main

if __name__ == "__main__":
    main()
