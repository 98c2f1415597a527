"""`python -m penstock`: the command `penstock`, where there is none on the path, or one of another environment's."""

from penstock.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
