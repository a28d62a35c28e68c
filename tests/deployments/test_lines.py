"""Logs of other people's code are read in lines of bounded length, whether it ends its lines or not."""

from __future__ import annotations

import tracemalloc

from deployments.targets.docker import whole_lines


def test_lines_come_whole_however_they_arrive():
    assert list(whole_lines([b"one\ntw", b"o", b"\n\nthree\nfour without an end"])) == [b"one", b"two", b"", b"three"]


def test_of_a_line_that_is_too_long_the_beginning_comes_once():
    assert list(whole_lines([b"abcdef", b"ghij", b"kl\nnext\n", b"mnopqr\n"], longest=4)) == [b"abcd", b"next", b"mnop"]


def test_a_line_that_never_ends_takes_no_memory():
    tracemalloc.start()
    try:
        assert len(list(whole_lines(b"x" * 16_384 for _ in range(5_000)))) == 1
        assert tracemalloc.get_traced_memory()[1] < 2 * 2**20
    finally:
        tracemalloc.stop()
