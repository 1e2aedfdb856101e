# make demo       pre-train on the bundled images in a few minutes, with one backend installed
# make test       the suite on TensorFlow, JAX and torch, and on the lowest Keras
# make test-slow  the tests that take minutes
# make lint       style and types

PYTHON ?= python3
BACKENDS ?= tensorflow jax torch
DEMO_BACKEND ?= tensorflow
DEMO_ARGS ?= --data sample --minutes 4
DEMO_OUTPUT := runs/demo-$(shell date +%Y%m%d-%H%M%S)
# The lower end of the range in pyproject.toml, and what each backend runs on it besides training,
# saving and loading across backends.
LOWEST_KERAS := 3.11.0
LOWEST_TESTS ?= tests/heads tests/losses
PYTEST_ARGS ?=
# Tests at once, each in a process that compiles on its own: one a core.
WORKERS ?= auto

export TF_CPP_MIN_LOG_LEVEL ?= 3

pip_install := .venv/bin/python -m pip install --quiet --constraint constraints.txt
pytest = .venv/bin/python -m pytest --numprocesses $(WORKERS) $(PYTEST_ARGS)
lowest_folder := $(CURDIR)/.keras-lowest/$(LOWEST_KERAS)

.PHONY: demo test test-slow test-lowest lint clean

demo: .venv/.installed-$(DEMO_BACKEND)
	KERAS_BACKEND=$(DEMO_BACKEND) .venv/bin/keras-simmim pretrain $(DEMO_ARGS) --output $(DEMO_OUTPUT)

# $(call each_backend,ENVIRONMENT,PYTEST ARGUMENTS): a process for each, all of them even after a
# failure; the shell variable `failed` collects the names of those that failed.
# $(call across_backends,ENVIRONMENT,PYTEST ARGUMENTS): the tests that start such processes.
each_backend = for backend in $(BACKENDS); do \
	echo "== $$backend $(1)"; \
	$(1) KERAS_BACKEND=$$backend $(pytest) $(2) || failed="$$failed $$backend"; \
	done
across_backends = echo "== across backends $(1)"; \
	$(1) $(pytest) --dist loadfile tests/across_backends $(2) || failed="$$failed across_backends"
lowest_keras = $(call each_backend,PYTHONPATH=$(lowest_folder),$(LOWEST_TESTS)); \
	$(call across_backends,PYTHONPATH=$(lowest_folder))
report_failed = if [ -n "$$failed" ]; then echo "Failed:$$failed"; exit 1; fi

test: .venv/.installed-dev $(lowest_folder)
	@failed=; $(call each_backend,,tests --ignore=tests/across_backends); \
	$(call across_backends); $(lowest_keras); $(report_failed)

# They compute much: one at a time, and XLA optimises what it compiles, as it does for users.
test-slow: WORKERS := 0
test-slow: .venv/.installed-dev
	@failed=; $(call each_backend,XLA_FLAGS=,tests --ignore=tests/across_backends -m slow); \
	$(call across_backends,XLA_FLAGS=,-m slow); $(report_failed)

test-lowest: .venv/.installed-dev $(lowest_folder)
	@failed=; $(lowest_keras); $(report_failed)

lint: .venv/.installed-dev
	.venv/bin/ruff check
	.venv/bin/ruff format --check
	.venv/bin/mypy

clean:
	rm -rf .venv .keras-lowest

# Each stamp says what was installed; a change of the pins or of the package's needs renews it.
.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/.installed-dev: pyproject.toml constraints.txt | .venv/bin/python
	$(pip_install) --editable '.[tensorflow,jax,torch,dev]'
	touch $(BACKENDS:%=.venv/.installed-%) $@

.venv/.installed-%: pyproject.toml constraints.txt | .venv/bin/python
	$(pip_install) --editable '.[$*,tensorboard,report]'
	touch $@

$(lowest_folder): | .venv/bin/python
	rm -rf .keras-lowest
	.venv/bin/python -m pip install --quiet --no-deps --target $@ keras==$(LOWEST_KERAS)
