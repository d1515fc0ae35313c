import pytest

from mdsnake.errors import UserError
from mdsnake.evaluate.records import write_records
from mdsnake.evaluate.tables import table


@pytest.fixture
def summary(tmp_path, record):
    rows = [
        record("ke_ratio", 1.015), record("ke_ratio", 1.3, member="zero"),
        record("bond_js", 0.03, floor=0.02), record("bond_js", 0.05, floor=0.02, member="zero"),
        record("ms_per_ps", 12.5, unit="ms/ps"), record("accepted_fraction", 0.875, floor=float("nan")),
    ]  # fmt: skip
    write_records(tmp_path / "kstep.csv", rows)
    return tmp_path / "kstep.csv"


def test_marks_are_told_in_words(summary, tmp_path):
    table("accuracy", summary, tmp_path / "out.html")
    text = (tmp_path / "out.html").read_text()
    assert text.count("✓ met: 0.98–1.02") == text.count("✗ missed: 0.98–1.02") == 2
    assert text.count("✓ met: ≤ 2 × floor") == text.count("✗ missed: ≤ 2 × floor") == 2
    assert "floor 0.02" in text
    assert "so does the floor" not in text
    assert "lag-RMSD" not in text.split("<p>")[1].split("</p>", 1)[1], "columns without a value are left out"


def test_a_mark_that_the_floor_misses_too_is_called_so(tmp_path, record):
    write_records(tmp_path / "noisy.csv", [record("ke_ratio", 0.9, floor=1.1)])
    table("accuracy", tmp_path / "noisy.csv", tmp_path / "out.html")
    assert "✗ missed: 0.98–1.02 · so does the floor" in (tmp_path / "out.html").read_text()


def test_what_is_exact_is_told_apart(tmp_path, record):
    rows = [record("boltzmann_factor", 0.997, member="hmc"), record("flip_rate_ratio", 0.5, member="hmc")]
    write_records(tmp_path / "kstep.csv", [*rows, record("flip_rate_ratio", 0.75, member="respa")])
    table("exactness", tmp_path / "kstep.csv", tmp_path / "out.html")
    text = (tmp_path / "out.html").read_text()
    assert text.index("hmc (exact)") < text.index("0.997") < text.index("0.5") < text.index("respa (not exact)")
    assert text.index("respa (not exact)") < text.index("–", text.index("respa")) < text.index("0.75")


@pytest.mark.parametrize(("name", "value"), [("cost", "12.5"), ("rejections", "0.875")])
def test_pages_stand_alone(summary, tmp_path, name, value):
    table(name, summary, tmp_path / "out.html")
    text = (tmp_path / "out.html").read_text()
    assert f'data-sort="{value}"' in text
    assert "http" not in text
    assert "addEventListener" in text


def test_dropped_molecules_come_with_their_reason(tmp_path):
    screen = tmp_path / "molecules.csv"
    screen.write_text(
        "molecule,status,reason,split,smiles\nethanol,ok,,test,CCO\nradical,dropped,<open shell>,train,[CH3]\n"
    )
    table("dropped", screen, tmp_path / "out.html")
    text = (tmp_path / "out.html").read_text()
    assert "1 of 2 molecules were used, 1 dropped." in text
    assert "&lt;open shell&gt;" in text


def test_faults_are_told(summary, tmp_path):
    with pytest.raises(UserError, match="choose from accuracy"):
        table("weather", summary, tmp_path / "out.html")
    with pytest.raises(UserError, match="header: no column 'status'"):
        table("dropped", summary, tmp_path / "out.html")
