"""What TensorRT says is kept, told by the call that said it, through the one logger of the process."""
import gc

import pytest
from tensorrt_double import install

from dance_edge.runtime.tensorrt_api import load_tensorrt
from dance_edge.runtime.tensorrt_journal import KEPT_ERRORS, Journal, open_journal


@pytest.fixture
def trt(monkeypatch):
    install(monkeypatch)
    return load_tensorrt()


def test_each_call_has_its_own_words(trt):
    journal = Journal(trt)
    journal.logger.log(trt.ILogger.ERROR, "first\n  of two lines")
    heard = journal.heard
    assert (journal.last(0), journal.last(heard), journal.since(heard)) == ("first of two lines", "", [])
    journal.logger.log(trt.ILogger.ERROR + 1, "a warning")
    journal.logger.log(trt.ILogger.ERROR - 1, "second")
    journal.logger.log(trt.ILogger.ERROR, "third")
    assert journal.since(heard) == ["second", "third"] and journal.last(heard) == "third"


def test_no_more_is_kept_than_anybody_reads(trt):
    journal = Journal(trt)
    for number in range(KEPT_ERRORS + 10):
        journal.hear(str(number))
    assert journal.heard == KEPT_ERRORS + 10 and len(journal.since(0)) == KEPT_ERRORS
    assert journal.since(journal.heard - 2) == ["264", "265"] and journal.since(journal.heard) == []


@pytest.mark.parametrize("said", [
    "[defaultAllocator.cpp::allocate::20] Error Code 1: Cuda Runtime (out of memory)",
    "Error Code 2: OutOfMemory (no further information)", "FAILED_ALLOCATION: std::bad_alloc",
    "Requested amount of GPU memory (1024 bytes) could not be allocated."])
def test_memory_is_found_among_what_follows_on_it(trt, said):
    journal = Journal(trt)
    journal.hear(said)
    journal.hear("Error Code 4: Internal Error (Engine deserialization failed.)")
    assert journal.of_memory(0) == said and journal.of_memory(1) == ""


@pytest.mark.parametrize("said", [
    "[defaultAllocator.cpp::deallocate::61] Error Code 1: Cuda Runtime (unspecified launch failure)",
    "Serialization assertion stdVersionRead == serializationVersion failed."])
def test_what_is_not_about_memory(trt, said):
    journal = Journal(trt)
    journal.hear(said)
    assert journal.of_memory(0) == ""


def test_a_process_has_one_journal_and_tensorrt_no_second_logger(trt):
    journal = open_journal(trt)
    assert open_journal(trt) is journal
    trt.Runtime(journal.logger)
    logger = journal.logger
    assert trt.Runtime(logger) and trt.Builder(logger)
    with pytest.raises(AssertionError, match="a second logger"):
        trt.Runtime(Journal(trt).logger)


def test_the_double_notices_a_logger_that_is_gone(trt):
    journal = Journal(trt)
    trt.Runtime(journal.logger)
    del journal
    gc.collect()
    with pytest.raises(AssertionError, match="the logger went"):
        trt.Runtime(open_journal(trt).logger)


def test_another_module_has_its_own(trt, monkeypatch):
    journal = open_journal(trt)
    install(monkeypatch, "10")
    assert open_journal(load_tensorrt()) is not journal
