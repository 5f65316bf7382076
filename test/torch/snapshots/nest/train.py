"""Trains Tiny on a folder that `mdmc data export` wrote: see README.md."""

from tiny.command import main

if __name__ == "__main__":
    main("Tiny")
