"""Studies with known truth: simulated people who answer simulated questionnaires."""

from bowlby.simulate.reference import reference_config, reference_population
from bowlby.simulate.scenarios import SCENARIOS, Scenario
from bowlby.simulate.study import SimulatedStudy, simulate_study
from bowlby.simulate.write import write_study

__all__ = [
    "SCENARIOS",
    "Scenario",
    "SimulatedStudy",
    "reference_config",
    "reference_population",
    "simulate_study",
    "write_study",
]
