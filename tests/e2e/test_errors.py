"""Whatever goes wrong: an exit code, one sentence and one hint, as JSON where that was asked for."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

BANNER = "Research use only"
COMMANDS = (
    "demo", "doctor", "import", "frames", "patient", "exam", "clip", "describe", "link", "undo", "redo",
    "index", "match", "explain", "models", "phantom", "evaluate",
)  # fmt: skip
NEXT_WEEK = (dt.date.today() + dt.timedelta(days=7)).isoformat()

LOGS = ("audit_events", "jobs")
NO_HINT = ("nothing-to-undo", "nothing-to-redo")

# command line with the workspace's names in it → the error's code; None is wrong usage (exit 2)
Case = tuple[str, str | None]
CASES: tuple[Case, ...] = (
    # import
    ("import {files}/none.mp4 --patient P-001 --exam-date 2024-06-07", "import-refused"),
    ("import {files}/empty-folder --patient P-001 --exam-date 2024-06-07", "import-empty-folder"),
    ("import {files}/folder.mp4 --patient P-001 --exam-date 2024-06-07", "import-refused"),
    ("import {files}/empty.mp4 --patient P-001 --exam-date 2024-06-07", "import-refused"),
    ("import {files}/text.mp4 --patient P-001 --exam-date 2024-06-07", "import-refused"),
    ("import {files}/cut.mp4 --patient P-001 --exam-date 2024-06-07", "import-refused"),
    ("import {files}/naïve\u00a0text.mp4 --patient P-001 --exam-date 2024-06-07", "import-refused"),
    ("import {video} --patient P-001 --exam-date 07.06.2024", "exam-date"),
    ("import {video} --patient P-001 --exam-date 2024-02-30", "exam-date"),
    ("import {video} --patient P-001 --exam-date {next_week}", "exam-date"),
    ("import {video} --patient P-001 --exam-date=", "exam-date"),
    ("import {video} --patient= --exam-date 2024-06-07", "patient-code"),
    ("import {video} --exam-date 2024-06-07", None),
    ("import {video} --patient P-001", None),
    ("import --patient P-001 --exam-date 2024-06-07", None),
    # frames
    ("frames {video} --index 30 --out {out}", "frames-refused"),
    ("frames {video} --index -1 --out {out}", "frames-refused"),
    ("frames {video} --index one --out {out}", "frame-number"),
    ("frames {video} --index= --out {out}", "frame-number"),
    ("frames {video} --time 9s --out {out}", "frames-refused"),
    ("frames {video} --time soon --out {out}", "time-unreadable"),
    ("frames {video} --time 99999999 --out {out}", "frames-refused"),
    ("frames {video} --index 0 --out {files}/text.mp4", "frames-out"),
    ("frames {files}/none.mp4 --index 0 --out {out}", "video-missing"),
    ("frames {files}/text.mp4 --index 0 --out {out}", "video-is-text"),
    ("frames {files}/empty-folder --index 0 --out {out}", "video-is-folder"),
    ("frames 999 --index 0 --out {out}", "video-unknown"),
    ("frames {video} --out {out}", None),
    ("frames {video} --index 0", None),
    # patient
    ("patient show P-999", "patient-unknown"),
    ("patient show", None),
    ("patient add P-002 --sex q", "patient-sex"),
    ("patient add P-002 --birth-year 20", None),
    ("patient add P-002 --birth-year soon", None),
    ("patient", None),
    ("patient destroy", None),
    ("patient add P-002 --set ibd=perhaps", "description-value"),
    ("patient add P-002 --set bbps_left=2", "description-key"),
    # exam
    ("exam show 999", "exam-unknown"),
    ("exam describe 999 --set bbps_left=2", "exam-unknown"),
    ("exam describe {exam} --set bbps_left=4", "description-value"),
    ("exam describe {exam} --set segment=sigmoid", "description-key"),
    ("exam describe {exam}", None),
    # clip
    ("clip add 999 --video {video_id} --from 0 --to 1s", "exam-unknown"),
    ("clip add {exam} --video 999 --from 0 --to 1s", "video-unknown"),
    ("clip add {exam} --video {files}/none.mp4 --from 0 --to 1s", "video-unknown"),
    ("clip add {exam} --video {video_id} --from 0 --to 9s", "time-out-of-range"),
    ("clip add {exam} --video {video_id} --from 1s --to 0.5", "clip-times"),
    ("clip add {exam} --video {video_id} --from soon --to 1s", "time-unreadable"),
    ("clip add {exam} --video {video_id} --from=-5 --to 1s", "time-out-of-range"),
    ("clip add {exam} --video {video_id} --from 0 --to 1s --box 1,2,3", "box-unreadable"),
    ("clip add {exam} --video {video_id} --from 0 --to 1s --box a,b,c,d", "box-unreadable"),
    ("clip add {exam} --video {video_id} --from 0 --to 1s --box 10,10,0,5", "box-outside-picture"),
    ("clip add {exam} --video {video_id} --from 0 --to 1s --box 10,10,-5,5", "box-outside-picture"),
    ("clip add {exam} --video {video_id} --from 0 --to 1s --box 150,10,50,50", "box-outside-picture"),
    ("clip add {exam} --video {video_id} --from 0 --to 1s --box nan,10,50,50", "box-outside-picture"),
    ("clip add {exam} --video {video_id} --from 0 --to 1s --box 1,1,9,inf", "box-outside-picture"),
    ("clip add {exam} --video {video_id} --from 0 --to 0.4 --box 10,10,50,50@9s", "time-out-of-range"),
    ("clip add {exam} --video {video_id} --from 0 --to 0.4 --box 10,10,50,50@1s", "clip-box"),
    ("clip add {exam} --video {video_id} --from 0 --to 1s --finding 999", "finding-unknown"),
    ("clip add {exam} --video {video_id} --from 0", None),
    ("clip add first --video {video_id} --from 0 --to 1s", None),
    ("clip add 99999999999999999999 --video {video_id} --from 0 --to 1s", "exam-unknown"),
    ("clip show 999", "clip-unknown"),
    ("clip box {clip} --box 1,2", "box-unreadable"),
    ("clip box 999 --box 1,2,3,4", "clip-unknown"),
    ("clip box {clip}", None),
    ("clip box 999 --remove 0", "clip-unknown"),
    ("clip box {clip} --remove 0.3", "box-unknown"),
    ("clip box {clip} --remove soon", "time-unreadable"),
    ("clip trim {clip}", None),
    ("clip trim {clip} --from 0.5 --to 0.2", "clip-times"),
    ("clip trim {clip} --to 9s", "time-out-of-range"),
    ("clip trim 999 --to 1s", "clip-unknown"),
    ("clip move {clip} --finding 999", "finding-unknown"),
    ("clip move 999", "clip-unknown"),
    ("clip remove 999", "clip-unknown"),
    # describe
    ("describe 999 --set size_mm=8", "clip-unknown"),
    ("describe {undescribed} --set size_mm", "description-setting"),
    ("describe {undescribed} --set =8", "description-setting"),
    ("describe {undescribed} --set sise_mm=8", "description-key"),
    ("describe {undescribed} --set nonsense=8", "description-key"),
    ("describe {undescribed} --set size_mm=big", "description-value"),
    ("describe {undescribed} --set size_mm=-3", "description-value"),
    ("describe {undescribed} --set size_mm=nan", "description-value"),
    ("describe {undescribed} --set segment=elbow", "description-value"),
    ("describe {undescribed} --set wall_clock=13", "description-value"),
    ("describe {undescribed} --from {files}/none.json", "description-file"),
    ("describe {undescribed} --from {files}/empty-folder", "description-file"),
    ("describe {undescribed} --from {files}/text.mp4", "description-file"),
    ("describe {undescribed} --from {files}/list.json", "description-file"),
    ("describe {undescribed} --from {files}/key.json", "description-key"),
    ("describe {undescribed} --from {files}/value.json", "description-value"),
    ("describe {undescribed} --set segment=sigmoid --final", "description-incomplete"),
    ("describe", None),
    ("describe first --set size_mm=8", None),
    # link, undo
    ("link 999 --verdict same --with {earlier}", "clip-unknown"),
    ("link {clip} --verdict same --with 999", "clip-unknown"),
    ("link {clip} --verdict same --lesion 999", "lesion-unknown"),
    ("link {clip} --verdict same --with {clip}", "link-itself"),
    ("link {clip} --verdict same", "link-counterpart"),
    ("link {clip} --verdict perhaps --with {earlier}", "verdict-unknown"),
    ("link {clip} --with {earlier}", None),
    ("redo", "nothing-to-redo"),
    # index, match, explain
    ("match 999 --model {model}", "clip-unknown"),
    ("match {undescribed} --model {model}", "match-not-described"),
    ("match {clip} --model {files}/empty-folder", "model-unknown"),
    ("match {clip} --model nonsense", "model-unknown"),
    ("match {clip} --model {model} --device nonsense", "device-unknown"),
    ("match {clip} --model {model} --device cuda:99", "device-unavailable"),
    ("match {clip} --model {model} --scope hospital", None),
    ("match {clip} --model {model} --top 0", None),
    ("match first --model {model}", None),
    ("match", None),
    ("index --model {files}/broken-model", "bundle-damaged"),
    ("index --model {files}/text.mp4", "model-unknown"),
    ("explain 999 --with {earlier} --out {out} --model {model}", "clip-unknown"),
    ("explain {clip} --with 999 --out {out} --model {model}", "clip-unknown"),
    ("explain {clip} --with {clip} --out {out} --model {model}", "explain-same-clip"),
    ("explain {clip} --with {earlier} --out {files}/text.mp4 --model {model}", "overlay-not-written"),
    ("explain {clip} --with {earlier} --out {out} --opacity 7 --model {model}", None),
    ("explain {clip} --with {earlier} --model {model}", None),
    ("explain {clip} --out {out} --model {model}", None),
    # models
    ("models show nonsense", "model-unknown"),
    ("models promote nonsense --confirm nonsense", "model-unknown"),
    ("models promote {model} --confirm nonsense", "promote-confirm"),
    ("models promote {model}", None),
    ("models", None),
    # phantom
    ("phantom --patients 0 --seed 1 --out {out}", None),
    ("phantom --patients 1 --seed -1 --out {out}", None),
    ("phantom --patients 1 --seed 1", None),
    ("phantom --benchmark --patients 3 --out {out}", None),
    ("phantom --videos --out {out}", None),
    ("phantom --patients 1 --seed 1 --out {files}/text.mp4", "phantom-folder-taken"),
    # evaluate
    ("evaluate --manifest {files}/none.csv --model {model}", "manifest-missing"),
    ("evaluate --manifest {files}/empty-folder --model {model}", "manifest-unreadable"),
    ("evaluate --manifest {video} --model {model}", "manifest-unreadable"),
    ("evaluate --manifest {files}/columns.csv --model {model}", "manifest-invalid"),
    ("evaluate --manifest {files}/one-side.csv --model {model}", "evaluation-empty"),
    ("evaluate --manifest {files}/no-picture.csv --model {model}", "picture-missing"),
    ("evaluate --manifest {files}/box.csv --model {model}", "box-outside-picture"),
    ("evaluate --manifest {files}/no-picture.csv --model nonsense", "model-unknown"),
    ("evaluate --manifest {files}/no-picture.csv --model {model} --split middle", None),
    ("evaluate --features {files}/none.npz", "features-missing"),
    ("evaluate --features {files}/text.mp4", "features-unreadable"),
    ("evaluate --features {files}/layout.npz", "features-layout"),
    ("evaluate --features {files}/layout.npz --manifest {files}/one-side.csv", None),
    ("evaluate", None),
    # the program
    ("nonsense", None),
    ("doctor --nonsense", None),
    ("match {clip} --nonsense", None),
)


@pytest.fixture(scope="module")
def names(workspace, tmp_path_factory) -> dict[str, object]:
    """What the command lines above name, with all the bad files."""
    files: Path = workspace.files
    (files / "empty-folder").mkdir()
    (files / "folder.mp4").mkdir()
    (files / "empty.mp4").write_bytes(b"")
    for name in ("text.mp4", "naïve\u00a0text.mp4"):
        (files / name).write_text("This is no video.")
    (files / "cut.mp4").write_bytes(workspace.video.read_bytes()[:700])
    (files / "list.json").write_text("[1, 2]")
    (files / "key.json").write_text('{"nonsense": 1}')
    (files / "value.json").write_text('{"size_mm": "big"}')
    header = "clip_id,path,frame,patient_id,polyp_id,exam,split,text,x,y,w,h\n"
    (files / "columns.csv").write_text("clip_id,path\n1,2\n")
    (files / "one-side.csv").write_text(header + "a,a.png,,P,1,1,gallery,,,,,\n")
    for name, picture, box in (("no-picture", "none.png", ",,,"), ("box", "grey.png", "900,900,5,5")):
        rows = [
            f"{split},{picture},,P,1,{exam},{split},,{box}\n"
            for exam, split in enumerate(("gallery", "query"))
        ]
        (files / f"{name}.csv").write_text(header + "".join(rows))
    grey = np.full((20, 20, 3), 99, dtype=np.uint8)
    import cv2

    assert cv2.imwrite(str(files / "grey.png"), grey)
    np.savez(files / "layout.npz", something=np.eye(2))
    broken = files / "broken-model"
    broken.mkdir()
    (broken / "manifest.json").write_text("{")
    out = tmp_path_factory.mktemp("out") / "new"
    return vars(workspace) | {"next_week": NEXT_WEEK, "out": out}


def words(line: str, names: dict[str, object]) -> list[str]:
    """The words of a command line; a blank inside a name doesn't split it."""
    return [word.format_map(names) for word in line.split(" ")]


