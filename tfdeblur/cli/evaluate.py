"""`tfdeblur evaluate` (being written)."""


def add_parser(commands):
    """Adds the arguments of `tfdeblur evaluate`."""
    parser = commands.add_parser("evaluate")
    parser.set_defaults(run_command=run)


def run(arguments):
    """Runs `tfdeblur evaluate`."""
    raise NotImplementedError
