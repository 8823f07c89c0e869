"""`tfdeblur train` (being written)."""


def add_parser(commands):
    """Adds the arguments of `tfdeblur train`."""
    parser = commands.add_parser("train")
    parser.set_defaults(run_command=run)


def run(arguments):
    """Runs `tfdeblur train`."""
    raise NotImplementedError
