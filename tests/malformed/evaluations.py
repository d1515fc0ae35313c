"""What the report is drawn from."""

from tests.malformed.case import Kind
from tests.malformed.changes import ANY_FILE, cut, edited, replaced, text
from tests.malformed.commands import with_curves, with_history, with_molecules, with_summary

SUMMARIES = Kind(
    "summary",
    with_summary,
    ANY_FILE
    | {
        "half a header": (text("molecule,spl\n"), "header: no column"),
        "another header": (text("a,b\n1,2\n"), "header: no column 'molecule'"),
        "a row cut short": (cut(0.999), ""),
        "a number in words": (replaced(",0,", ",zero,"), "not a row of a summary"),
        "an open quotation mark": (replaced("h2o,", '"h2o,'), "quotation marks"),
        "an endless cell": (lambda good, bad: bad.write_text(good.read_text() + "x" * 200_000), "row"),
    },
)
CURVES = Kind(
    "curves",
    with_curves,
    ANY_FILE
    | {
        "half a file": (cut(0.5), "not valid JSON"),
        "a list": (text("[]"), ""),
        "no settings": (edited(lambda told: told.pop("settings") and None), "settings"),
        "a member in numbers": (edited(lambda told: told["settings"].update(member=3)), "settings.member"),
        "no histogram": (edited(lambda told: told["curves"].pop("pair") and None), "curves.pair"),
        "an edge too few": (edited(lambda told: told["curves"]["pair"]["edges"].pop() and None), "differ in length"),
        "counts below zero": (edited(lambda told: told["curves"]["bond"].update(rollout=[-1])), "curves.bond.rollout"),
        "a series in words": (
            edited(lambda told: told["curves"]["vdos"].update(rollout="flat")),
            "curves.vdos.rollout",
        ),
    },
)
HISTORIES = Kind(
    "history",
    with_history,
    {name: case for name, case in ANY_FILE.items() if name != "empty"}
    | {
        "a number in words": (replaced("0.5", "half"), "not a training history"),
        "a cell too many": (replaced("0.5", "0.5,0.5"), "as many columns"),
        "a column twice": (replaced("val_loss", "train_loss"), "stands there twice"),
    },
)
DROPPED = Kind(
    "molecules",
    with_molecules,
    ANY_FILE
    | {
        "a header alone": (text("molecule,status,reason\n"), "no rows"),
        "another header": (text("a,b\n1,2\n"), "header: no column 'molecule'"),
        "a cell too many": (replaced("no shell", "no, shell"), "as many columns"),
    },
)
