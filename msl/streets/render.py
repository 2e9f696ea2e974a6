"""From a map of faces to light: sun and sky, texture, windows, holes, shadows and haze.

Pixels are handled as flat arrays of n; colours are planes, (3, n), in 0 .. 255.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import ImageFilter

from msl.streets.brush import Brush
from msl.streets.canvas import FAR, LABELS, Face
from msl.streets.finishes import FINISHES, Finish
from msl.streets.noise import TILE, noise, sample

Floats = NDArray[np.floating]
Ids = NDArray[np.intp]

_ROW = {name: row for row, name in enumerate(Face._fields)}
_GROUND_LABELS = [LABELS[name] for name in ("road", "sidewalk", "terrain")]
_SIGHT = 14.0  # m, depth at which the fine grain has half its strength, because pixels average over it
_CELLS = 4.0  # of noise in a grain
_SHARP = 0.3  # px: shadows with a narrower edge are not blurred
_UMBRA = 0.85  # share of the sun that a shadow takes away
_WINDOW = 9.0  # px: windows in narrower cells fade into their wall
_BAR = 3.0  # px: bars of a fence that are nearer together are drawn as random holes
_LEAF = 22.0  # cells of noise in a metre of leaves


def _fraction(x: Floats) -> Floats:
    """The part of each number after the decimal point, counted from the next lower integer."""
    return x - np.floor(x)  # `x % 1.0` takes fifty times as long


class Shader:
    """Colours the pixels of one sample's map of faces."""

    def __init__(self, brush: Brush) -> None:
        self._camera = brush.canvas.camera
        self._light = brush.light
        self._table = brush.canvas.table()
        rows = np.array(list(FINISHES.values()), np.float32)
        finishes = rows[self._table[_ROW["finish"]].astype(np.intp)].T  # (len(Finish._fields), faces)
        self._finish = dict(zip(Finish._fields, finishes, strict=True))
        self._finish["grain"] = brush.style.grain * self._finish["grain"]
        self._finish["stain"] = brush.style.grain * self._finish["stain"]
        self._finish["grain_size"] = brush.style.grain_size * self._finish["grain_size"]
        is_ground = np.isin(self._table[_ROW["label"]], _GROUND_LABELS) & (self._table[_ROW["upright"]] == 0)
        self._shaded = np.where(is_ground, np.float32(_UMBRA), np.float32(0))
        facades = brush.canvas.facades
        self._windows = np.array([facade[:8] for facade in facades], np.float32).reshape(-1, 8).T  # (8, facades)
        self._paints = np.array([facade[8:] for facade in facades], np.float32).reshape(-1, 3).T  # (3, 3·facades)
        self._start = brush.between(0, TILE), brush.between(0, TILE)
        self._haze = brush.within(brush.style.haze)
        names = ("sky high", "sky low", "cloud", "overcast")
        self._sky = {name: np.array(brush.paint(name), np.float32)[:, None] for name in names}
        self._cover = brush.within(brush.style.clouds)

    def _column(self, name: str, ids: Ids) -> Floats:
        column: Floats = self._table[_ROW[name]].take(ids)
        return column

    def _depth(self, ids: Ids, u: Floats, v: Floats) -> Floats:
        """Depth of each pixel in m."""
        inverse = self._column("inverse_u", ids) * u + self._column("inverse_v", ids) * v
        inverse += self._column("inverse_0", ids)
        return 1 / np.maximum(inverse, 1 / FAR)

    def _texture_position(self, ids: Ids, u: Floats, v: Floats, z: Floats) -> tuple[Floats, Floats]:
        """Texture coordinates s, t of each pixel in m."""
        camera = self._camera
        scale = z / camera.focal
        x = (u - camera.centre[0]) * scale - camera.bend * z * z
        y = camera.eye - (v - camera.centre[1]) * scale
        s = self._column("along_x", ids) * x + self._column("along_z", ids) * z + self._column("start", ids)
        return s, z + (y - z) * self._column("upright", ids)

    def look_through(self, ids: Ids, behind: Ids, u: Floats, v: Floats) -> Ids:
        """The visible faces: in the holes of faces in front, the faces behind."""
        at = np.flatnonzero(self._finish["holes"].take(ids))
        front = ids[at]
        u, v = u[at], v[at]
        z = self._depth(front, u, v)
        s, t = self._texture_position(front, u, v, z)
        holes, bars = self._finish["holes"].take(front), self._finish["bars"].take(front)
        gap = _fraction(s / np.maximum(bars, 0.01)) < holes
        evenly = (0.5 + 0.29 * sample(noise(0.8, 3), s * _LEAF + front, t * _LEAF)).clip(0, 1)
        is_bars = bars * (self._camera.focal / z) > _BAR
        open_at = at[np.where(is_bars, gap, evenly < holes)]
        visible = ids.copy()
        visible[open_at] = behind[open_at]
        return visible

    def colour(self, ids: Ids, u: Floats, v: Floats, shadow: Floats) -> Floats:
        """Colours (3, n) of pixels; `shadow` is 1 where the ground lies in the shade, (n,)."""
        z = self._depth(ids, u, v)
        s, t = self._texture_position(ids, u, v, z)
        planes: Floats = self._table[_ROW["red"] : _ROW["blue"] + 1].take(ids, axis=1)
        self._add_windows(planes, ids, s, t, z)
        lit = self._column("lit", ids) * (1 - shadow * self._shaded.take(ids))
        planes *= (self._light.sky + self._light.sun * lit) * self._texture(ids, s, t, z)
        horizon = self._sky["sky low" if self._light.casts else "overcast"]
        planes -= horizon
        planes *= np.exp(-self._haze * z)
        planes += horizon
        self._add_sky(planes, ids, u, v)
        return planes

    def _texture(self, ids: Ids, s: Floats, t: Floats, z: Floats) -> Floats:
        """The factor of each pixel's brightness."""
        finish = {name: self._finish[name].take(ids) for name in Finish._fields[:5]}
        first, second = self._start
        cells = _CELLS / finish["grain_size"]
        fine = sample(noise(0.9, 1), s * cells + first, t * cells + second)
        coarse = sample(noise(1.2, 2), s / finish["stain_width"] + second, t / finish["stain_length"] + first)
        texture: Floats = 1 + finish["grain"] * fine * (_SIGHT / (_SIGHT + z)) + finish["stain"] * coarse
        width = self._finish["joint_width"].take(ids)
        at = np.flatnonzero(width)
        length = self._finish["joint_length"].take(ids[at])
        texture[at] += _joints(s[at], t[at], width[at], length) * (_SIGHT / (_SIGHT + z[at]))
        return texture

    def _add_windows(self, planes: Floats, ids: Ids, s: Floats, t: Floats, z: Floats) -> None:
        """Paint windows, doors, shops and ledges on the faces of buildings, in place."""
        rows = self._column("facade", ids)
        at = np.flatnonzero(rows >= 0)
        if not at.size:
            return
        row = rows[at].astype(np.intp)
        windows = self._windows.take(row, axis=1)
        share, kind, bright, ledge = _windows(windows, s[at], t[at])
        cell = self._camera.focal * windows[0] / z[at]
        share *= (cell / _WINDOW).clip(0.15, 1)
        wall = planes[:, at]
        paint = self._paints.take(row * 3 + kind, axis=1)
        wall += (paint * bright - wall) * share
        planes[:, at] = wall * ledge

    def _add_sky(self, planes: Floats, ids: Ids, u: Floats, v: Floats) -> None:
        """Paint the sky, in place: paler towards the horizon and with clouds, or grey."""
        at = np.flatnonzero(ids == 0)
        width = self._camera.width
        up = ((self._camera.centre[1] - v[at]) / (0.32 * width)).clip(0, 1)
        scale = 70.0 / width / (0.25 + up)  # clouds look smaller towards the horizon
        first, second = self._start
        billow = sample(noise(1.6, 5), u[at] * scale + first, v[at] * scale * 2.2 + second)
        if self._light.casts:
            low = self._sky["sky low"]
            sky = low + (self._sky["sky high"] - low) * np.sqrt(up)
            cover = ((billow - 1.6 + 2.6 * self._cover) * 0.7).clip(0, 1) * (up * 6).clip(0, 0.9)
            sky += (self._sky["cloud"] - sky) * cover
        else:
            sky = self._sky["overcast"] * (1 - 0.10 * up + 0.05 * billow)
        planes[:, at] = sky


