"""The blind rating page: what it hides, what a real browser does with it, and the table made of the answers."""

import json
import subprocess
import time
import urllib.request
from pathlib import Path

import numpy as np
import pytest

import browser
from lookreel.cli import main
from test_evaluate import film, worse, write_png

CLIPS = ("red coat", "blue dress")


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Films of two methods in secretA and secretB, the truth, and the page of them in RATE."""
    for number, clip in enumerate(CLIPS):
        true = film(number, 4)
        write_png(tmp_path / "truth" / clip, true)
        write_png(tmp_path / "secretA" / clip, worse(true, 1))
        write_png(tmp_path / "secretB" / clip, worse(true, 2, 40))
    folders = [str(tmp_path / "secretA"), str(tmp_path / "secretB")]
    assert (
        main(["evaluate", "--rate", *folders, "--truth", str(tmp_path / "truth"), "--out", str(tmp_path / "RATE")]) == 0
    )
    return tmp_path


def answers(study: Path, rater: str, scores: dict[str, tuple[int, int, int]]) -> Path:
    """A rater's file: the same scores for every film of a method."""
    key = json.loads((study / "RATE" / "key.json").read_text())
    given = {
        film: dict(zip(key["questions"], scores[whose["method"]], strict=True))
        for film, whose in key["films"].items()
        if whose["method"] in scores
    }
    record = {"kind": "lookreel ratings", "page": key["page"], "rater": rater, "answers": given}
    path = study / f"answers-{rater}.json"
    path.write_text(json.dumps(record))
    return path


