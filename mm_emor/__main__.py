"""`python -m mm_emor` is the command `mm-emor`."""

from beam_jobs.commands.cli import main

if __name__ == "__main__":
    main()
