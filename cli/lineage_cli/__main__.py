"""Run the command line as `python -m lineage_cli`."""

from lineage_cli.start import main

if __name__ == "__main__":
    main()
