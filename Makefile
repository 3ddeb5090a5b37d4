# Everything runs in .venv, made from Python 3.11 and make alone. `make help` lists the verbs.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
DATA ?= ../shared/data
OUT ?= runs

export RAY_USAGE_STATS_ENABLED := 0

.DEFAULT_GOAL := help
FUZZ := $(BIN)/python -m tests.fuzz
MINUTES ?= 10
# Processes of fuzz-minute and of test-extras.
JOBS ?= 2
# One environment for each client, on top of $(VENV): only what it adds or pins otherwise is downloaded.
CLIENT ?= $(patsubst tests/clients/requirements/%.txt,%,$(wildcard tests/clients/requirements/*.txt))
CLIENTS := build/clients

LOWEST := build/lowest
CORE := tests/agents tests/auction tests/bounds tests/envs tests/equilibria tests/games tests/market tests/objectives tests/scenario tests/traffic tests/jobs/distributed/test_own_ray.py

.PHONY: check-results faults help setup demo demo-real story result test extras test-fresh test-long golden-bytes soak fuzz fuzz-minute test-browser test-extras test-clients test-lowest check docs notebooks gallery lint format types profile readme-figure clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/.installed ## make .venv and install the project with its pinned dependencies

# Installed again only when what is installed changes. pip would compile the 18,000 files of all packages one after the other; some
# are meant not to compile.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt --editable '.[all,dev,docs]'
	@$(BIN)/python -m compileall -qq -j 0 $(VENV)/lib || true
	@touch $@

demo: setup ## three arms on traffic calibrated on public data: runs/demo/report/index.html
	$(BIN)/auctionsim demo --out $(OUT)/demo

demo-real: setup ## the same on tables built from public files: make demo-real DATA=folder
	$(BIN)/auctionsim demo --data $(DATA) --out $(OUT)/demo-real

story: setup ## the README's claims on 5 seeds, real table included where DATA is: seven minutes
	rm -rf $(OUT)/story
	$(BIN)/auctionsim demo --scenario three-arms --out $(OUT)/story/three-arms
	$(BIN)/auctionsim demo --out $(OUT)/story/calibrated
	if [ -d $(DATA) ]; then $(BIN)/auctionsim demo --data $(DATA) --out $(OUT)/story/real; fi
	$(BIN)/python benchmarks/check_story.py $(OUT)/story/*

result: setup ## run a study and keep its table: make result STUDY=calvano
	$(BIN)/auctionsim reproduce $(STUDY) --out $(OUT)/$(STUDY)
	mkdir -p docs/results
	cp $(OUT)/$(STUDY)/results.parquet docs/results/$(STUDY).parquet
	sed -e "/^!\[/,+1d" -e "/^Made by/s| --out $(OUT)/$(STUDY)||" $(OUT)/$(STUDY)/table.md > docs/results/$(STUDY).md

check-results: setup ## measure one seed of every arm of the committed tables again, to the last bit: make check-results STUDY=calvano; an hour for all
	$(BIN)/python benchmarks/check_results.py $(if $(wildcard $(DATA)),--data $(DATA)) $(STUDY)

test: setup ## the test suite, but for what make test-long runs; property tests draw the same cases each time, large ones a quarter
	AUCTIONSIM_FEWER_EXAMPLES=1 $(BIN)/python -m pytest -n 2 --dist loadgroup -m "not long" --hypothesis-seed=0 --durations 40

test-fresh: setup ## the property tests alone, in full, on cases not drawn before
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m hypothesis

test-long: setup ## the tests that take longest: further pages, notebooks and processes of Ray
	$(BIN)/python -m pytest -n 2 --dist loadgroup -m long

golden-bytes: setup ## compare all bytes that are promised with those of an emulated older processor: a minute
	$(BIN)/python benchmarks/golden_bytes.py

faults: setup ## every command under every fault, and the table in docs/reliability.md: twenty minutes and more
	$(BIN)/python -m tests.faults --write docs/reliability.md

soak: setup ## kill runs 50 times at random moments: five minutes
	$(BIN)/python -m pytest tests/jobs/test_faults.py tests/jobs/test_simulated_cluster.py --kills 50

fuzz: setup ## look for inputs that end badly: make fuzz MINUTES=10 TARGET=scenarios SEED=3 (minutes for each target)
	$(FUZZ) --minutes $(MINUTES) $(if $(TARGET),--target $(TARGET)) $(if $(SEED),--seed $(SEED))

fuzz-minute: setup ## the same with a fixed seed and number of cases, as CI runs it
	$(FUZZ) --quick --jobs $(JOBS)

extras: $(VENV)/.extras ## install Stable-Baselines3 and RLlib

# Once: while pip installs the project again, nothing can import it, such as the fuzzer that CI runs beside the extras' tests.
$(VENV)/.extras: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --constraint constraints.txt --editable '.[all,dev,sb3,rllib]'
	@touch $@

test-extras: extras ## with Stable-Baselines3 and RLlib: their examples in short form, and the former's client tests, floors on
	CLIENT_REQUIRED=1 $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup tests/test_extras.py tests/clients/test_sb3.py

test-browser: setup ## the report in Chromium: pointer, keyboard, filters, accessibility, print; the system's Chromium, or playwright's own
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[all,dev,browser]'
	BROWSER_REQUIRED=1 $(BIN)/python -m pytest tests/analysis/reports/test_browser.py

test-clients: $(CLIENT:%=test-client-%) ## other people's learners, floors on, each in its own environment: make -k test-clients CLIENT=sb3

test-client-%: $(CLIENTS)/%/.installed
	CLIENT_REQUIRED=1 $(CLIENTS)/$*/bin/python -m pytest tests/clients/test_$*.py

.PRECIOUS: $(CLIENTS)/%/.installed
$(CLIENTS)/%/.installed: tests/clients/requirements/%.txt $(VENV)/.installed
	rm -rf $(CLIENTS)/$*
	$(PYTHON) -m venv $(CLIENTS)/$*
	$(BIN)/python -c 'import sysconfig as s; print("import site; site.addsitedir(%r)" % s.get_path("purelib"))' \
		> "$$($(CLIENTS)/$*/bin/python -c 'import sysconfig as s; print(s.get_path("purelib"))')/zz-auctionsim.pth"
	$(CLIENTS)/$*/bin/python -m pip install --quiet --disable-pip-version-check $$(sed -n 's/^# pip: //p' $<) --requirement $<
	@touch $@

# Libraries older than today's warn about each other, which is not what is tested.
test-lowest: ## the core tests on the oldest versions that pyproject.toml allows, in build/lowest
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check uv
	$(LOWEST)/bin/uv pip install --quiet --python $(LOWEST)/bin/python --resolution lowest-direct --editable '.[cluster,dev,ingest]'
	$(LOWEST)/bin/python -m pytest --base -W ignore::DeprecationWarning $(CORE)

check: lint types test fuzz-minute docs ## what CI runs, but for test-extras

docs: setup ## the documentation site in build/docs, without network; a broken link or any other warning is an error
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs build/docs

notebooks: setup ## run the notebooks of docs/tutorials and write their outputs into them
	$(BIN)/python docs/run_notebooks.py

gallery: setup ## make the figures of docs/gallery.md by the commands under them, but for the demo's: readme-figure
	$(BIN)/python docs/make_gallery.py

lint: setup ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup ## mypy, strict
	$(BIN)/mypy auctionsim

profile: setup ## compute the profiles alimama, from the public files, and ipinyou, from published aggregates, again
	$(BIN)/python -m auctionsim.traffic.profiles.calibrate $(DATA) auctionsim/traffic/profiles/alimama.toml
	$(BIN)/python -m auctionsim.traffic.profiles.ipinyou auctionsim/traffic/profiles/ipinyou.toml

readme-figure: setup ## copy the demo's figures into docs/images
	mkdir -p docs/images
	cp $(OUT)/demo/report/figures/arms.png docs/images/three-arms.png
	cp $(OUT)/demo/report/figures/hourly.png docs/images/hourly-revenue.png

clean: ## remove everything made, runs included
	rm -rf $(VENV) build dist runs *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
