"""Small trees in the true layouts; a picture's colour is an angle (see ``Angles`` of the evaluation)."""

from __future__ import annotations

import csv
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import xlsxwriter

TRAIN, QUERY, TEST = "bounding_box_train", "query", "bounding_box_test"

# File names and degrees. Person 0001 asks by camera 1 at 0 degrees. Nearer to it than its true match, the
# picture of camera 2 at 40: junk (2), its own camera (5), a distractor (10), somebody else (20).
MARKET: dict[str, dict[str, int]] = {
    TRAIN: {
        "0002_c1s1_000451_03.jpg": 10,
        "0002_c2s1_000801_01.jpg": 15,
        "0007_c1s6_028546_01.jpg": 60,
        "0007_c3s3_077419_03.jpg.jpg": 65,
        "0010_c6s4_002427_07.jpg": 30,
        "0010_c2s3_074227_04.jpg": 35,
    },
    QUERY: {"0001_c1s1_001051_00.jpg": 0, "0001_c2s1_000301_00.jpg": 42, "0003_c6s1_015996_00.jpg": 82},
    TEST: {
        "-1_c1s1_000401_03.jpg": 2,
        "0000_c1s1_000151_01.jpg": 10,
        "0001_c1s1_001051_03.jpg": 5,
        "0001_c2s1_000301_01.jpg": 40,
        "0003_c4s6_015641_04.jpg": 80,
        "0004_c5s1_000051_02.jpg": 20,
    },
}
DUKE: dict[str, dict[str, int]] = {
    TRAIN: {"0001_c2_f0046182.jpg": 10, "0001_c5_f0051341.jpg": 14, "0008_c1_f0000001.jpg": 70},
    QUERY: {"0005_c2_f0046985.jpg": 0, "0006_c8_f0100000.jpg": 80},
    TEST: {
        "0005_c2_f0047105.jpg": 3,  # its own camera
        "0005_c5_f0052500.jpg": 30,
        "0006_c2_f0100100.jpg": 85,
        "7138_c1_f0090000.jpg": 15,  # seen by one camera only: nobody asks for it
    },
}


def save(path: Path, degrees: int, height: int = 24, width: int = 12) -> Path:
    """A picture of one colour: red = cos, green = sin."""
    path.parent.mkdir(parents=True, exist_ok=True)
    turn = np.radians(degrees)
    blue_green_red = np.round(np.array([0, np.sin(turn), np.cos(turn)]) * 255).astype(np.uint8)
    picture = np.broadcast_to(blue_green_red, (height, width, 3)).copy()
    done, encoded = cv2.imencode(".png" if path.suffix == ".png" else ".jpg", picture)
    assert done
    path.write_bytes(encoded.tobytes())
    return path


def persons(root: Path, tree: Mapping[str, Mapping[str, int]]) -> Path:
    """The three folders of Market-1501 and its kind."""
    for folder, pictures in tree.items():
        for name, degrees in pictures.items():
            save(root / folder / name, degrees)
    return root


# Clips of Colo-Pair: identity and exam to the degrees of its frames. kp has two polyps.
CLIPS: dict[tuple[str, str], list[int]] = {
    ("ab1", "1"): [5],
    ("ab1", "2"): [12, 8],
    ("kp1", "1"): [30, 34],
    ("kp1", "2"): [50],
    ("kp2", "1"): [60],
    ("kp2", "2"): [33],
    ("tu1", "1"): [80],
    ("tu1", "2"): [83, 87],
}
SHEET = [
    ["id", "Eng_text"],
    ["ab1", "angle 6, a sessile polyp of 6 mm in the sigmoid"],
    ["kp1", "angle 40, a flat polyp of 12 mm in the caecum"],
    ["kp2", "angle 55, a small polyp of 3 mm in the rectum"],
    ["tu1", "angle 84, a pale polyp of 8 mm in the ascending colon"],
]


def colo_pair(root: Path, clips: Mapping[tuple[str, str], Sequence[int]] = CLIPS) -> Path:
    """``<identity>/<1|2>/*.jpg``, without a sheet."""
    for (identity, exam), frames in clips.items():
        for number, degrees in enumerate(frames, start=1):
            save(root / identity / exam / f"{number}.jpg", degrees, 20, 20)
    return root


def write_csv(path: Path, rows: Sequence[Sequence[str]], delimiter: str = ",") -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows(rows)
    return path


def write_xlsx(path: Path, rows: Sequence[Sequence[str]], cover: Sequence[Sequence[str]] = ()) -> Path:
    """These rows in a workbook's last sheet, behind a cover; whole numbers as numbers, ISO days as days."""
    with xlsxwriter.Workbook(path) as book:
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        for name, own in (("cover", cover), ("texts", rows)):
            if own:
                sheet = book.add_worksheet(name)
                for at, row in enumerate(own):
                    for column, cell in enumerate(row):
                        if re.fullmatch(r"\d{4}-\d\d-\d\d", cell):
                            sheet.write_datetime(at, column, dt.datetime.fromisoformat(cell), day)
                        elif cell.isdecimal():
                            sheet.write_number(at, column, int(cell))
                        else:
                            sheet.write_string(at, column, cell)
    return path
