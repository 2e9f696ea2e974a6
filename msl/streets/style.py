"""The look of a domain: the domains differ in these numbers and in nothing else.

The domains show the same kind of world. `streets` looks like a game: few clean tints, a high sun, a steady camera.
`streets_dusk` is the same game at dusk: less and colder light, haze, noise, and the tints of the day.
`streets_real` looks like images of a camera on a car: muted, widely spread tints, coarser surfaces, a low sun or an
overcast sky, haze, and an imperfect lens and sensor. Every cause of the shift is a field of `Style`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from msl.streets.palettes import CAMERA, GAME, Palette

Range = tuple[float, float]  # bounds between which a value is drawn evenly, for each sample anew


@dataclass(frozen=True, kw_only=True)
class Style:
    """Rendering parameters of a domain; a `Range` is drawn anew for each sample."""

    name: str  # of the domain; part of the seed
    palette: Palette = field(repr=False)  # the colours of things
    spread: tuple[
        float, float
    ]  # levels (of 255) by which a thing differs from its tint: in brightness, in each channel
    grain: float  # strength of the surfaces' textures, as a multiple of `FINISHES`
    grain_size: float  # size of the fine texture, likewise

    sun_height: Range  # degrees above the horizon
    sun_light: Range  # direct light; with the ambient light it sums to about 1 on a sunlit ground
    sky_light: Range  # ambient light
    overcast: float  # share of samples without a sun
    warmth: Range  # colour temperature: red is multiplied by 1 + warmth, blue by 1 - warmth
    clouds: Range  # share of the sky under clouds
    penumbra: float  # width of the shadows' soft edge, share of the image's width
    haze: Range  # 1/m: a thing at depth z keeps exp(-haze·z) of its colour

    exposure: Range  # gain
    contrast: Range  # slope about middle grey
    gamma: Range  # exponent; above 1 darkens the middle tones
    saturation: Range  # 0 is grey, 1 is unchanged
    blur: Range  # radius, share of the image's width
    vignette: Range  # loss of light in the image's corners, share
    noise: Range  # standard deviation in levels (of 255)
    jpeg: tuple[int, int] | None  # quality of the compression, 1 .. 95; None: none

    rates: Mapping[str, float]  # how often a kind of thing occurs, as a multiple of its usual rate


STYLES: dict[str, Style] = {
    style.name: style
    for style in (
        Style(
            name="streets",
            palette=GAME,
            spread=(5.0, 2.0),
            grain=0.45,
            grain_size=1.0,
            sun_height=(38.0, 65.0),
            sun_light=(0.50, 0.62),
            sky_light=(0.48, 0.56),
            overcast=0.0,
            warmth=(0.00, 0.05),
            clouds=(0.1, 0.45),
            penumbra=0.001,
            haze=(0.0010, 0.0025),
            exposure=(1.0, 1.08),
            contrast=(1.02, 1.12),
            gamma=(0.95, 1.05),
            saturation=(1.05, 1.2),
            blur=(0.0008, 0.0013),
            vignette=(0.0, 0.0),
            noise=(0.0, 0.8),
            jpeg=None,
            rates={},
        ),
        Style(
            name="streets_real",
            palette=CAMERA,
            spread=(13.0, 5.0),
            grain=1.1,
            grain_size=1.6,
            sun_height=(15.0, 42.0),
            sun_light=(0.30, 0.70),
            sky_light=(0.46, 0.60),
            overcast=0.4,
            warmth=(-0.10, 0.06),
            clouds=(0.2, 1.0),
            penumbra=0.004,
            haze=(0.0030, 0.0090),
            exposure=(0.95, 1.25),
            contrast=(0.85, 1.15),
            gamma=(0.95, 1.20),
            saturation=(0.55, 0.80),
            blur=(0.0015, 0.0027),
            vignette=(0.10, 0.35),
            noise=(1.5, 4.5),
            jpeg=(70, 92),
            rates={"parked": 1.7, "person": 1.5, "tree": 1.4, "bare": 2.0, "bicycle": 1.3, "hood": 2.0, "traffic": 1.2},
        ),
        Style(
            name="streets_dusk",
            palette=GAME,
            spread=(5.0, 2.0),
            grain=0.45,
            grain_size=1.0,
            sun_height=(8.0, 20.0),
            sun_light=(0.10, 0.30),
            sky_light=(0.40, 0.55),
            overcast=0.5,
            warmth=(-0.12, -0.04),
            clouds=(0.3, 1.0),
            penumbra=0.006,
            haze=(0.0030, 0.0080),
            exposure=(0.85, 1.05),
            contrast=(0.85, 1.05),
            gamma=(1.00, 1.15),
            saturation=(0.70, 0.90),
            blur=(0.0010, 0.0020),
            vignette=(0.10, 0.35),
            noise=(1.5, 3.5),
            jpeg=(75, 92),
            rates={},
        ),
    )
}
