"""Graphs, systems and force fields."""

from tests.malformed.case import Kind
from tests.malformed.changes import ANY_FILE, cut, edited, replaced, text, with_keys
from tests.malformed.commands import with_forcefield, with_graph, with_system

SECRET = "<!DOCTYPE {0} [<!ENTITY x SYSTEM 'file:///etc/hostname'>]>"
LAUGHS = "<!DOCTYPE {0} [<!ENTITY a '" + "ha" * 50 + "'>" + "".join(
    f"<!ENTITY {b} '{f'&{a};' * 50}'>" for a, b in zip("abcdefg", "bcdefgh", strict=True)
) + "]>"  # fmt: skip


GRAPHS = Kind(
    "graph",
    with_graph,
    ANY_FILE
    | {
        "half a file": (cut(0.5), "not valid JSON"),
        "a list": (text("[]"), ""),
        "a number": (text("1"), ""),
        "an empty map": (text("{}"), "name"),
        "nested 100,000 deep": (text("[" * 100_000), "not valid JSON"),
        "more after its end": (lambda good, bad: bad.write_text(good.read_text() + "}"), "not valid JSON"),
        "an atom too few": (edited(lambda g: g["masses"].pop() and None), "differ in length"),
        "no atoms": (with_keys(numbers=[]), "numbers"),
        "an element 0": (with_keys(numbers=[0, 1, 1]), "numbers.0"),
        "an element 119": (with_keys(numbers=[119, 1, 1]), "numbers.0"),
        "a mass of zero": (with_keys(masses=[0, 1, 1]), "masses.0"),
        "a negative mass": (with_keys(masses=[16, -1, 1]), "masses.1"),
        "a mass that is not a number": (with_keys(masses=[float("nan"), 1, 1]), "masses.0"),
        "positions in two dimensions": (with_keys(positions=[[0, 0]] * 3), "positions.0"),
        "an infinite position": (with_keys(positions=[[float("inf"), 0, 0]] * 3), "positions.0.0"),
        "a position in words": (with_keys(positions=[["a", 0, 0]] * 3), "positions.0.0"),
        "a bond to an atom that is not there": (with_keys(bonds=[[0, 1], [0, 9]]), "bonds"),
        "a bond to a negative atom": (with_keys(bonds=[[0, 1], [-1, 2]]), "bonds.1.0"),
        "a bond of an atom with itself": (with_keys(bonds=[[0, 1], [2, 2]]), "bonds"),
        "a bond of three atoms": (with_keys(bonds=[[0, 1], [0, 1, 2]]), "bonds.1"),
        "a bond of order 7": (with_keys(bond_orders=[1, 7]), "bond_orders"),
        "an order for each atom": (with_keys(bond_orders=[1, 1, 1]), "differ in length"),
        "text for a number": (with_keys(charge="neutral"), "charge"),
    },
)

SYSTEMS = Kind(
    "system",
    with_system,
    {name: case for name, case in ANY_FILE.items() if name != "2 GiB of nothing"}
    | {
        "half a file": (cut(0.5), "not an OpenMM System"),
        "JSON": (text("{}"), "not an OpenMM System"),
        "another XML": (text("<a><b/></a>"), "not an OpenMM System"),
        "an integrator": (
            text(
                '<?xml version="1.0" ?><Integrator type="VerletIntegrator" version="1" stepSize=".001" '
                'constraintTolerance="1e-5" randomSeed="0"/>'
            ),
            "not a System",
        ),
        "no particles": (text('<?xml version="1.0" ?><System openmmVersion="8" type="System" version="1"/>'), ""),
        "a particle too few": (replaced('<Particle mass="1.008"/>', ""), "not a System of the 3 atoms"),
        "masses of another molecule": (replaced('mass="1.008"', 'mass="35.45"'), "not a System of the 3 atoms"),
        "an entity from a file": (text(SECRET.format("System") + "<System>&x;</System>"), ""),
    },
)

FORCE_FIELDS = Kind(
    "forcefield",
    with_forcefield,
    ANY_FILE
    | {
        "half a file": (cut(0.5), "mend the file"),
        "another root": (text("<Forces/>"), "expected <System> or <ForceField>"),
        "no XML": (text("force field"), "syntax error"),
        "an open tag": (replaced("</Residues>", ""), "mismatched tag"),
        "an unknown residue": (replaced('<Bond atomName1="C1" atomName2="H4"/>', ""), "template"),
        "an unknown type": (replaced('type="h"/>', 'type="x"/>'), "mend the file"),
        "a length in words": (replaced('length="0.109"', 'length="short"'), "mend the file"),
        "a length that is not a number": (replaced('length="0.109"', 'length="nan"'), "not finite"),
        "no length": (replaced('length="0.109"', ""), "mend the file"),
        "a script": (replaced("<Residues>", "<Script>import os; os.mkdir('ran')</Script><Residues>"), "<Script>"),
        "a script at the start": (
            replaced("<Residues>", "<InitializationScript>import os; os.mkdir('ran')</InitializationScript><Residues>"),
            "<InitializationScript>",
        ),
        "another file": (replaced("<Residues>", "<Include file='/etc/passwd'/><Residues>"), "<Include>"),
        "an entity from a file": (text(SECRET.format("ForceField") + "<ForceField>&x;</ForceField>"), "entity"),
        "a billion laughs": (text(LAUGHS.format("ForceField") + "<ForceField>&h;</ForceField>"), "mend the file"),
        "the system of another molecule": (
            text(
                '<?xml version="1.0" ?><System openmmVersion="8" type="System" version="1">'
                '<PeriodicBoxVectors><A x="2" y="0" z="0"/><B x="0" y="2" z="0"/><C x="0" y="0" z="2"/>'
                '</PeriodicBoxVectors><Particles><Particle mass="16"/></Particles><Constraints/><Forces/></System>'
            ),
            "1 particles, but the molecule has 5 atoms",
        ),
        "nested 100,000 deep": (text("<a>" * 100_000), ""),
    },
)