def stored(data: Path) -> dict[str, list[tuple[object, ...]]]:
    """Everything in the catalogue but the log of what was tried."""
    uri = f"{(data / 'catalogue.sqlite').as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        found = {
            name: database.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall()
            for name in tables
            if name not in LOGS
        }
    found["sqlite_sequence"] = [row for row in found["sqlite_sequence"] if row[0] not in LOGS]
    return found


@pytest.mark.parametrize(("line", "code"), CASES, ids=[line for line, _ in CASES])
def test_bad_input(line: str, code: str | None, names, workspace, quick) -> None:
    before = stored(workspace.data)
    done = quick(workspace.data, *words(line, names), "--json")
    said = done.out + done.err
    assert "Traceback" not in said
    assert '"internal"' not in said, said
    if code is None:
        assert done.code == 2, said
        assert done.out == ""
        assert "Usage:" in done.err
    else:
        assert done.code == 1, said
        assert done.error["code"] == code, said
        assert done.error["message"].endswith((".", "?", "!")), said
        assert done.error["hint"] or code in NO_HINT, said
        assert BANNER in done.document["notice"]
    assert stored(workspace.data) == before, "a refused command has changed the catalogue"


@pytest.mark.parametrize(
    "line", ["match 999 --model {model}", "patient show P-999", "describe {clip} --set a=b"]
)
def test_without_json_an_error_is_a_sentence_and_a_hint(line: str, names, workspace, quick) -> None:
    as_json = quick(workspace.data, *words(line, names), "--json").error
    done = quick(workspace.data, *words(line, names))
    assert (done.code, done.out) == (1, "")
    assert done.err.splitlines() == [f"error: {as_json['message']}", f"  hint: {as_json['hint']}"]


