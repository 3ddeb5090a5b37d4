"""The section `[information]`: what bidders know of the market, and what needs to know how much."""

from auctionsim.scenario.information.needs import check_information
from auctionsim.scenario.information.section import REGIMES, InformationSection, Regime

__all__ = ["REGIMES", "InformationSection", "Regime", "check_information"]
