# SPDX-License-Identifier: GPL-2.0-or-later
"""Reads a PNG of 8-bit RGB: enough to look at the pixels of a picture."""

import struct
import zlib

BYTES = 3  # of a pixel


def _paeth(left, up, corner):
    estimate = left + up - corner
    return min((abs(estimate - v), i, v) for i, v in enumerate((left, up, corner)))[2]


def _unfilter(kind, line, above):
    if kind == 0:
        return line
    for i, value in enumerate(line):
        left = line[i - BYTES] if i >= BYTES else 0
        up, corner = above[i], above[i - BYTES] if i >= BYTES else 0
        line[i] = (value + (0, left, up, (left + up) // 2, _paeth(left, up, corner))[kind]) & 0xff
    return line


class Image:
    def __init__(self, path):
        data = path.read_bytes()
        assert data[:8] == b"\x89PNG\r\n\x1a\n", "not a PNG"
        at, packed = 8, b""
        while at < len(data):
            size, kind = struct.unpack_from(">I4s", data, at)
            body = data[at + 8:at + 8 + size]
            assert struct.unpack_from(">I", data, at + 8 + size)[0] == zlib.crc32(kind + body)
            if kind == b"IHDR":
                self.width, self.height, depth, color = struct.unpack(">IIBB", body[:10])
                assert (depth, color) == (8, 2), "not 8-bit RGB"
            elif kind == b"IDAT":
                packed += body
            at += 12 + size
        raw, stride = zlib.decompress(packed), self.width * BYTES
        assert len(raw) == self.height * (stride + 1)
        self.rows, above = [], bytes(stride)
        for y in range(self.height):
            start = y * (stride + 1)
            above = _unfilter(raw[start], bytearray(raw[start + 1:start + 1 + stride]), above)
            self.rows.append(above)

    def pixel(self, x, y):
        """0xrrggbb"""
        return int.from_bytes(self.rows[y][x * BYTES:x * BYTES + BYTES], "big")

    def has(self, rgb):
        """Whether a pixel has that colour."""
        wanted = rgb.to_bytes(BYTES, "big")
        return any(wanted in row and any(row[i:i + BYTES] == wanted
                                         for i in range(0, len(row), BYTES)) for row in self.rows)
