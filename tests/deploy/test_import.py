"""Somebody else's CSV as a timeline: columns, times, bad rows, order."""

import json
from pathlib import Path
from typing import Any

import pytest

from deploy.imports import command
from deploy.imports.mapping import Mapping, MappingProblem, formats, load, ready_made, zone_of
from deploy.imports.order import in_order
from deploy.imports.rows import BadRow, Reader
from deploy.replay.lines import Line, read_lines

# In the form of the detections data set, and made up: a row is a plate, begin, end, edges, site.
DETECTIONS = """\
K2,2020/03/20,00:00:27,2020/03/20,00:00:28,n1_n2,n,n2_n1
K2,2020/03/20,00:01:06,2020/03/20,00:01:07,n2_m1,m,m1_n2
K10,2020/03/20,00:00:02,2020/03/20,00:00:04,S_n,n,n_S
"""
SITES = """\
id,name,description,location_id,direction,radial_group,in_out,code,longitude,latitude
1,ANPR 1,Mill Hill,1,N,1,2,b,-2.25,51.5
2,ANPR 2,Mill Lane,2,S,2,1,a,-2.5,51.25
3,ANPR 3,Station Car Park,3,S,3,1,a,-2.5,51.75
"""
OWN = """
kind = "detections"
delimiter = ";"

[columns]
time = "when"
plate = "number"
site = "gate"
direction = "way"
confidence = "sure"

[values.direction]
E = "in"
W = "out"
"""


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a timeline."""
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def run(tmp_path: Path, text: str, **options: Any) -> tuple[int, list[dict[str, Any]]]:
    """Import a text; return the exit code and the lines."""
    file, out = tmp_path / "given.csv", tmp_path / "out.ndjson"
    file.write_text(text, encoding="utf-8")
    standard: dict[str, Any] = {
        "format_name": None, "columns": None, "timezone": None, "strict": False,
    }  # fmt: skip
    code = command.main(file, out=out, **{**standard, **options})
    return code, lines(out) if out.exists() else []


def own(tmp_path: Path, text: str = OWN) -> Path:
    """A mapping of one's own."""
    path = tmp_path / "own.toml"
    path.write_text(text)
    return path


def test_detections_come_in_order_of_time_after_their_sites(tmp_path: Path) -> None:
    code, found = run(tmp_path, DETECTIONS, format_name="mrc-com")
    assert code == 0
    assert [each["data"]["id"] for each in found[:2]] == ["m", "n"]
    assert {each["data"]["role"] for each in found[:2]} == {"inner"}
    hits = found[2:]
    # Midnight in Shanghai, where the data set's times are from.
    assert [(hit["time"], hit["data"]["plate"]) for hit in hits] == [
        ("2020-03-19T16:00:02.000Z", "K10"),
        ("2020-03-19T16:00:27.000Z", "K2"),
        ("2020-03-19T16:01:06.000Z", "K2"),
    ]
    assert all(site["time"] < hits[0]["time"] for site in found[:2])
    assert hits[0]["source"] == "mrc-com/n"
    assert hits[0]["data"] == {
        "site": "n", "plate": "K10", "lane": "S_n", "direction": "internal", "confidence": 1.0,
    }  # fmt: skip


def test_what_comes_out_is_a_timeline(tmp_path: Path) -> None:
    run(tmp_path, DETECTIONS, format_name="mrc-com")
    with (tmp_path / "out.ndjson").open("rb") as written:
        read = list(read_lines(written))
    assert [each.sort for each in read if isinstance(each, Line)] == [
        "register", "register", "event", "event", "event",
    ]  # fmt: skip


def test_the_same_row_has_the_same_id_in_every_file(tmp_path: Path) -> None:
    _, first = run(tmp_path, DETECTIONS, format_name="mrc-com")
    rows = DETECTIONS.splitlines(keepends=True)
    _, second = run(tmp_path, "".join(rows[1:]), format_name="mrc-com")
    ids = {each["id"] for each in first}
    assert len(ids) == len(first)
    assert {each["id"] for each in second} < ids


def test_sites_have_positions_and_roles(tmp_path: Path) -> None:
    code, found = run(tmp_path, SITES, format_name="bath-anpr")
    assert code == 0
    assert [each["data"]["role"] for each in found] == ["boundary", "inner", "community"]
    assert found[0]["type"] == "cordon.site.put.v1"
    assert found[0]["data"]["id"] == "bath-anpr-1"
    assert found[0]["data"]["name"] == "ANPR 1 Mill Hill outbound"
    assert found[0]["data"]["position"] == {"lon": -2.25, "lat": 51.5, "crs": "wgs84"}


def test_any_csv_is_read_with_a_mapping_of_ones_own(tmp_path: Path) -> None:
    text = (
        "gate;way;number;when;sure\nx;E;AB 12 CDE;2020-03-20T00:00:00+01:00;0.9\n"
        "x;W;AB 12 CDE;2020-03-20T00:10:00;1\n"
    )
    code, found = run(tmp_path, text, columns=own(tmp_path), timezone="Europe/London", strict=True)
    assert (code, len(found)) == (0, 2)
    assert [(hit["time"], hit["data"]["direction"]) for hit in found] == [
        ("2020-03-19T23:00:00.000Z", "in"), ("2020-03-20T00:10:00.000Z", "out"),
    ]  # fmt: skip
    assert found[0]["source"] == "given/x"


