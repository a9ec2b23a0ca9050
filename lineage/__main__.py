"""Run the command line as `python -m lineage`."""

from lineage_cli.start import main

if __name__ == "__main__":
    main()
