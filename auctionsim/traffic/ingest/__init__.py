"""Raw logs to traffic tables, out of core on DuckDB.

A format (one file each: `auctions_csv`, `auctionnet`, `ipinyou`, `criteo`) says how a file's columns are found, what they must
hold, and which SQL makes rows of the common log of them. What follows is the same for all: `reading`, `rates`, `cells`,
`summary`, put together in `pipeline`.
"""
