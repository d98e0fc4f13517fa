"""The peers of the walk: OR-tools' router and PyVRP, given the same matrix, integers in dm.

Neither proves anything, and neither runs on a board. Each is asked for one closed tour of one vehicle.
"""

import numpy as np
from ortools.constraint_solver import pywrapcp, routing_enums_pb2
from pyvrp import Client, Depot, Location, ProblemData, VehicleType, solve
from pyvrp.stop import MaxRuntime

Matrix = list[list[int]]


def or_tools(ways: Matrix, guided_ms: int = 0) -> int:
    """The cheapest-arc tour and its descent, or guided local search for so long."""
    manager = pywrapcp.RoutingIndexManager(len(ways), 1, 0)
    model = pywrapcp.RoutingModel(manager)
    transit = model.RegisterTransitMatrix(ways)
    model.SetArcCostEvaluatorOfAllVehicles(transit)
    search = pywrapcp.DefaultRoutingSearchParameters()
    search.first_solution_strategy = routing_enums_pb2.FirstSolutionStrategy.PATH_CHEAPEST_ARC
    if guided_ms:
        search.local_search_metaheuristic = (
            routing_enums_pb2.LocalSearchMetaheuristic.GUIDED_LOCAL_SEARCH
        )
        search.time_limit.FromMilliseconds(guided_ms)
    found = model.SolveWithParameters(search)
    assert found is not None
    return int(found.ObjectiveValue())


def pyvrp(ways: Matrix, seconds: float) -> int:
    """Its iterated local search for so long."""
    distances = np.array(ways, dtype=np.int64)
    data = ProblemData(
        locations=[Location(0, 0) for _ in ways],  # only the matrix counts
        clients=[Client(k) for k in range(1, len(ways))],
        depots=[Depot(0)],
        vehicle_types=[VehicleType(1)],
        distance_matrices=[distances],
        duration_matrices=[np.zeros_like(distances)],
    )
    result = solve(data, MaxRuntime(seconds), seed=1, display=False)
    assert result.is_feasible()
    return int(result.cost())