def test_a_list_of_files_imports_the_good_ones(names, workspace, quick, tmp_path: Path) -> None:
    files = [workspace.video, workspace.files / "text.mp4", workspace.files / "none.mp4"]
    done = quick(
        tmp_path / "data", "import", *files, "--patient", "P-7", "--exam-date", "2024-01-02", "--json"
    )
    assert done.code == 0
    assert [video["status"] for video in done.document["videos"]] == ["imported", "refused", "refused"]
    assert all(video["reason"] for video in done.document["videos"][1:])


def test_help_names_every_command_and_the_banner(program, tmp_path: Path) -> None:
    done = program(tmp_path / "data", "--help")
    assert done.code == 0
    listed = {line.split()[0] for line in done.out.partition("Commands:")[2].splitlines() if line.strip()}
    assert listed >= set(COMMANDS)
    assert BANNER in " ".join(done.out.split())
    assert not (tmp_path / "data").exists(), "help has made a data folder"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, quick, tmp_path: Path) -> None:
    done = quick(tmp_path / "data", command, "--help")
    assert done.code == 0
    assert done.out.startswith("Usage:")
    if command not in ("patient", "exam", "clip", "models"):
        assert "--json" in done.out
        assert "--data-dir" in done.out


def test_doctor(program, tmp_path: Path) -> None:
    done = program(tmp_path / "data", "doctor", "--json")
    document = done.document
    checks = {check["name"]: check for check in document["checks"]}
    assert {"Python", "device", "disk", "data folder", "catalogue", "model"} <= set(checks)
    assert all(check["message"] for check in checks.values())
    assert all(check["hint"] for check in checks.values() if not check["ok"])
    assert document["ok"] == all(check["ok"] for check in checks.values())
    assert done.code == (0 if document["ok"] else 1)
    assert BANNER in document["notice"]


