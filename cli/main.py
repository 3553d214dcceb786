"""Entry point of the `tingjian` command."""


def main() -> None:
    """Run the command line."""