def _joints(s: Floats, t: Floats, width: Floats, length: Floats) -> Floats:
    """Darkening, as a share, along the joints between blocks; every second row is offset by half a block."""
    row = t / length
    floor = np.floor(row)
    gap = ((row - floor) < 0.07) | (_fraction(s / width + 0.5 * floor) < 0.05)
    return np.where(gap, np.float32(-0.16), np.float32(0))


def _windows(facade: Floats, s: Floats, t: Floats) -> tuple[Floats, Ids, Floats, Floats]:
    """The details of a facade at positions s, t in m.

    For each position: the share of paint on the wall, which paint (0 glass, 1 frame, 2 accent), its brightness, and
    the brightness of the wall.
    """
    bay, storey, base, width, height, shop, top, seed = facade
    column = s / bay
    cell = np.floor(column)
    across = np.abs(column - cell - 0.5)  # 0 in the middle of a cell, 0.5 between cells
    above = (t - base) / storey
    floor = np.floor(above)
    on_ground = t < base
    up = np.where(on_ground, t / base, above - floor)  # 0 .. 1 within a storey
    dice = sample(noise(0.0, 4), cell * 37 + seed, floor * 101 + seed)
    shops = on_ground & (shop > 0)
    door = on_ground & ~shops & (dice > 0.9)
    width = np.where(shops, 0.86, width)
    height = np.where(shops, 0.62, np.where(door, 0.72, height))
    middle = np.where(shops, 0.40, np.where(door, 0.36, 0.52))
    aside, beyond = across - width / 2, np.abs(up - middle) - height / 2
    room = (t < top - 0.5) & (t > 0.05)
    glass = (aside < 0) & (beyond < 0) & room
    mullion = glass & (across < 0.04 / bay) & ~shops & ~door
    rim = ((aside < 0.12 / bay) & (beyond < 0.12 / storey) & room & ~glass) | mullion
    sign = shops & (up > 0.76) & (up < 0.95) & (across < 0.47)
    kind = np.where(sign | (door & glass), 2, np.where(rim, 1, 0))
    share = np.where(glass | rim | sign, np.float32(1), np.float32(0))
    ledge = ((t > top - 0.35) | ((up > 0.95) & ~shops)) & (share == 0)
    return (
        share,
        kind,
        np.where(glass, 1 + 0.22 * dice, np.float32(1)),
        np.where(ledge, np.float32(0.88), np.float32(1)),
    )


