"""`python -m dance_edge`, the same as the command `dance-edge`."""
from dance_edge.cli.main import main

if __name__ == "__main__":
    main()
