"""The page of a run that goes on, asked over real HTTP."""

from __future__ import annotations

import base64
import hashlib
import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import auctionsim
from auctionsim.analysis.live.curves import curve_of, spaced, svg, ticks
from auctionsim.analysis.live.folder import expect_followable
from auctionsim.analysis.live.lines import GrowingLines
from auctionsim.analysis.live.page import blocks, duration
from auctionsim.analysis.live.state import Following, RunState
from auctionsim.cli import main
from auctionsim.errors import InputError
from auctionsim.jobs.training.callbacks import Iteration
from auctionsim.jobs.watch.server import Watch, served

from ..conftest import SMALL

FAST = ("train.iterations=3", "traffic.auctions_per_day=100", "learner.population=4")
NAME = '<img src=x onerror="alert(1)"> $x$'


def ask(server: Watch, path: str, method: str = "GET", host: str | None = None) -> tuple[int, str, dict[str, str]]:
    """Send one request; return status, body and headers."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.putrequest(method, path, skip_host=True)
    for one in (f"127.0.0.1:{server.port}" if host is None else host).split("|"):
        connection.putheader("Host", one)
    connection.endheaders()
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), dict(answer.getheaders())
    connection.close()
    return found


def live(server: Watch) -> dict[str, str]:
    """Return the page's blocks and the sentence as text."""
    status, body, _ = ask(server, f"/{server.token}/live")
    assert status == 200
    found = json.loads(body)
    return {"sentence": found["sentence"], **found["blocks"]}