@lru_cache(maxsize=4)
def _grid(width: int, height: int) -> tuple[Floats, Floats]:
    """Columns and rows of the pixels' middles, each (height·width,)."""
    v, u = np.indices((height, width), dtype=np.float32).reshape(2, -1) + np.float32(0.5)
    return u, v


def shade(brush: Brush) -> tuple[Floats, NDArray[np.uint8]]:
    """Light (3, H, W) in 0 .. 255, and labels (H, W), of a painted canvas."""
    canvas = brush.canvas
    shape = (canvas.camera.height, canvas.camera.width)
    u, v = _grid(shape[1], shape[0])
    ids, behind = (numbers.reshape(-1).astype(np.intp) for numbers in (canvas.ids, canvas.behind))
    shadows, penumbra = canvas.shadows, brush.style.penumbra * shape[1]
    if penumbra > _SHARP:
        shadows = shadows.filter(ImageFilter.BoxBlur(penumbra))
    shadow = np.asarray(shadows).reshape(-1).astype(np.float32) / 255
    shader = Shader(brush)
    planes = shader.colour(shader.look_through(ids, behind, u, v), u, v, shadow)
    labels = canvas.table()[_ROW["label"]].astype(np.uint8).take(ids)
    return planes.reshape(3, *shape), labels.reshape(shape)
