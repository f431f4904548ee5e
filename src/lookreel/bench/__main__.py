"""python -m lookreel.bench (`make bench`): see `lookreel.bench.run`."""

from lookreel.bench.run import main

if __name__ == "__main__":
    main()