def bytes_of(folder: Path) -> dict[str, tuple[str, int]]:
    """Return every file with its digest and its time of change."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    (folder / "s.toml").write_text(SMALL)
    auctionsim.train(folder / "s.toml", folder / "run", seeds=2, overrides=FAST)
    return folder / "run"


@pytest.fixture
def run(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "run"))


@pytest.fixture
def server(finished: Path) -> Iterator[Watch]:
    with served(finished) as opened:
        yield opened


def rewritten(run: Path, **changes: object) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    (run / "manifest.json").write_text(json.dumps(manifest | changes))


def note_of(run: Path, process: int) -> None:
    (run / ".lock").write_text(f"{process} {socket.gethostname()}\n")


def test_a_running_job_is_followed_iteration_by_iteration(tmp_path: Path):
    (tmp_path / "s.toml").write_text(SMALL)
    out = tmp_path / "run"
    seen: list[dict[str, str]] = []
    with served(out) as server:
        assert "has not begun" in live(server)["sentence"]

        def look(iteration: Iteration) -> None:
            found = live(server)
            assert f"iteration {iteration.iteration} of 3" in found["progress"]
            for name in ("revenue_ratio", "profit_ratio"):
                assert f"<td>{iteration.metrics[1][name]:.3f}</td>" in found["seeds"]
            seen.append(found)

        auctionsim.train(tmp_path / "s.toml", out, seeds=2, overrides=FAST, callbacks=[look])
        ended = live(server)
    assert f"is being trained by process {os.getpid()} on " in seen[0]["sentence"]
    assert seen[0]["sentence"] == seen[1]["sentence"]
    assert " left" in seen[0]["progress"]
    assert "being evaluated on the test days" in seen[-1]["sentence"]
    assert "measured on the test days, when the run is evaluated" in seen[-1]["constraints"]
    assert ended["sentence"] == "This run has finished."
    assert "profit floor" in ended["constraints"]
    assert "revenue floor" in ended["constraints"]


def test_following_a_run_changes_no_byte_of_it(tmp_path: Path, finished: Path):
    out = tmp_path / "run"
    with served(out) as server:
        auctionsim.train(finished.parent / "s.toml", out, seeds=2, overrides=FAST, callbacks=[lambda _: live(server)])
        before = bytes_of(out)
        for method in ("GET", "POST", "PUT", "DELETE"):
            ask(server, f"/{server.token}/live", method)
        assert bytes_of(out) == before
    for name in ("metrics.jsonl", "outcomes.parquet", "checkpoints/000003/seed-1.safetensors"):
        assert (out / name).read_bytes() == (finished / name).read_bytes()


def test_the_page_is_whole_and_needs_no_network(server: Watch):
    status, page, headers = ask(server, f"/{server.token}/")
    assert status == 200
    assert "This run has finished." in page
    # Curves are drawn, named for screen readers, and stand beside tables.
    assert len(re.findall(r'<svg [^>]*role="img" aria-label="[^"]+mean over seeds', page)) == 2
    assert page.count("<caption>") >= 4
    assert 'role="status"' in page
    assert "prefers-color-scheme: dark" in page
    assert 'content="width=device-width' in page
    assert not re.findall(r'(?:src|href)="(?!data:)', page)
    # The policy admits this very style and script.
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    for tag in ("style", "script"):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.S)
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "style=" not in page
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_without_the_token_there_is_nothing(server: Watch):
    right, token = f"/{server.token}/", server.token
    assert len(token) >= 32
    for path in (
        "/", "//", "/live", f"/{token}", f"/{token[:-1]}/", f"/{token}x/", "/x/live", f"/{token}/?", f"{right}?a=b",
        f"{right}#x", f"/{token.swapcase()}/", "/" + "x" * 5000 + "/", "/%ff/", "*", f"http://127.0.0.1:{server.port}{right}",
    ):  # fmt: skip
        status, body, _ = ask(server, path)
        assert status == 404, path
        assert body == "expected the address that auctionsim watch printed\n"
    assert ask(server, right)[0] == 200


@pytest.mark.parametrize(
    "tail",
    [
        "../manifest.json",
        "..%2f..%2fetc/passwd",
        "%2e%2e/",
        "/etc/passwd",
        "manifest.json",
        "live/",
        "live/..",
        "../",
        "\\..\\x",
    ],
)
def test_no_path_leads_to_a_file(server: Watch, tail: str):
    status, body, _ = ask(server, f"/{server.token}/{tail}")
    assert status == 404
    assert body == "expected the address that auctionsim watch printed\n"


def test_other_hosts_and_other_methods_are_refused(server: Watch):
    path, port = f"/{server.token}/live", server.port
    own = f"127.0.0.1:{port}"
    for host in (
        "evil.example",
        f"evil.example:{port}",
        "127.0.0.1",
        f"127.0.0.1:{port + 1}",
        "",
        f"{own}|{own}",
        f"{own}|evil",
    ):
        status, body, _ = ask(server, path, host=host)
        assert (status, body) == (403, "expected the Host header of this address\n"), host
    for host in (own, f"localhost:{port}"):
        assert ask(server, path, host=host)[0] == 200
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE", "NONSENSE"):
        status, body, headers = ask(server, path, method)
        assert status == 405, method
        assert headers["Allow"] == "GET"
        assert body == ("" if method == "HEAD" else "Method Not Allowed\n")


def test_only_the_loopback_listens(server: Watch):
    assert server.server_address[0] == "127.0.0.1"
    with served(Path("nowhere")) as other:
        assert other.token != server.token


def test_a_port_in_use_ends_in_one_line_before_anything_is_written(
    server: Watch, tmp_path: Path, capsys: pytest.CaptureFixture[str], finished: Path
):
    port = str(server.port)
    assert main(["watch", str(finished), "--port", port]) == 2
    said = capsys.readouterr()
    assert said.err == f"port {port}: expected a free port of 127.0.0.1, got one in use (0 takes any free one)\n"
    out = tmp_path / "new"
    assert main(["train", str(finished.parent / "s.toml"), "--out", str(out), "--watch", port]) == 2
    assert capsys.readouterr().err == said.err
    assert not out.exists()


def test_train_serves_the_page_while_it_trains(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "s.toml").write_text(SMALL)
    settings = [word for item in FAST for word in ("--set", item)]
    assert main(["train", str(tmp_path / "s.toml"), *settings, "--out", str(tmp_path / "run"), "--watch"]) == 0
    (url,) = re.findall(r"http://(127\.0\.0\.1):(\d+)/[\w-]+/", capsys.readouterr().err)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((url[0], int(url[1])), timeout=5).close()


def test_the_command_serves_until_it_is_interrupted(run: Path):
    process = subprocess.Popen(
        [sys.executable, "-m", "auctionsim", "watch", str(run)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    url = process.stdout.readline().strip()
    found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)(/[\w-]+/)", url)
    assert found
    connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=20)
    connection.request("GET", found[2])
    assert connection.getresponse().status == 200
    connection.close()
    before = bytes_of(run)
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.endswith("the page has ended; the run is as it was\ninterrupted\n")
    assert bytes_of(run) == before


def test_json_prints_the_state_once(run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["watch", str(run), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert (found["status"], found["iteration"], found["iterations"]) == ("finished", 3, 3)
    assert found["last"]["1"]["revenue_ratio"] == rows[-1]["revenue_ratio"]
    assert {row["constraint"] for row in found["violations"]} == {"profit_floor", "revenue_floor"}


def test_a_killed_run_is_called_killed(run: Path):
    dead = subprocess.Popen(["true"])
    dead.wait()
    rewritten(run, status="running")
    note_of(run, dead.pid)
    state = Following(run).state()
    assert state.status == "killed"
    assert state.sentence.startswith(f"This run was killed: process {dead.pid} on ")
    assert state.seconds_left is None
    # Without its note it may be a copy of a run that goes on.
    (run / ".lock").unlink()
    assert Following(run).state().status == "killed"
    assert "or this is a copy of it" in Following(run).state().sentence
    note_of(run, os.getpid())
    assert Following(run).state().status == "evaluating"


def test_interrupted_and_failed_runs_say_so(run: Path):
    rewritten(run, status="interrupted", stopped="<b>enough</b>")
    state = Following(run).state()
    assert state.status == "interrupted"
    assert "<b>enough</b>" in state.sentence
    rewritten(run, status="failed")
    assert Following(run).state().sentence.startswith("This run has failed")


def test_a_run_of_another_machine_or_a_silent_one_is_no_killed_one(run: Path):
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(lines[:2]))
    rewritten(run, status="running")
    (run / ".lock").write_text("1 another-machine\n")
    state = Following(run).state()
    assert (state.status, state.iteration, state.notes) == ("running", 1, ())
    assert "on another-machine, which cannot be asked from here" in state.sentence
    old = time.time() - 1000
    for name in ("metrics.jsonl", "manifest.json"):
        os.utime(run / name, (old, old))
    assert re.match(r"nothing was logged for 1\d\d\d s: ", Following(run).state().notes[0])


def test_the_time_left_is_that_of_the_last_iterations(run: Path):
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(lines[:4]))
    rows = [{"iteration": i, "seconds": s, "cells": 1, "bids": 600} for i, s in ((1, 10.0), (2, 20.0))]
    (run / "timing.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    rewritten(run, status="running")
    note_of(run, os.getpid())
    state = Following(run).state()
    # One iteration of 15 seconds; 1200 bids in 30 seconds.
    assert state.seconds_left == 15.0
    assert state.bids_per_second == 40.0
    assert "iteration 2 of 3, 0:00:15 left, 40 candidate bids a second" in blocks(state)["progress"]


def test_a_line_that_is_being_written_is_left_for_later(tmp_path: Path):
    path = tmp_path / "metrics.jsonl"
    lines = GrowingLines(path)
    assert lines.new() == ([], False)
    path.write_bytes(b"one\ntw")
    assert lines.new() == ([b"one"], False)
    assert lines.new() == ([], False)
    with path.open("ab") as file:
        file.write(b"o\n\nthree")
    assert lines.new() == ([b"two", b""], False)
    # A resumed run puts a shorter file in its place.
    (tmp_path / "part").write_bytes(b"one\n")
    (tmp_path / "part").rename(path)
    assert lines.new() == ([b"one"], True)
    path.unlink()
    assert lines.new() == ([], True)
    path.symlink_to("/etc/passwd")
    assert lines.new() == ([], False)
    path.unlink()
    os.mkfifo(path)
    assert lines.new() == ([], False)
    path.unlink()
    path.write_bytes(b"x" * 2_000_000)
    assert [len(line) for line in lines.new()[0]] == [2_000_000]


def test_half_a_line_and_damaged_lines_hide_nothing_else(run: Path):
    following = Following(run)
    whole = following.state()
    path = run / "metrics.jsonl"
    next_rows = [json.dumps(row | {"iteration": 4}) for row in map(json.loads, path.read_text().splitlines()[-2:])]
    with path.open("a") as file:
        file.write(next_rows[0] + "\n" + next_rows[1][:30])
    # Iteration 4 is not whole: one seed's line is missing.
    assert following.state().iteration == whole.iteration == 3
    with path.open("ab") as file:
        file.write(next_rows[1][30:].encode() + b"\n\xff\xfe\n{}\n[[[\n" + b'{"iteration": 1, "seed": 99}\n')
    state = following.state()
    assert state.iteration == 4
    assert state.notes[0] == "metrics.jsonl: 4 lines are none of this run and are left out"
    (run / "timing.jsonl").write_bytes(b'{"iteration": 1, "seconds": NaN}\n{"iteration": 1e400}\n')
    assert "timing.jsonl: 2 lines" in following.state().notes[1]


def test_a_resumed_run_begins_again_at_its_checkpoint(run: Path):
    following = Following(run)
    assert following.state().iteration == 3
    opened = auctionsim.Run.open(run)
    opened.cut_metrics(2)
    assert following.state().iteration == 2


class Tags(HTMLParser):
    """Collect tags and text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.words = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not any(name.startswith("on") for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.words += data


def test_hostile_names_are_text(run: Path):
    path = run.parent / NAME
    run.rename(path)
    rewritten(path, command=f"auctionsim train {NAME}", status="interrupted", stopped=NAME)
    text = (path / "scenario.toml").read_text().replace('name = "small"', f"name = '{NAME}'")
    (path / "scenario.toml").write_text(text)
    rows = [json.loads(line) | {f"</td>{NAME}": 1.0} for line in (path / "metrics.jsonl").read_text().splitlines()]
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    with served(path) as server:
        _, page, _ = ask(server, f"/{server.token}/")
    tags = Tags()
    tags.feed(page)
    assert "img" not in tags.tags
    # Title and heading, status, scenario, command, the metric's name.
    assert tags.words.count(NAME) == 6


def test_what_is_wrong_in_a_folder_stands_on_the_page(run: Path):
    following = Following(run)
    (run / "manifest.json").write_text('{"<b>": 1')
    with served(run) as server:
        found = live(server)
        assert found["sentence"] == "The run's folder cannot be read."
        assert "manifest.json: expected JSON" in found["notes"]
    assert following.state().status == "unreadable"
    shutil.rmtree(run)
    assert following.state().status == "not begun"


def test_undefined_ratios_are_called_not_defined(run: Path):
    rows = [json.loads(line) | {"profit_ratio": None} for line in (run / "metrics.jsonl").read_text().splitlines()]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = blocks(Following(run).state())
    assert "total profit over the baseline&#x27;s is not defined: the baseline earns nothing" in found["profit"]
    assert "<svg" not in found["profit"]
    assert "<td>not defined</td>" in found["seeds"]


def test_folders_of_other_things_say_what_can_be_followed(run: Path, tmp_path: Path):
    def refused(path: Path) -> str:
        with pytest.raises(InputError) as caught:
            expect_followable(path)
        return str(caught.value)

    expect_followable(run)
    expect_followable(tmp_path / "not yet")
    (tmp_path / "empty").mkdir()
    expect_followable(tmp_path / "empty")
    sweep, study = tmp_path / "sweep", tmp_path / "study"
    for folder in (sweep / "trials", study / "parts"):
        folder.mkdir(parents=True)
        (folder.parent / "plan.json").write_text("{}")
    assert refused(sweep) == f"{sweep}: expected a run folder, got that of a sweep without trials that have begun"
    shutil.copytree(run, sweep / "trials" / "0000")
    newest = Path(shutil.copytree(run, sweep / "trials" / "0001"))
    later = time.time() + 60
    os.utime(newest / "metrics.jsonl", (later, later))
    assert refused(sweep).endswith(f"got that of a sweep with 2 trials (the newest: auctionsim watch {newest})")
    (study / "parts" / "a.json").write_text("{}")
    assert "got that of a study, whose units leave no metrics while they run (1 of them are done" in refused(study)
    assert refused(sweep / "trials").endswith(f"got none with 2 runs (the newest: auctionsim watch {newest})")
    assert refused(study / "parts").endswith("got none without runs that have begun")
    assert refused(study / "plan.json") == f"{study / 'plan.json'}: expected a run folder, got a JSON file"
    (run / "metrics.jsonl").unlink()
    (run / "metrics.jsonl").symlink_to("/etc/passwd")
    assert "got a link that leads out of it" in refused(run)


def test_curves_hold_every_seed_and_the_floor():
    metrics = {i: {0: {"r": i / 10}, 1: {"r": None if i == 2 else 1.0}} for i in (1, 2, 3)}
    curve = curve_of(metrics, (0, 1), "r")
    np.testing.assert_allclose(curve.mean, [0.55, np.nan, 0.65])
    np.testing.assert_allclose(curve.low[[0, 2]], [0.1, 0.3])
    np.testing.assert_allclose(curve.high[[0, 2]], [1.0, 1.0])
    drawn = svg(curve, "a & b", "c < d", level=2.0)
    assert 'aria-label="a &amp; b"' in drawn
    # Seed 1 and the mean are broken at iteration 2: two dots each; seed 0 is one line.
    assert drawn.count("<circle") == 4
    assert drawn.count("<polyline") == 1
    assert drawn.count('class="level"') == 1
    assert ">c &lt; d</text>" in drawn
    # Round numbers stand at both axes: 0.5, 1, 1.5 and 2, and the iterations, which are whole.
    assert re.findall(r">([\d.]+)</text>", drawn) == ["0.5", "1", "1.5", "2", "1", "2", "3"]
    heights = [float(y) for y in re.findall(r'cy="([\d.]+)"', drawn)]
    (level,) = map(float, re.findall(r'class="level"[^>]* y1="([\d.]+)"', drawn))
    assert all(level < height < 220 for height in heights)
    assert svg(curve_of(metrics, (0,), "none"), "t", "u") == ""


def test_many_iterations_are_thinned_out_with_both_ends():
    assert spaced(5, 8) == [0, 1, 2, 3, 4]
    thin = spaced(10_000, 300)
    assert (len(thin), thin[0], thin[-1]) == (300, 0, 9_999)


def test_axes_have_round_numbers():
    assert ticks(0.911, 1.06) == [0.95, 1.0, 1.05]
    assert ticks(1, 3000) == [1000, 2000, 3000]
    assert ticks(1, 1) == [1]
    assert len(ticks(-1e30, 1e30)) == 5


def test_the_page_begins_with_where_the_run_stands(run: Path):
    rewritten(run, status="interrupted")
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    rows = [row | {"revenue_ratio": 0.9 + 0.2 * row["seed"], "profit_ratio": 1.25} for row in rows]
    (run / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    state = Following(run).state()
    said = blocks(state)["verdict"]
    assert '<li class="mark unclear">? interrupted</li>' in said
    assert "Revenue on training days 100.0 % of the baseline" in said
    assert "Total profit on training days 125.0 % of the baseline" in said
    assert f'<li class="mark bad">✘ Revenue floor of {100 * state.floor:g} % held on 1 of 2 seeds</li>' in said


def test_durations_are_hours_minutes_seconds():
    assert [duration(seconds) for seconds in (0, 61.4, 3723)] == ["0:00:00", "0:01:01", "1:02:03"]


def test_an_empty_state_has_empty_blocks():
    state = RunState("run", "not begun", "This run has not begun.")
    assert set(blocks(state).values()) == {""}
