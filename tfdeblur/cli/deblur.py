"""`tfdeblur deblur` (being written)."""


def add_parser(commands):
    """Adds the arguments of `tfdeblur deblur`."""
    parser = commands.add_parser("deblur")
    parser.set_defaults(run_command=run)


def run(arguments):
    """Runs `tfdeblur deblur`."""
    raise NotImplementedError