def test_unknown_command_and_version(program, tmp_path: Path) -> None:
    done = program(tmp_path / "data", "nonsense", "--json")
    assert done.code == 2
    assert done.out == ""
    assert "nonsense" in done.err
    version = program(tmp_path / "data", "--version")
    assert version.code == 0
    assert BANNER in version.out


def test_errors_of_a_process_of_its_own(program, names, workspace) -> None:
    """The same as above without the shortcut: what a script sees."""
    done = program(workspace.data, "clip", "show", "999", "--json")
    assert done.code == 1
    assert done.error["code"] == "clip-unknown"
    assert done.err == ""


@pytest.mark.parametrize("damage", ["folder", "text", "newer"])
def test_a_catalogue_that_cannot_be_opened(damage: str, workspace, quick, tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    catalogue = data / "catalogue.sqlite"
    if damage == "folder":
        catalogue.mkdir()
    elif damage == "text":
        catalogue.write_text("This is no catalogue. " * 100)
    else:
        catalogue.write_bytes((workspace.data / "catalogue.sqlite").read_bytes())
        with contextlib.closing(sqlite3.connect(catalogue)) as database:
            database.execute("UPDATE alembic_version SET version_num = 'r9999'")
            database.commit()
    before = None if damage == "folder" else catalogue.read_bytes()
    for line in ("patient list", "match 1", "doctor", "undo"):
        done = quick(data, *line.split(), "--json")
        assert done.code == 1, line
        assert "Traceback" not in done.out + done.err
        if line != "doctor":
            assert done.error["code"].startswith("catalog"), done.out
            assert done.error["hint"]
        else:
            assert not {check["name"]: check["ok"] for check in done.document["checks"]}["catalogue"]
    if before is not None:
        assert catalogue.read_bytes() == before, "a catalogue that can't be read was written"


def test_a_data_folder_that_cannot_be_made(quick, workspace, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    for line in ("match 1", "import {video} --patient P --exam-date 2024-01-01"):
        done = quick(tmp_path / "file" / "data", *words(line, vars(workspace)), "--json")
        assert done.code == 1
        assert done.error["hint"]
        assert done.error["code"] != "internal", done.error


def test_no_patient_code_or_path_of_a_patient_in_the_log(workspace, quick) -> None:
    done = quick(
        workspace.data, "import", workspace.video, "--patient", "P-001", "--exam-date", "2024-99-01", "--json"
    )
    assert "P-001" not in done.out + done.err


def test_every_document_is_one_line_of_json(workspace, quick) -> None:
    for line in ("patient list", "patient show P-001", "clip show {clip}", "describe {clip}", "models list"):
        done = quick(workspace.data, *words(line, vars(workspace)), "--json")
        if done.code == 0:
            assert BANNER in json.loads(done.out)["notice"], line


def test_a_mistyped_data_folder_stays_unmade(quick, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert quick(nowhere, "patient", "list", "--json").document["patients"] == []
    done = quick(nowhere, "exam", "show", "1", "--json")
    assert (done.code, done.error["code"]) == (1, "catalogue-missing")
    assert not nowhere.exists()


def test_the_same_video_under_another_patient_is_warned_of(workspace, quick, tmp_path: Path) -> None:
    def filed(patient: str, day: str) -> list[str]:
        done = quick(
            tmp_path / "data", "import", workspace.video, "--patient", patient, "--exam-date", day, "--json"
        )
        return list(done.document["videos"][0]["warnings"])

    assert not filed("P-1", "2024-01-01")
    assert "belongs to another exam:" in filed("P-1", "2024-02-01")[-1]
    assert "an exam of another patient:" in filed("P-2", "2024-01-01")[-1]
