"""Colo-Pair: folder 1 asks, folder 2 answers; texts from a sheet; folds that part no patient."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.data.layouts.read import read_layout
from core.data.rules import PAIRED_EXAMS
from core.errors import PolypTraceError
from core.evaluation.run import evaluate_manifest

from ...evaluation.test_run import Angles
from .trees import CLIPS, SHEET, colo_pair, save, write_csv, write_xlsx

POLYPS = (1, 1, 2, 1, 2, 1, 1, 1, 3, 3, 1, 2, 1, 1, 1, 1, 1, 1, 2, 1, 1, 2)
"""Of the patients of the public part, in the order of their names; the names are ours."""
IDENTITIES = [f"{chr(97 + place)}x{n}" for place, count in enumerate(POLYPS) for n in range(1, count + 1)]


def test_clips_pairs_and_patients(tmp_path: Path) -> None:
    data = read_layout("colopair", colo_pair(tmp_path))
    assert data.manifest.ranking is PAIRED_EXAMS
    clips = data.manifest.clips()
    assert list(clips) == [f"{identity}/{exam}" for identity, exam in CLIPS]
    assert {clip: rows[0].split for clip, rows in clips.items()} == {
        clip: "query" if clip.endswith("1") and clip[-2] == "/" else "gallery" for clip in clips
    }
    assert (clips["kp2/2"][0].patient_id, clips["kp2/2"][0].polyp_id, clips["kp2/2"][0].exam) == (
        "kp",
        "kp2",
        2,
    )
    assert [row.path.name for row in clips["ab1/2"]] == ["1.jpg", "2.jpg"]
    assert any("3 patients" in note for note in data.notes)
    assert any("4 clips ask here; the published figures are of 62" in note for note in data.notes)


def test_it_is_ranked_across_all_identities_and_within_the_patient(tmp_path: Path) -> None:
    result = evaluate_manifest(
        read_layout("colopair", colo_pair(tmp_path)).manifest, Angles(), baselines=()
    ).as_dict()
    # Gallery: 10, 50, 33, 85. ab1 at 5 and tu1 at 80 are first. kp1 at 32: 33 (kp2), 50: rank 2.
    # kp2 at 60: 50 (kp1), 85, then 33 (27 away).
    assert result["clip"]["mAP"] == pytest.approx((1 + 1 / 2 + 1 / 3 + 1) / 4)
    assert result["clip"]["rank1"] == 0.5
    assert result["counts"]["pairs_left_out"] == 0
    within = result["within_patient"]
    assert (within["rank1"], within["chance"], within["queries"]) == (0.5, 0.75, 4)
    # tu1 at 85 is nearer to kp2 than nothing of its own: 60 is 10 from 50, 25 from 85.
    assert result["other_patients"]["wrong_patient"] == 0


def test_the_sheet_gives_texts_and_the_leak_is_said(tmp_path: Path) -> None:
    write_xlsx(colo_pair(tmp_path) / "process_text.xlsx", SHEET)
    data = read_layout("colopair", tmp_path)
    assert {row.text for row in data.manifest.rows if row.polyp_id == "kp1"} == {SHEET[2][1]}
    result = evaluate_manifest(data.manifest, Angles(), baselines=())
    assert (result.text_leak, result.text_leak_share) == (True, 1)


def test_a_sheet_may_name_exams_and_patients(tmp_path: Path) -> None:
    rows = [["ID", "Eng_text", "patient"]]
    rows += [["ab1/2", "second look", "A"], ["ab1", "first look", "A"]]
    rows += [[name, f"text of {name}", who] for name, who in (("kp1", "B"), ("kp2", "C"), ("tu1", "C"))]
    sheet = write_csv(tmp_path / "sheet.csv", rows, ";")
    data = read_layout("colopair", colo_pair(tmp_path / "frames"), sheet)
    clips = data.manifest.clips()
    assert [clips[clip][0].text for clip in ("ab1/1", "ab1/2", "kp2/2")] == [
        "first look", "second look", "text of kp2"
    ]  # fmt: skip
    assert {rows[0].polyp_id: rows[0].patient_id for rows in clips.values()} == {
        "ab1": "A", "kp1": "B", "kp2": "C", "tu1": "C"
    }  # fmt: skip


def test_the_folds_are_those_of_the_public_code(tmp_path: Path) -> None:
    colo_pair(tmp_path, {(name, exam): [5] for name in IDENTITIES for exam in "12"})
    spans = {4: (0, 8), 3: (8, 16), 2: (16, 24), 1: (24, 31)}
    for fold, (start, stop) in spans.items():
        rows = read_layout("colopair", tmp_path, fold=fold).manifest.rows
        tested = {row.polyp_id for row in rows if row.split in ("query", "gallery")}
        assert tested == set(IDENTITIES[start:stop])
        assert {row.polyp_id for row in rows if row.split == "train"} == set(IDENTITIES) - tested


def test_a_fold_never_parts_a_patient(tmp_path: Path) -> None:
    colo_pair(tmp_path)
    folds = [read_layout("colopair", tmp_path, fold=fold).manifest.rows for fold in (4, 3, 1)]
    tested = [{row.polyp_id for row in rows if row.split == "query"} for rows in folds]
    assert tested == [{"ab1"}, {"kp1", "kp2"}, {"tu1"}]
    with pytest.raises(PolypTraceError, match="Fold 2 of 4"):
        read_layout("colopair", tmp_path, fold=2)


def test_names_without_a_pattern_are_patients_of_their_own(tmp_path: Path) -> None:
    data = read_layout("colopair", colo_pair(tmp_path, {(f"00{n}", e): [n] for n in range(3) for e in "12"}))
    assert {row.patient_id for row in data.manifest.rows} == {"000", "001", "002"}
    assert any("patient of its own" in note for note in data.notes)


def test_half_an_identity_is_a_note_and_no_match(tmp_path: Path) -> None:
    clips = {clip: frames for clip, frames in CLIPS.items() if clip not in (("ab1", "2"), ("tu1", "1"))}
    (colo_pair(tmp_path, clips) / "tu1" / "1").mkdir()
    data = read_layout("colopair", tmp_path)
    assert any("1 of 4 identities without pictures in the folder 2" in note for note in data.notes)
    result = evaluate_manifest(data.manifest, Angles(), baselines=())
    assert (result.figures.clip.queries, result.figures.clip.queries_without_match) == (2, 1)
    assert result.counts["distractor_clips"] == 1


def refused(root: Path, texts: Path | None = None) -> PolypTraceError:
    with pytest.raises(PolypTraceError) as caught:
        read_layout("colopair", root, texts)
    return caught.value


def test_broken_trees_and_sheets_are_refused_in_words(tmp_path: Path) -> None:
    assert refused(tmp_path / "none").code == "layout-root"
    save(tmp_path / "flat" / "ab1" / "a.jpg", 0)
    assert refused(tmp_path / "flat").code == "layout-folder"
    frames = colo_pair(tmp_path / "frames")
    no_column = write_csv(tmp_path / "wrong.csv", [["id", "Chinese_text"], ["ab1", "x"]])
    error = refused(frames, no_column)
    assert error.code == "sheet-columns"
    assert "Eng_text" in error.message
    assert "Chinese_text" in error.message
    strangers = refused(frames, write_csv(tmp_path / "others.csv", [["id", "Eng_text"], ["nobody", "x"]]))
    assert strangers.code == "texts-no-match"
    assert "nobody" in strangers.hint
    assert refused(frames, tmp_path / "gone.csv").code == "texts-missing"
    for name in ("one.csv", "two.csv"):
        write_csv(frames / name, SHEET)
    unclear = refused(frames)
    assert (unclear.code, "one.csv, two.csv" in unclear.message) == ("texts-unclear", True)
    only_asking = colo_pair(tmp_path / "half", {clip: f for clip, f in CLIPS.items() if clip[1] == "1"})
    assert refused(only_asking).code == "layout-empty"
