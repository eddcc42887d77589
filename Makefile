# A thin front: each target is a script of tools/, which installs what it needs and is quick the next time.

PYTHON_2 = build/venv/2.0.0/bin/python

.PHONY: all demo test soak bench check format clean distclean

all:
	tools/setup.sh build
	tools/build.sh release

demo:
	tools/setup.sh build python
	tools/venv.sh tools 2.0.0
	tools/wheel.sh 2.0.0
	$(PYTHON_2) bench/demo.py

test:
	tools/test.sh

soak:
	DUCKROW_SOAK=1 tools/test.sh

bench: all
	tools/setup.sh python bench node
	tools/venv.sh tools 1.5.6 2.0.0 quack
	tools/fetch_engines.sh
	tools/wheel.sh 1.5.6 2.0.0
	tools/npm.sh
	$(PYTHON_2) bench/bench.py
	$(PYTHON_2) bench/service.py

check:
	tools/check.sh

format:
	tools/format.sh

# What was compiled; downloads and Python environments stay.
clean:
	rm -rf $(addprefix build/,dev release asan tsan clang gcc fuzz wheel node/package node/installed logs ruff mypy)

distclean:
	rm -rf build node/node_modules