def table(study: Path, capsys, *files: Path) -> dict:
    capsys.readouterr()
    key = str(study / "RATE" / "key.json")
    assert main(["evaluate", "--ratings", *map(str, files), "--key", key, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_page_hides_whose_film_is_whose(study):
    text = (study / "RATE" / "index.html").read_text()
    key = json.loads((study / "RATE" / "key.json").read_text())
    assert not any(word in text for word in ("secret", *CLIPS, str(study)))
    assert {(film["method"], film["clip"]) for film in key["films"].values()} == {
        (method, clip) for method in ("secretA", "secretB") for clip in CLIPS
    }
    films = json.loads(text.split('id="films">')[1].split("</script>")[0])
    assert [film["id"] for film in films] == sorted(key["films"])  # the order in the file says nothing
    assert all(len(film["photos"]) == 1 for film in films)
    assert "http://" not in text and "https://" not in text and "<script src" not in text


def test_the_page_is_repeatable_and_the_seed_changes_it(study, capsys):
    page, key = ((study / "RATE" / name).read_bytes() for name in ("index.html", "key.json"))
    command = ["evaluate", "--rate", str(study / "secretA"), "--rate", str(study / "secretB")]
    command += ["--truth", str(study / "truth"), "--out", str(study / "RATE")]
    assert main(command) == 2
    assert "exists already; --force" in capsys.readouterr().err
    assert main([*command, "--force"]) == 0
    assert page == (study / "RATE" / "index.html").read_bytes() and key == (study / "RATE" / "key.json").read_bytes()
    assert main([*command, "--force", "--seed", "1"]) == 0
    assert not set(json.loads(key)["films"]) & set(json.loads((study / "RATE" / "key.json").read_text())["films"])


class Driver:
    """A session of chromedriver, through its HTTP interface."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        line = next(line for line in self.process.stdout if "successfully on port" in line)
        self.root = "http://127.0.0.1:" + line.split()[-1].rstrip(".")
        options = {
            "args": [*browser.FLAGS, f"--user-data-dir={folder / 'profile'}"],
            "prefs": {"download.default_directory": str(folder)},
            "binary": browser.chromium(),
        }
        wanted = {"alwaysMatch": {"goog:chromeOptions": options}}
        self.session = ""
        self.session = "/session/" + self.call("", "/session", {"capabilities": wanted})["sessionId"]

    def call(self, session: str, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + session + path, data, {"Content-Type": "application/json"})
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=120) as answer:
            return json.load(answer)["value"]

    def open(self, page: Path) -> None:
        self.call(self.session, "/url", {"url": page.as_uri()})

    def reopen(self, page: Path, until: str) -> None:
        """Open the page anew until an element has a text: Chromium stores what a page kept a little later."""
        for _ in range(40):
            self.open(page)
            if self.do(f"return document.getElementById('{until}').textContent"):
                return
            time.sleep(0.25)

    def do(self, script: str):
        return self.call(self.session, "/execute/sync", {"script": script, "args": []})

    def element(self, selector: str) -> str:
        found = self.call(self.session, "/element", {"using": "css selector", "value": selector})
        return f"{self.session}/element/{next(iter(found.values()))}"

    def click(self, selector: str) -> None:
        self.call(self.element(selector), "/click", {})

    def type(self, selector: str, text: str) -> None:
        self.call(self.element(selector), "/value", {"text": text})

    def close(self) -> None:
        self.process.terminate()
        self.process.wait()


@pytest.fixture
def driver(tmp_path):
    browser.chromium("chromedriver")
    driver = Driver(tmp_path)
    yield driver
    if driver.session:
        request = urllib.request.Request(driver.root + driver.session, method="DELETE")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60).close()
    driver.close()


def test_a_rater_in_a_real_browser(study, driver, capsys):
    driver.open(study / "RATE" / "index.html")
    driver.type("#rater", "Ann B.")
    driver.click("#start button")
    order = driver.do("return state.order")
    key = json.loads((study / "RATE" / "key.json").read_text())
    assert sorted(order) == sorted(key["films"])
    assert driver.do("return document.getElementById('next').disabled")
    scores = {}
    for number, film_id in enumerate(order):
        if number == 2:  # closed and opened again: the browser has kept the answers
            driver.reopen(study / "RATE" / "index.html", until="found")
            assert "2 of 4 films rated by Ann B." in driver.do("return document.getElementById('found').textContent")
            driver.click("#start button")
        assert driver.do("return document.getElementById('where').textContent") == f"Film {number + 1} of 4"
        assert driver.do("return document.getElementById('film').dataset.id") == film_id
        score = 4 if key["films"][film_id]["method"] == "secretA" else 1
        scores[film_id] = {"character": score, "clothing": score, "motion": number}
        for question, value in scores[film_id].items():
            driver.do(f"document.querySelector('input[name={question}][value=\"{value}\"]').click()")
        driver.click("#next")
    assert driver.do("return document.getElementById('count').textContent") == "4 of 4 films are rated."
    driver.click("#done .save")
    saved = study / "answers-Ann_B_.json"
    for _ in range(600):
        if saved.exists():
            break
        time.sleep(0.05)
    record = json.loads(saved.read_text())
    assert record["answers"] == scores and record["rater"] == "Ann B." and record["order"] == order
    found = table(study, capsys, saved)
    assert found["methods"]["secretA"]["character"] == 4 and found["methods"]["secretB"]["clothing"] == 1


def test_table_of_means_overall_and_intervals(study, capsys):
    one = answers(study, "one", {"secretA": (5, 4, 3), "secretB": (1, 1, 1)})
    two = answers(study, "two", {"secretA": (3, 4, 5), "secretB": (2, 2, 5)})
    found = table(study, capsys, one, two)
    assert found["methods"]["secretA"] == {"character": 4, "clothing": 4, "motion": 4, "overall": 4}
    assert found["methods"]["secretB"] == pytest.approx({"character": 1.5, "clothing": 1.5, "motion": 3, "overall": 2})
    assert found["intervals"]["secretA"]["character"] == [3, 5] and found["intervals"]["secretA"]["clothing"] == [4, 4]
    (difference,) = found["differences"]
    assert difference["overall"] == pytest.approx(2) and difference["interval"] == pytest.approx([1, 3])
    assert found["ratings"] == 8 and found["raters"] == ["one", "two"] and "13" in found["warnings"][0]


def test_films_left_out_are_left_out_of_the_means(study, capsys):
    one = answers(study, "one", {"secretA": (5, 5, 5), "secretB": (3, 3, 3)})
    two = answers(study, "two", {"secretB": (1, 1, 1)})
    found = table(study, capsys, one, two)
    assert found["methods"]["secretA"]["overall"] == 5 and found["methods"]["secretB"]["overall"] == 2
    assert found["differences"][0]["overall"] == 2  # of the rater who saw both
    assert "2 of 8 ratings are missing" in found["warnings"][0]
    assert all(np.isfinite(found["intervals"]["secretA"]["overall"]))


def test_the_table_for_people(study, capsys):
    one = answers(study, "one", {"secretA": (5, 4, 3), "secretB": (1, 1, 1)})
    capsys.readouterr()
    assert main(["evaluate", "--ratings", str(one), "--key", str(study / "RATE" / "key.json")]) == 0
    out = capsys.readouterr().out
    assert "secretA" in out and "4.00 [4.00, 4.00]" in out and "secretA - secretB: +3.00" in out


def changed(study: Path, **fields) -> Path:
    path = answers(study, "one", {"secretA": (5, 4, 3), "secretB": (1, 1, 1)})
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))
    return path


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"page": "0" * 16}, "answers to the page 0000"),
        ({"kind": "other"}, "not a file of this kind"),
        ({"answers": {}}, "no answer in it"),
        ({"answers": {"ffffffffffff": {}}}, "not in the key"),
        ({"rater": 3}, "no rater"),
    ],
)
def test_wrong_answer_files(study, capsys, fields, expected):
    path = changed(study, **fields)
    capsys.readouterr()
    assert main(["evaluate", "--ratings", str(path), "--key", str(study / "RATE" / "key.json")]) == 2
    out, err = capsys.readouterr()
    assert expected in err and err.count("\n") == 1 and out == ""


@pytest.mark.parametrize("score", [6, -1, 2.5, True, "3", None])
def test_wrong_scores(study, capsys, score):
    path = answers(study, "one", {"secretA": (score, 4, 3), "secretB": (1, 1, 1)})
    assert main(["evaluate", "--ratings", str(path), "--key", str(study / "RATE" / "key.json")]) == 2
    assert "expected a whole number from 0 to 5" in capsys.readouterr().err


def test_wrong_requests(study, capsys):
    one = changed(study)
    key = str(study / "RATE" / "key.json")
    again = study / "again.json"
    again.write_bytes(one.read_bytes())
    a, b = str(study / "secretA"), str(study / "secretB")
    write_png(study / "long" / CLIPS[0], film(0, 6))
    write_png(study / "strange" / "other", film(0, 4))
    out = ["--out", str(study / "RATE2")]
    for command, expected in [
        (["--ratings", str(one), str(again), "--key", key], "a second file of the rater 'one'"),
        (["--ratings", str(one)], "--key: not given"),
        (["--ratings", str(study / "no.json"), "--key", key], "no.json: no such file"),
        (["--ratings", str(one), "--rate", a], "found both"),
        (["--rate", a, b], "--out: not given"),
        (["--rate", a, a, *out], "one folder twice"),
        (["--rate", a, str(study / "strange"), *out], "no clip is in all of"),
        (["--rate", a, str(study / "long"), *out], "4 frames by secretA, 6 by long"),
        (["--rate", a, str(study / "nowhere"), *out], "no such folder"),
    ]:
        capsys.readouterr()
        assert main(["evaluate", *command]) == 2, command
        assert expected in capsys.readouterr().err
    assert not (study / "RATE2").exists()
