"""Trains Mine on a folder that `mdmc data export` wrote: see README.md."""

from mine.command import main

if __name__ == "__main__":
    main("Mine")
