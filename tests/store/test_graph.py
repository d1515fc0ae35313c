import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mdsnake.errors import UserError
from mdsnake.store.graph import MoleculeGraph


@pytest.fixture
def ethane_graph(ethane: Path) -> MoleculeGraph:
    return MoleculeGraph.load(ethane / "graph.json")


def test_what_is_saved_is_loaded(ethane_graph: MoleculeGraph, tmp_path: Path) -> None:
    ethane_graph.save(tmp_path / "graph.json")
    assert MoleculeGraph.load(tmp_path / "graph.json") == ethane_graph


def test_the_file_holds_topological_distances(ethane: Path, ethane_graph: MoleculeGraph) -> None:
    stored = json.loads((ethane / "graph.json").read_text())["topological_distances"]
    assert stored == ethane_graph.topological_distances.tolist()
    distances = ethane_graph.topological_distances
    assert np.bincount(distances[np.triu_indices(8, 1)]).tolist() == [0, 7, 12, 9]
    assert np.array_equal(distances, distances.T)


def test_fragments_are_far_apart(ethane_graph: MoleculeGraph) -> None:
    broken = dataclasses.replace(ethane_graph, bonds=[b for b in ethane_graph.bonds if b != [0, 1]])
    assert broken.topological_distances[0, 1] == 99


def test_angles_dihedrals_and_torsions_of_ethane(ethane_graph: MoleculeGraph) -> None:
    assert len(ethane_graph.angles) == 12
    assert len(ethane_graph.dihedrals) == 9
    assert len(ethane_graph.torsions) == 1
    i, j, k, m = ethane_graph.torsions[0]
    assert {j, k} == {0, 1}
    assert [i, m] == [min(a for a in ethane_graph.neighbours[end] if a > 1) for end in (j, k)]


def test_a_ring_bond_is_no_torsion(ethane_graph: MoleculeGraph) -> None:
    ringed = dataclasses.replace(ethane_graph, bond_rings=[1] * len(ethane_graph.bonds))
    assert ringed.torsions.shape == (0, 4)


def test_bond_lengths_are_those_of_the_conformer(ethane_graph: MoleculeGraph) -> None:
    lengths = dict(zip(map(tuple, ethane_graph.bonds), ethane_graph.bond_lengths, strict=True))
    assert lengths.pop((0, 1)) == pytest.approx(0.153, abs=0.002)
    assert np.allclose(list(lengths.values()), 0.109, atol=0.002)


@pytest.mark.parametrize("content", [None, "{", "[]", '{"name": "x"}'])
def test_a_missing_or_broken_file_is_one_clear_line(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "graph.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(UserError, match=r"graph\.json: ") as error:
        MoleculeGraph.load(path)
    assert "\n" not in str(error.value)
