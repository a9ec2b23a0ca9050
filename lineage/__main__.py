"""Run the command line as `python -m lineage`."""

from lineage_cli.main import main

if __name__ == "__main__":
    main()
