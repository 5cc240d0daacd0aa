"""Where the pictures of ``gate_material.py`` come from: packages, their parts, their licences.

Only packages are named here; the clients of the registries (pip, apt-get) find them. Left out on
purpose: frontal chest films of any hospital, since those are kept for blind tests; Lena, and the
photographs of labelme-examples, whose licence no file states.
"""

from __future__ import annotations

import gate_drawn
import gate_pictures as make
import gate_volumes
from gate_parts import Part, Source
from gate_sources_debian import DEBIAN

WHEEL = ("--only-binary", ":all:")
# Later wheels of these leave their sample pictures out, so older builds are asked for by platform.
OLD_WHEEL = (*WHEEL, "--python-version", "3.8", "--platform", "manylinux1_x86_64")
OLD_WHEEL_2010 = (*WHEEL, "--python-version", "3.8", "--platform", "manylinux2010_x86_64")
SDIST = ("--no-binary", ":all:")

NOT_PHOTOGRAPHS = (
    "clock_motion|text|page|phantom|logo|chessboard|microaneurysms|retina|ihc|cell|hubble|moon"
    "|brick|grass|gravel|horse|color|motorcycle_right"
)

SOURCES = (
    Source(
        "scikit-image",
        "0.18.3",
        "BSD-3-Clause; pictures: CC0, public domain or no known restrictions (skimage/data/__init__.py)",
        (
            Part(
                "photograph",
                ("skimage/data/*.png", "skimage/data/*.jpg"),
                20,
                without=NOT_PHOTOGRAPHS,
            ),
            Part(
                "texture",
                tuple(f"skimage/data/{n}.png" for n in ("brick", "grass", "gravel")),
                30,
                make.tiles,
            ),
            Part("microscopy", ("skimage/data/ihc.png", "skimage/data/retina.jpg"), 24, make.tiles),
            Part(
                "microscopy",
                ("skimage/data/cell.png", "skimage/data/ihc.png", "skimage/data/retina.jpg"),
                3,
            ),
            Part("astronomy", ("skimage/data/hubble_deep_field.jpg", "skimage/data/moon.png"), 2),
            Part("text-page", ("skimage/data/page.png", "skimage/data/text.png"), 2),
            Part("drawing", ("skimage/data/logo.png", "skimage/data/horse.png"), 2),
            Part("phantom", ("skimage/data/phantom.png",), 1),
        ),
        OLD_WHEEL,
    ),
    Source(
        "scikit-learn",
        "1.3.2",
        "BSD-3-Clause; pictures: CC-BY-2.0 (sklearn/datasets/images/README.txt)",
        (Part("photograph", ("sklearn/datasets/images/*.jpg",), 2),),
        (*WHEEL, "--python-version", "3.8", "--platform", "manylinux2014_x86_64"),
    ),
    Source(
        "matplotlib",
        "3.7.5",
        "PSF-based; pictures: not stated",
        (
            Part("photograph", ("matplotlib/mpl-data/sample_data/grace_hopper.jpg",), 1),
            Part("drawing", ("matplotlib/mpl-data/sample_data/*.png",), 3),
        ),
        (*WHEEL, "--python-version", "3.8", "--platform", "manylinux2014_x86_64"),
    ),
    Source(
        "imgaug",
        "0.4.0",
        "MIT; picture: not stated",
        (Part("photograph", ("imgaug/quokka.jpg",), 1),),
        WHEEL,
    ),
    Source(
        "mahotas",
        "1.4.13",
        "MIT",
        (
            Part("photograph", ("mahotas/demos/data/*.jpg",), 2, without="lena"),
            Part("microscopy", ("mahotas/demos/data/nuclear.png",), 12, make.tiles),
        ),
        OLD_WHEEL_2010,
    ),
    Source(
        "stardist",
        "0.8.5",
        "BSD-3-Clause",
        (
            Part(
                "microscopy",
                ("stardist/data/images/img2d.tif", "stardist/data/images/histo.jpg"),
                20,
                make.tiles,
            ),
            Part("microscopy", ("stardist/data/images/img3d.tif",), 12, make.tiff_frames),
        ),
        (*WHEEL, "--python-version", "3.8", "--platform", "manylinux2014_x86_64"),
    ),
    Source(
        "pydicom",
        "3.0.1",
        "MIT; data: not stated",
        (
            Part(
                "ct-slice",
                tuple(
                    f"**/test_files/{n}.dcm"
                    for n in ("CT_small", "693_J2KI", "J2K_pixelrep_mismatch")
                ),
                3,
                make.dicom_frames,
            ),
            Part(
                "mr-slice",
                ("**/test_files/MR_small.dcm", "**/test_files/examples_overlay.dcm"),
                2,
                make.dicom_frames,
            ),
            Part(
                "ultrasound",
                tuple(
                    f"**/test_files/{n}.dcm"
                    for n in (
                        "examples_jpeg2k",
                        "examples_palette",
                        "examples_rgb_color",
                        "examples_ybr_color",
                    )
                ),
                60,
                make.dicom_crops,
            ),
            Part("scintigram", ("**/test_files/JPEG2000.dcm",), 20, make.dicom_crops),
            Part(
                "phantom",
                (
                    "**/test_files/SC_rgb.dcm",
                    "**/test_files/SC_rgb_jpeg.dcm",
                    "**/test_files/image_dfl.dcm",
                ),
                3,
                make.dicom_frames,
            ),
        ),
        WHEEL,
    ),
    Source(
        "dicompyler-core",
        "0.5.6",
        "BSD-3-Clause",
        (Part("ct-slice", ("**/ct.0.dcm",), 1, make.dicom_frames),),
        SDIST,
    ),
    Source(
        "totalsegmentator",
        "2.18.0",
        "Apache-2.0; data: not stated",
        (
            Part("ct-slice", ("**/reference_files/example_ct.nii.gz",), 90, gate_volumes.ct_slices),
            Part("ct-slice", ("**/aorta_report/example_ct.nii.gz",), 110, gate_volumes.ct_slices),
            Part("mr-slice", ("**/example_mr_sm.nii.gz",), 20, gate_volumes.mr_axial),
            Part(
                "drr-abdomen",
                ("**/reference_files/example_ct.nii.gz",),
                60,
                gate_volumes.drr_abdomen,
            ),
            Part(
                "drr-lateral", ("**/aorta_report/example_ct.nii.gz",), 60, gate_volumes.drr_lateral
            ),
            Part(
                "drr-axial",
                ("**/reference_files/example_ct.nii.gz", "**/aorta_report/example_ct.nii.gz"),
                60,
                gate_volumes.drr_axial,
            ),
        ),
        SDIST,
    ),
    Source(
        "nilearn",
        "0.10.4",
        "BSD-3-Clause; template: not stated",
        (
            Part("mr-slice", ("**/mni_icbm152_t1_*.nii.gz",), 120, gate_volumes.mr_slices),
            Part("mr-slice", ("**/mni_icbm152_gm_*.nii.gz",), 40, gate_volumes.mr_slices),
        ),
        WHEEL,
    ),
    Source(
        "nibabel",
        "5.2.1",
        "MIT; data: not stated",
        (Part("mr-slice", ("**/tests/data/example4d.nii.gz",), 24, gate_volumes.mr_axial),),
        WHEEL,
    ),
    *DEBIAN,
)

# The pictures that no package holds: their seed stands for the version.
DRAWN = (
    ("text-page", 140, gate_drawn.text_pages),
    ("phantom", 80, gate_drawn.phantoms),
    ("noise", 60, gate_drawn.noises),
)
