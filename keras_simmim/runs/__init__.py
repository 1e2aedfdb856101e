"""Runs of the command line: a configuration, a run folder, and what happens in between."""

from keras_simmim.runs.checkpoint import Checkpoint as Checkpoint
from keras_simmim.runs.compare import compare as compare
from keras_simmim.runs.evaluate import evaluate as evaluate
from keras_simmim.runs.images_of_run import images_of_run as images_of_run
from keras_simmim.runs.list_runs import list_runs as list_runs
from keras_simmim.runs.pretrain import pretrain as pretrain
from keras_simmim.runs.report import report as report
from keras_simmim.runs.run_config import RunConfig as RunConfig
from keras_simmim.runs.run_error import RunError as RunError
from keras_simmim.runs.stopped import Stopped as Stopped
