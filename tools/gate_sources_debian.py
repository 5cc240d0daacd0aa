"""The packages of Debian among the sources of ``gate_material.py``; see ``gate_sources.py``."""

from __future__ import annotations

import gate_pictures as make
import gate_volumes
from gate_parts import Part, Source

DEBIAN = (
    Source(
        "mricron-data",
        "",
        "BSD-3-Clause",
        (
            Part("mr-slice", ("**/templates/ch2.nii.gz",), 80, gate_volumes.mr_slices),
            Part("mr-slice", ("**/templates/inia19-t1-brain.nii.gz",), 60, gate_volumes.mr_slices),
        ),
    ),
    Source(
        "invesalius-examples",
        "",
        "GPL-2",
        (
            Part("ct-slice", ("**/Cranium.inv3",), 80, gate_volumes.head_slices),
            Part("drr-skull", ("**/Cranium.inv3",), 90, gate_volumes.drr_skull),
        ),
    ),
    Source(
        "tuxpaint-stamps-default",
        "",
        "GPL-2",
        (
            Part(
                "photograph",
                ("**/stamps/*/**/*.png",),
                150,
                without="cartoon|symbols|seasonal|flags|roadsigns|shapes|clothes",
            ),
            Part(
                "drawing",
                ("**/cartoon/**/*.png", "**/roadsigns/*.png", "**/symbols/**/*.png"),
                60,
                without="alphabets",
            ),
        ),
    ),
    Source(
        "plasma-workspace-wallpapers",
        "",
        "GPL-2+",
        (
            Part(
                "photograph",
                tuple(
                    f"**/{n}/contents/images/*.jpg"
                    for n in (
                        "Autumn",
                        "BytheWater",
                        "ColorfulCups",
                        "EveningGlow",
                        "FallenLeaf",
                        "OneStandsOut",
                    )
                ),
                12,
                without="2560|1920|1680|1600",
            ),
            Part(
                "drawing",
                ("**/wallpapers/*/contents/images*/*.*",),
                60,
                without="5120|3840|2560|1920|Autumn|BytheWater|ColorfulCups|EveningGlow|FallenLeaf|OneStandsOut",
            ),
        ),
    ),
    Source(
        "mate-backgrounds",
        "",
        "GPL-2+, CC-BY-SA-4.0",
        (
            Part("photograph", ("**/mate/nature/*.jpg",), 12),
            Part("drawing", ("**/mate/abstract/*.*", "**/mate/desktop/*.*"), 18),
        ),
    ),
    Source(
        "lomiri-wallpapers-16.04",
        "",
        "CC-BY-4.0, CC-BY-SA-3.0, CC-BY-SA-4.0, CC0-1.0",
        (Part("photograph", ("**/backgrounds/*.jpg",), 15),),
    ),
    Source(
        "ukui-wallpapers",
        "",
        "CC-BY-SA-3.0",
        (Part("drawing", ("**/backgrounds/*.*",), 12),),
    ),
    Source(
        "visp-images-data",
        "",
        "GPL-2",
        (
            Part(
                "photograph",
                ("**/*.pgm", "**/*.png", "**/*.jpg", "**/*.jpeg"),
                40,
                without="Depth|mire|video|ellipse-1|circle|line|warp|Gaussian-filter|Klimt|Bayer|AprilTag|endianness",
            ),
        ),
    ),
    Source(
        "openclipart-png",
        "",
        "public domain (Creative Commons dedication)",
        (
            Part(
                "drawing",
                tuple(
                    f"**/png/{n}/**/*.png"
                    for n in (
                        "animals",
                        "people",
                        "food",
                        "plants",
                        "buildings",
                        "tools",
                        "transportation",
                        "recreation",
                        "education",
                        "geography",
                        "signs_and_symbols",
                        "electronics",
                        "office",
                    )
                ),
                160,
            ),
            Part("texture", ("**/special/patterns/**/*.png",), 60),
        ),
    ),
    Source(
        "gimp-data",
        "",
        "GPL-3+, LGPL-3+, CC-BY-SA and others, file by file in debian/copyright",
        (
            Part(
                "texture",
                ("**/patterns/**/*.pat",),
                60,
                make.gimp_pattern,
                without="Stripes|nops|warning",
            ),
        ),
    ),
    Source(
        "gimp-help-en",
        "",
        "GFDL (its gfdl-1.html)",
        (
            Part(
                "screenshot",
                tuple(
                    f"**/help/en/images/{n}/**/*.png"
                    for n in ("dialogs", "tool-options", "menus", "preferences")
                ),
                160,
            ),
            Part("photograph-edited", ("**/help/en/images/filters/examples/*.jpg",), 40),
        ),
    ),
    Source(
        "gnome-user-docs",
        "",
        "CC-BY-SA-3.0",
        (Part("screenshot", ("**/help/*/gnome-help/figures/*.png",), 40),),
    ),
    Source(
        "kstars-data",
        "",
        "GPL-2+; handbook: GFDL-NIV-1.2+",
        (
            Part("screenshot", ("**/HTML/en/kstars/*.png",), 110),
            Part("drawing", ("**/skycultures/western/*.png", "**/skycultures/inuit/*.png"), 50),
        ),
    ),
    Source(
        "neverball-data",
        "",
        "GPL-2+",
        (Part("game-scene", ("**/shot-*/*.jpg",), 80),),
    ),
    Source(
        "python-sklearn-doc",
        "",
        "BSD-3-Clause",
        (Part("plot", ("**/html/_images/sphx_glr_*.png",), 180, without="thumb"),),
    ),
    Source(
        "python-skimage-doc",
        "",
        "BSD-3-Clause",
        (Part("plot", ("**/_images/sphx_glr_*.png",), 110, without="thumb"),),
    ),
    Source(
        "stellarium-data",
        "",
        "GPL-2+; pictures: NASA, public domain or with permission, one by one in debian/copyright",
        (
            Part("astronomy", ("**/nebulae/default/*.png",), 160),
            Part(
                "astronomy",
                ("**/stellarium/textures/*.*",),
                40,
                without="neb_|pointeur|gray|fog|rings|cross|star16|gear|disk|indicator|comet|Icon|halo|telescope|nomap|TestSquare|zenith|shadow",
            ),
            Part(
                "photograph",
                ("**/landscapes/**/*.png",),
                30,
                without="fog|moon|mars|saturn|jupiter|sun|neptune|uranus",
            ),
        ),
    ),
    Source(
        "openuniverse-common",
        "",
        "GPL-2+",
        (
            Part(
                "astronomy",
                ("**/openuniverse/textures/*.jpg",),
                60,
                without="flare|rings|hole|smoke|body_|eng|panel|bottom|top|wing|heat|side|tail",
            ),
        ),
    ),
)
