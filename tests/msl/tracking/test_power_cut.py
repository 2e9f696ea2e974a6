"""After a power cut at any moment, the journal has what was safe, and a checkpoint of the run is whole."""

import torch
from mlflow.tracking import MlflowClient
from power import recording

from msl.checkpoints import newest_whole, previous_generation, write_generation
from msl.checkpoints.checkpoint import About, Checkpoint, Progress
from msl.tracking import journal
from msl.tracking.journal import Journal, Reader
from msl.tracking.journalled import Journalled


def content(number):
    return {"kind": "rows", "step": number, "values": {"loss": number / 3}}


def read(folder):
    return [record.content for record in Reader(folder).new()] if folder.is_dir() else []


def test_a_journal_keeps_what_was_synced_and_reads_nothing_wrong(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "_SEGMENT_BYTES", 500)
    monkeypatch.setattr(journal, "_RESERVE_BYTES", 10)
    (tmp_path / "disk").mkdir()
    with recording(tmp_path / "disk", monkeypatch) as disk:
        for process in range(2):
            book = Journal(tmp_path / "disk" / "run" / "journal")
            for number in range(1, 8):
                book.append(content(7 * process + number))
                if number % 3 == 0:
                    book.sync()
                    disk.done = 7 * process + number
    count = 0
    for moment, folder in disk.disks(tmp_path / "cut"):
        records, count = read(folder / "run" / "journal"), count + 1
        assert records[: moment.done] == [content(number) for number in range(1, moment.done + 1)], moment.call
        assert all(record == content(record["step"]) for record in records)
        book = Journal(folder / "run" / "journal")  # the next process goes on
        book.append({"kind": "more"})
        book.close()
        assert read(folder / "run" / "journal") == [*records, {"kind": "more"}]
    assert count > 200


def checkpoint_of(step, mark):
    progress = Progress(optimizer={}, positions={}, random={}, callbacks={}, mark=str(mark))
    weights = {"layer": torch.full((5, 5), float(step))}
    return Checkpoint(about=About(group="cut"), step=step, weights=weights, progress=progress)


def test_a_checkpoint_is_whole_and_the_journal_has_the_rows_before_it(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "_RESERVE_BYTES", 10)
    (tmp_path / "disk").mkdir()
    with recording(tmp_path / "disk", monkeypatch) as disk:
        run = tmp_path / "disk" / "run"
        book = Journal(run / "journal")
        for step in range(1, 5):
            book.append(content(step))
            book.sync()
            write_generation(run / "last.pt", checkpoint_of(step, book.number), is_trusted=step > 1)
            disk.done = step
    count = 0
    for moment, folder in disk.disks(tmp_path / "cut"):
        newest, count = folder / "run" / "last.pt", count + 1
        checkpoint = newest_whole([newest, previous_generation(newest)])
        step = checkpoint.step if checkpoint else 0
        assert moment.done <= step <= moment.done + 1, moment.call
        if checkpoint:
            assert torch.equal(checkpoint.weights["layer"], torch.full((5, 5), float(step)))
            records = read(folder / "run" / "journal")
            assert records[: int(checkpoint.progress.mark)] == [content(number) for number in range(1, step + 1)]
    assert count > 100


def test_a_file_that_waits_for_its_upload_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(journal, "_RESERVE_BYTES", 10)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    (tmp_path / "disk").mkdir()
    text = "hello" * 40
    with recording(tmp_path / "disk", monkeypatch) as disk:
        way = Journalled(MlflowClient("http://127.0.0.1:9"), "0" * 32, 1, tmp_path / "disk" / "run", "")
        for number in range(1, 3):
            way.text(text, f"notes/{number}.txt")
            way.flush()
            disk.done = number
    for moment, folder in disk.disks(tmp_path / "cut"):
        waiting = [record for record in read(folder / "run" / "journal") if record["kind"] == "file"]
        assert len(waiting) >= moment.done
        for record in waiting[: moment.done]:
            assert (folder / "run" / "journal" / record["path"]).read_text() == text
