"""The `tfdeblur` command: argparse trees here, heavy imports inside the commands."""