def test_a_mapping_may_be_json(tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    columns = {"time": 1, "plate": 2, "site": 3}
    constants = {"direction": "in", "confidence": 0.8}
    mapping = {"kind": "detections", "header": False, "columns": columns, "constants": constants}
    path.write_text(json.dumps(mapping))
    code, found = run(tmp_path, "2020-03-20T00:00:00Z,K1,n\n", columns=path)
    assert (code, found[0]["data"]["confidence"]) == (0, 0.8)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("x;E;AB12;2020-03-20T00:00:00;0.9", "time: has no offset"),
        ("x;E;AB12;soon;0.9", "time: "),
        ("x;E;;2020-03-20T00:00:00Z;0.9", "plate: is empty"),
        ("x;E;AB/12;2020-03-20T00:00:00Z;0.9", "plate: '/' is neither"),
        ("x;N;AB12;2020-03-20T00:00:00Z;0.9", "direction: the mapping has no value for 'N'"),
        ("x;E;AB12;2020-03-20T00:00:00Z;sure", "confidence: no number"),
        ("x;E;AB12;2020-03-20T00:00:00Z;7", "confidence: Expected `float` <= 1.0"),
        ("a b;E;AB12;2020-03-20T00:00:00Z;0.9", "site: no id"),
        ("x;E;AB12", "time: the row has only 3 columns"),
        ("x;E;AB12;0001-01-01T00:00:00+10:00;0.9", "time: "),
    ],
)
def test_a_bad_row_is_told_with_its_number_and_field(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], row: str, told: str
) -> None:
    good = "x;E;AB12;2020-03-20T00:00:00Z;0.9\n"
    text = f"gate;way;number;when;sure\n{good}{row}\n"
    code, found = run(tmp_path, text, columns=own(tmp_path), strict=True)
    said = capsys.readouterr()
    assert (code, len(found)) == (1, 1)
    assert said.err.startswith(f"row 3: {told}")
    assert "1 rows taken" in said.out
    assert "1 bad" in said.out


def test_a_bad_position_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, found = run(tmp_path, SITES.replace("51.25", "95.5"), format_name="bath-anpr")
    assert (code, len(found)) == (0, 2)
    assert "row 3: lat: " in capsys.readouterr().err


def test_hours_that_clocks_left_out_never_were() -> None:
    reader = Reader(ready_made("mrc-com"), zone_of("Europe/London"), "x")
    list(reader.rows([]))
    row = ["K1", "2020/03/29", "01:30:00", "", "", "a", "n", "b"]
    with pytest.raises(BadRow, match="never showed"):
        reader.detection(row)
    row[2] = "02:30:00"
    assert reader.detection(row).event["time"] == "2020-03-29T01:30:00.000Z"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("[columns]", "[columns]\nspeed = 'x'"), "no field 'speed'"),
        (('plate = "number"', ""), "no column and no constant for 'plate'"),
        (('delimiter = ";"', 'delimiter = ";;"'), "delimiter"),
        (('delimiter = ";"', "header = false"), "columns have numbers"),
        (('"when"', "0"), "count from 1"),
        (('kind = "detections"', 'kind = "people"'), "kind"),
        (('kind = "detections"', "kind = "), "Invalid value"),
        (('delimiter = ";"', 'timezone = "Mars/North"'), "Mars/North"),
        (("[columns]", "colour = 1\n[columns]"), "colour"),
    ],
)
def test_a_mapping_that_cannot_be_used_says_why(
    tmp_path: Path, change: tuple[str, str], told: str
) -> None:
    with pytest.raises(MappingProblem, match=told):
        load(own(tmp_path, OWN.replace(*change)))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, "needs either"),
        ({"format_name": "mrc"}, "there are bath-anpr, mrc-com"),
        ({"columns": Path("/nowhere.toml")}, "nowhere"),
        ({"format_name": "mrc-com", "timezone": "Mars/North"}, "Mars/North"),
        ({"format_name": "bath-anpr"}, "the file has no column 'id'"),
    ],
)
def test_what_cannot_begin_says_why(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: dict[str, Any], told: str
) -> None:
    assert run(tmp_path, DETECTIONS, **options)[0] == 2
    assert told in capsys.readouterr().err


def test_every_ready_made_mapping_can_be_used() -> None:
    assert formats() == ["bath-anpr", "mrc-com"]
    assert all(isinstance(ready_made(name), Mapping) for name in formats())


def test_more_lines_than_fit_into_memory_are_in_order_too() -> None:
    given = [(time_ms, b"%d\n" % time_ms) for time_ms in (5, -3, 9, 0, 7, 2, 1)]
    expected = [line for _, line in sorted(given)]
    for most in (2, 3, 100):
        assert list(in_order(given, most)) == expected
