"""Run the command line as `python -m megdt_stream.cli`."""

from megdt_stream.cli.app import main

if __name__ == "__main__":
    main()
