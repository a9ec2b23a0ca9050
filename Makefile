# Sugar only: every line here can be typed by hand, and nothing else depends on make.
UV = python3 -m uv

.PHONY: test lint reformat types schemas rules demo-data pins upgrade package coverage tour quick tests-table licences-table

test:      ## everything that .ci/run checks
	$(UV) run pytest

quick:     ## most tests in about two minutes: no Neo4j, no slow tests
	$(UV) run pytest -m "not neo4j and not slow"

lint:      ## what tests/project checks of style, alone and fast
	$(UV) run ruff format --check
	$(UV) run ruff check
	$(UV) run lint-imports

reformat:
	$(UV) run ruff format
	$(UV) run ruff check --fix

types:
	$(UV) run mypy

schemas:   ## write the JSON Schemas after a record has changed
	$(UV) run python -m lineage_schemas.export

rules:     ## write docs/rules/ and the table of docs/evidence.md after a rule has changed
	$(UV) run python -m tools.write_rules

demo-data: ## build the demo's directory Hub again: make demo-data HISTORY=FILE ZOO=FOLDER
	$(UV) run python tools/make_demo.py --history $(HISTORY) --zoo $(ZOO)

tests-table: ## write CONTRIBUTING's table of the tests that hold each source file
	$(UV) run python -m tools.write_tests_table

licences-table: ## write the tables of docs/licences.md after a change of the licences
	$(UV) run python -m tools.write_licences

tour:      ## run the README's commands again and paste what they print
	$(UV) run python tools/write_tour.py

pins:      ## after a change of dependencies: pin what is new, keep what is pinned
	python3 tools/write_pins.py

upgrade:   ## pin the newest versions that are at least a week old
	python3 tools/write_pins.py --upgrade

package:   ## wheel and sdist into dist/
	$(UV) build

coverage:
	$(UV) run coverage run -m pytest
	$(UV) run coverage combine
	$(UV) run coverage report
