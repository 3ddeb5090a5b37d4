"""Check arguments of public functions at their door; `auctionsim.numbers` checks whole numbers, seeds and truth values."""

from auctionsim.arguments.arrays import finite_vector, number_between, one_number_of, real_numbers
from auctionsim.arguments.objects import (
    hint_for_table,
    instance_of,
    is_listing,
    one_of,
    options,
    path,
    text,
    texts,
    with_methods,
)

__all__ = [
    "finite_vector",
    "hint_for_table",
    "instance_of",
    "is_listing",
    "number_between",
    "one_number_of",
    "one_of",
    "options",
    "path",
    "real_numbers",
    "text",
    "texts",
    "with_methods",
]
